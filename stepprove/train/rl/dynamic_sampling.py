"""DAPO's dynamic sampling (arXiv 2503.14476): problems are asked until enough of them teach."""

from __future__ import annotations

from collections.abc import Sequence

from stepprove.serving.serve.batching import Source
from stepprove.train.rl.options import RlvrOptions
from stepprove.train.rl.rlvr import Group, Sampler, taught


def in_waves(sample: Sampler, options: RlvrOptions) -> Sampler:
    """Rounds of up to `options.waves` waves, each what `sample` writes for the next number, until `options.problems` teach.

    A round's waves have the same numbers when it is asked again, whatever earlier rounds needed.
    """

    async def sampled(source: Source, number: int) -> Sequence[Group]:
        groups: list[Group] = []
        for wave in range(options.waves):
            groups += await sample(source, number * options.waves + wave)
            if taught([group.rewards for group in groups]) >= options.problems:
                break
        return groups

    return sampled
