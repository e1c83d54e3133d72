"""Angle-based search (arXiv 2004.13431): a supernet's weights say by how far they turned which operators are worth keeping.

A supernet holds every operator at every place; single paths through it are trained, each drawn at random. An architecture's
angle is that between its weights as they began and as they are, taken as one vector: the larger, the faster it learns. Operators
whose architectures have small angles are dropped, stage by stage, until a search among the rest is cheap. No data is evaluated.
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
    """What of some weights the angle of a longer vector needs: sums over its parts, so that no vector is ever put together."""

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
        """Between w0 and w in radians, exact for small angles too; NaN where one of them is 0."""
        if self.start == 0 or self.magnitude == 0:
            return math.nan
        # The area that w0 and w span is that which w0 and w - w0 span.
        area = math.sqrt(max(0.0, self.start * self.moved - self.along**2))
        return math.atan2(area, self.start + self.along)

    @property
    def magnitude(self) -> float:
        """|w|, the rival that the paper compares with."""
        return math.sqrt(max(0.0, self.start + 2 * self.along + self.moved))


STILL = Turned()
"""Of an operator without weights, such as the identity."""


@torch.no_grad()
def turned(before: Iterable[Tensor], after: Iterable[Tensor]) -> Turned:
    """Of weights as they began and as they are, in the same order."""
    total = STILL
    for old, new in zip(before, after, strict=True):
        start, move = old.double().flatten(), (new.double() - old.double()).flatten()
        total += Turned(float(start @ start), float(start @ move), float(move @ move))
    return total


def pooled(channels: int, size: int) -> Turned:
    """Of a pooling, which counts as the convolution that it is: weights [channels, size, size] of 1 / size², which never turn."""
    return Turned(start=channels / size**2)


def along_paths(
    architecture: Architecture,
    operators: Mapping[tuple[int, str], Turned | None],
    paths: Sequence[Sequence[int]] | None = None,
    always: Turned = STILL,
) -> Turned:
    """What an architecture's weights did (section 3.2 of the paper).

    Args:
        architecture: the operator at each place.
        operators: what each operator of each place did; None: it lets nothing through, so the paths over it do not count.
        paths: from the input to the output, as places; a place on several paths counts as often. None: one over all.
        always: of weights that every architecture has, such as the classifier.
    """
    total = always
    for path in [range(len(architecture))] if paths is None else paths:
        found = [operators[place, architecture[place]] for place in path]
        for part in found if None not in found else ():
            assert part is not None
            total += part
    return total


def size(space: Space) -> int:
    """How many architectures there are."""
    return math.prod(len(operators) for operators in space)


def draw(
    space: Space,
    rng: random.Random,
    *,
    given: tuple[int, str] | None = None,
    fits: Callable[[Architecture], bool] = lambda architecture: True,
) -> Architecture | None:
    """An architecture drawn evenly, with the `given` operator at its place, that fits; None where 10,000 draws find none."""
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
    """The mean score of `samples` architectures with each operator; minus infinity for one with which none fits.

    A score that is NaN counts as 0: weights that are not there turn by nothing.
    """
    means: dict[tuple[int, str], float] = {}
    for place, operators in enumerate(space):
        for operator in operators:
            found = (draw(space, rng, given=(place, operator), fits=fits) for _ in range(samples))
            total = 0.0
            for architecture in found:
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
    """The space without the `drop` operators of the lowest scores (algorithm 2).

    Each place keeps at least one, and an operator stays without which the space would no longer be `possible`.
    """
    left = drop
    for place, operator in sorted(scores, key=lambda each: scores[each]):
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
    """The spaces of each stage, the first included, until one has at most `target` architectures, or no operator can go.

    Args:
        space: to begin with.
        train: trains the supernet on a space; told the stage too, of which the first is the long one.
        score: of an architecture, after training: its angle.
        rng: of the draws.
        target: the paper's is a million.
        drop: operators a stage (19 and 14 of some 100 in the paper).
        samples: architectures drawn for each operator.
        fits: whether an architecture is within the budget.

    Raises ValueError when nothing fits.
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
