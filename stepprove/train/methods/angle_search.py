"""Angle-based search (arXiv 2004.13431): rank a supernet's operators by the angle that their weights turn in training.

A supernet holds every operator at every place; training runs random single paths through it. An architecture's angle is the
angle between its initial and its current weights, taken as one vector; a larger angle means faster learning. The search drops
operators of small angle, stage by stage, until few architectures remain. It evaluates no data.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Architecture = tuple[str, ...]
"""The operator at each place."""
Space = tuple[tuple[str, ...], ...]
"""The operators that may stand at each place."""

_MOST_DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Turned:
    """Sums over some weights from which the angle of a longer vector follows, without building the vector."""

    start: float = 0.0
    """|w0|²."""
    along: float = 0.0
    """<w0, w - w0>."""
    moved: float = 0.0
    """|w - w0|²."""

    def __add__(self, other: Turned) -> Turned:
        return Turned(self.start + other.start, self.along + other.along, self.moved + other.moved)

    @property
    def angle(self) -> float:
        """Angle between w0 and w in radians, exact for small angles too; NaN where one of them is 0."""
        if self.start == 0 or self.magnitude == 0:
            return math.nan
        # w0 and w span the same area as w0 and w - w0.
        area = math.sqrt(max(0.0, self.start * self.moved - self.along**2))
        return math.atan2(area, self.start + self.along)

    @property
    def magnitude(self) -> float:
        """|w|, the baseline of the paper."""
        return math.sqrt(max(0.0, self.start + 2 * self.along + self.moved))


STILL = Turned()
"""The sums of an operator without weights, such as the identity."""


@torch.no_grad()
def turned(before: Iterable[Tensor], after: Iterable[Tensor]) -> Turned:
    """Compute the sums from initial and current weights, in the same order."""
    total = STILL
    for old, new in zip(before, after, strict=True):
        start, move = old.double().flatten(), (new.double() - old.double()).flatten()
        total += Turned(float(start @ start), float(start @ move), float(move @ move))
    return total


def pooled(channels: int, size: int) -> Turned:
    """Compute the sums of a pooling, a convolution with fixed weights 1 / size² [channels, size, size]."""
    return Turned(start=channels / size**2)


def along_paths(
    architecture: Architecture,
    operators: Mapping[tuple[int, str], Turned | None],
    paths: Sequence[Sequence[int]] | None = None,
    always: Turned = STILL,
) -> Turned:
    """Sum an architecture's weights over its paths.

    Args:
        architecture: the operator at each place.
        operators: the sums of each operator at each place; None: it blocks, so paths through it do not count.
        paths: the places of each path from input to output; a place counts once for each path. None: one path over all.
        always: the sums of shared weights, such as the classifier's.

    Source: arXiv 2004.13431, section 3.2.
    """
    total = always
    for path in [range(len(architecture))] if paths is None else paths:
        parts = [operators[place, architecture[place]] for place in path]
        for part in parts if None not in parts else ():
            assert part is not None
            total += part
    return total


def size(space: Space) -> int:
    """Return the number of architectures of a space."""
    return math.prod(len(operators) for operators in space)


def draw(
    space: Space,
    rng: random.Random,
    *,
    given: tuple[int, str] | None = None,
    fits: Callable[[Architecture], bool] = lambda architecture: True,
) -> Architecture | None:
    """Draw a fitting architecture uniformly, with the `given` (place, operator); None after 10,000 misses."""
    for _ in range(_MOST_DRAWS):
        drawn = [rng.choice(operators) for operators in space]
        if given is not None:
            drawn[given[0]] = given[1]
        if fits(tuple(drawn)):
            return tuple(drawn)
    return None


def operator_scores(
    space: Space,
    score: Callable[[Architecture], float],
    rng: random.Random,
    *,
    samples: int = 1000,
    fits: Callable[[Architecture], bool] = lambda architecture: True,
) -> dict[tuple[int, str], float]:
    """Return the mean score of `samples` architectures with each operator; minus infinity where none fits.

    A NaN score counts as 0: missing weights do not turn.
    """
    means: dict[tuple[int, str], float] = {}
    for place, operators in enumerate(space):
        for operator in operators:
            drawn = (draw(space, rng, given=(place, operator), fits=fits) for _ in range(samples))
            total = 0.0
            for architecture in drawn:
                if architecture is None:
                    total = -math.inf
                    break
                value = score(architecture)
                total += 0.0 if math.isnan(value) else value
            means[place, operator] = total / samples
    return means


def shrink(
    space: Space,
    scores: Mapping[tuple[int, str], float],
    drop: int,
    possible: Callable[[Space], bool] = lambda space: True,
) -> Space:
    """Drop the `drop` operators of the lowest scores (algorithm 2 of the paper).

    Each place keeps at least one operator, and an operator stays if the space would not be `possible` without it.
    """
    left = drop
    for place, operator in sorted(scores, key=lambda operator: scores[operator]):
        rest = tuple(other for other in space[place] if other != operator)
        if left and rest and possible(smaller := (*space[:place], rest, *space[place + 1 :])):
            space, left = smaller, left - 1
    return space


def search(
    space: Space,
    train: Callable[[Space, int], None],
    score: Callable[[Architecture], float],
    rng: random.Random,
    *,
    target: int = 1_000_000,
    drop: int = 1,
    samples: int = 1000,
    fits: Callable[[Architecture], bool] = lambda architecture: True,
) -> list[Space]:
    """Shrink a space in stages until it has at most `target` architectures, or no operator can go.

    Args:
        space: the initial space.
        train: trains the supernet on a space, given the stage's number; stage 0 is the long one.
        score: an architecture's score after training: its angle.
        rng: the source of the draws.
        target: most architectures at the end (10**6 in the paper).
        drop: operators dropped in a stage (19 and 14 of about 100 in the paper).
        samples: architectures drawn for each operator.
        fits: whether an architecture is within the budget.

    Returns:
        The space of each stage, the initial one first.

    Raises:
        ValueError: no architecture fits.

    Source: arXiv 2004.13431.
    """
    if draw(space, rng, fits=fits) is None:
        raise ValueError("no architecture of the space is within the budget")
    stages = [space]
    while size(stages[-1]) > max(1, target):
        train(stages[-1], len(stages) - 1)
        scores = operator_scores(stages[-1], score, rng, samples=samples, fits=fits)
        smaller = shrink(stages[-1], scores, drop, lambda rest: draw(rest, rng, fits=fits) is not None)
        if smaller == stages[-1]:
            break
        stages.append(smaller)
    return stages
