"""The figures of an update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stepprove.train.rl.batches import Group, informative_groups
from stepprove.train.rl.options import RlvrOptions as RlvrOptions
from stepprove.train.rl.update import StepFigures


@dataclass(frozen=True, slots=True)
class Update:
    """The figures of one update; seconds are wall-clock time."""

    number: int
    loss: float
    grad_norm: float
    reward: float
    """Mean over the known rewards."""
    unknown: float
    """Share of texts without a verdict."""
    taught: int
    """Groups with mixed rewards; the name is that of the run's `metrics.jsonl`."""
    trusted: float
    """Share of written tokens that MIS-PO kept; 1 with another loss."""
    drift: float
    """Mean over written tokens of |log-probability now - log-probability when sampled|, in nats."""
    tokens: float
    """Mean number of written tokens in a text."""
    checks: float
    """Mean number of Lean answers in a text."""
    truncated: float
    sampling_seconds: float
    update_seconds: float
    lean_seconds: float
    """Sum over all engines while sampling."""
    angle: float | None = None
    """Mean angle in radians by which matrices turned; None: not measured."""


@dataclass(frozen=True, slots=True)
class _Texts:
    """The figures of one group's texts."""

    rewards: tuple[float, ...]
    tokens: tuple[int, ...]
    checks: int
    truncated: int
    lean_seconds: float


def text_figures(groups: Sequence[Group]) -> list[_Texts]:
    """Return the figures of each group's texts, which processes exchange."""
    return [
        _Texts(
            rewards=group.rewards,
            tokens=tuple(sum(rollout.own) for rollout in group.rollouts),
            checks=sum(rollout.checks for rollout in group.rollouts),
            truncated=sum(rollout.truncated for rollout in group.rollouts),
            lean_seconds=sum(rollout.lean_seconds for rollout in group.rollouts),
        )
        for group in groups
    ]


def update_figures(
    number: int, texts: Sequence[_Texts], learned: StepFigures, sampling_seconds: float, update_seconds: float
) -> Update:
    """Return the figures of an update from those of its texts and of its optimiser step."""
    rewards = [reward for group in texts for reward in group.rewards]
    judged = [reward for reward in rewards if reward == reward]
    return Update(
        number=number,
        loss=learned.loss,
        grad_norm=learned.grad_norm,
        reward=sum(judged) / len(judged) if judged else float("nan"),
        unknown=1 - len(judged) / len(rewards),
        taught=informative_groups([group.rewards for group in texts]),
        trusted=learned.trusted,
        drift=learned.drift,
        tokens=sum(sum(group.tokens) for group in texts) / len(rewards),
        checks=sum(group.checks for group in texts) / len(rewards),
        truncated=sum(group.truncated for group in texts) / len(rewards),
        sampling_seconds=round(sampling_seconds, 3),
        update_seconds=round(update_seconds, 3),
        lean_seconds=round(sum(group.lean_seconds for group in texts), 3),
    )
