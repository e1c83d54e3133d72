"""DAPO's dynamic sampling: sample further batches until enough groups have mixed rewards (arXiv 2503.14476, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

from stepprove.serving.serve.sampler import Sampler
from stepprove.train.rl.batches import Group, informative_groups
from stepprove.train.rl.options import RlvrOptions
from stepprove.train.rl.rlvr import RoundSampler


def dynamic_sampling(sample: RoundSampler, options: RlvrOptions) -> RoundSampler:
    """Wrap a round sampler so that a round takes up to `options.waves` batches.

    Round n draws batches n * waves, n * waves + 1, … of `sample` and stops once `options.problems` groups have mixed
    rewards. Batch numbers depend on n alone, so a resumed run samples the same problems.

    Args:
        sample: samples one batch by its number.
        options: `waves` and `problems`.

    Returns:
        A sampler of whole rounds.
    """

    async def sample_round(sampler: Sampler, number: int) -> Sequence[Group]:
        groups: list[Group] = []
        for batch in range(options.waves):
            groups += await sample(sampler, number * options.waves + batch)
            if informative_groups([group.rewards for group in groups]) >= options.problems:
                break
        return groups

    return sample_round
