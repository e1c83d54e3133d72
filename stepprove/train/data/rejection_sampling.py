"""Rare successes: right texts about problems that nearly always fail, kept while a model is reinforced, to be learned from again.

StepFun-Prover's cycle (arXiv 2507.20199) feeds them back into fine-tuning where their reasoning is clear and they use Lean's
feedback well. Of that is asked here what can be told without a judge of style: no sketch stands twice, and the last sketch is one
with which Lean found no fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from stepprove.agent.models.stepfun import END, End, Trajectory
from stepprove.serving.serve.batching import Sampler
from stepprove.train.rl.rlvr import Group, RoundSampler
from stepprove.train.rl.rollout import ProofRollout
from stepprove.train.run_folder import replaced
from stepprove.train.sft.records import line_of, read_records


class RareText(BaseModel):
    """A right text, in the form that fine-tuning reads."""

    model_config = ConfigDict(frozen=True)

    update: int
    """The round in which it was written."""
    name: str
    """The theorem's."""
    share: float
    """Of the texts about it that were right."""
    pieces: tuple[tuple[str, bool], ...]


def remembering(sample: RoundSampler, rounds: dict[int, Sequence[Group]]) -> RoundSampler:
    """The same sampler; what it wrote is put into `rounds`."""

    async def sampled(sampler: Sampler, number: int) -> Sequence[Group]:
        rounds[number] = await sample(sampler, number)
        return rounds[number]

    return sampled


def rare_texts(groups: Sequence[Group], number: int, most: float) -> Iterator[RareText]:
    """Those of round `number` about problems of which at most the share `most` of the texts that are known was right."""
    for group in groups:
        known = [reward for reward in group.rewards if reward == reward]
        share = sum(known) / len(known) if known else 0.0
        if not 0 < share <= most:
            continue
        for rollout, reward in zip(group.rollouts, group.rewards, strict=True):
            if reward == 1 and isinstance(rollout, ProofRollout) and is_clear(rollout.trajectory):
                text = rollout.trajectory
                segments = (*text.segments(), (END, True))
                yield RareText(update=number, name=text.problem.name, share=share, pieces=segments)


def is_clear(text: Trajectory) -> bool:
    """Whether a right text ends by itself, asks Lean nothing twice, and answers after a sketch that Lean accepted."""
    checks = [turn.checked for turn in text.turns if turn.checked is not None]
    sketches = [check.sketch for check in checks]
    accepted = not checks or checks[-1].clean
    return text.end is End.FINISHED and accepted and len(set(sketches)) == len(sketches)


def cut_after(path: Path, done: int) -> None:
    """Leave what the first `done` rounds gave: a round that came after the checkpoint is written again. Raises OSError."""
    if path.exists():
        kept = [text for text in read_records(path, RareText) if text.update < done]
        replaced(path, b"".join(map(line_of, kept)))
