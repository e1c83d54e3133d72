"""Rejection sampling of rare successes: correct texts for problems that nearly always fail, kept for fine-tuning.

StepFun-Prover's cycle (arXiv 2507.20199) fine-tunes on such texts when their reasoning is clear and they use Lean's feedback
well. This module checks two properties that need no judge of style: no sketch occurs twice, and the last sketch has no error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from stepprove.agent.models.stepfun import END, End
from stepprove.agent.models.trajectory import Trajectory
from stepprove.serving.serve.sampler import Sampler
from stepprove.train.rl.batches import Group
from stepprove.train.rl.rlvr import RoundSampler
from stepprove.train.rl.rollout import ProofRollout
from stepprove.train.run_folder import replaced
from stepprove.train.sft.records import line_of, read_records


class RareText(BaseModel):
    """A correct text, in the format of fine-tuning data."""

    model_config = ConfigDict(frozen=True)

    update: int
    """The round that sampled it."""
    name: str
    """The theorem's name."""
    share: float
    """Share of the theorem's texts that were correct."""
    pieces: tuple[tuple[str, bool], ...]


def remembering(sample: RoundSampler, rounds: dict[int, Sequence[Group]]) -> RoundSampler:
    """Wrap a sampler so that it stores each round in `rounds`."""

    async def sampled(sampler: Sampler, number: int) -> Sequence[Group]:
        rounds[number] = await sample(sampler, number)
        return rounds[number]

    return sampled


def rare_texts(groups: Sequence[Group], number: int, most: float) -> Iterator[RareText]:
    """Yield the clear, correct texts of problems that rarely succeed.

    Args:
        groups: the round's groups.
        number: the round's number.
        most: largest share of correct texts, among those with a known reward.
    """
    for group in groups:
        judged = [reward for reward in group.rewards if reward == reward]
        share = sum(judged) / len(judged) if judged else 0.0
        if not 0 < share <= most:
            continue
        for rollout, reward in zip(group.rollouts, group.rewards, strict=True):
            if reward == 1 and isinstance(rollout, ProofRollout) and is_clear(rollout.trajectory):
                text = rollout.trajectory
                segments = (*text.segments(), (END, True))
                yield RareText(update=number, name=text.problem.name, share=share, pieces=segments)


def is_clear(text: Trajectory) -> bool:
    """Return whether a correct text ends by itself, repeats no sketch, and ends on a sketch without errors."""
    checks = [turn.checked for turn in text.turns if turn.checked is not None]
    sketches = [check.sketch for check in checks]
    accepted = not checks or checks[-1].clean
    return text.end is End.FINISHED and accepted and len(set(sketches)) == len(sketches)


def cut_after(path: Path, done: int) -> None:
    """Keep the texts of the first `done` rounds; a resumed run writes later ones again. Raises OSError."""
    if path.exists():
        kept = [text for text in read_records(path, RareText) if text.update < done]
        replaced(path, b"".join(map(line_of, kept)))
