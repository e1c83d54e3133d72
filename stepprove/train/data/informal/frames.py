"""Sentence templates for suppositions and claims; templates for tests share few words with the others."""

from __future__ import annotations

import random
from dataclasses import dataclass

from stepprove.train.data.informal.meaning import Meaning, joined


@dataclass(frozen=True, slots=True)
class Frames:
    """Templates for problems with suppositions, without suppositions, and without variables."""

    supposing: tuple[str, ...]
    plain: tuple[str, ...]
    closed: tuple[str, ...]


FRAMES = Frames(
    supposing=(
        "Let {let}. Suppose that {hyp}. Show that {claim}.",
        "Let {let}. If {hyp}, then {claim}.",
        "For {every}, if {hyp}, then {claim}.",
        "Prove for {every} that {claim} whenever {hyp}.",
        "We are given {given}. Assume that {hyp}. Prove that {claim}.",
        "For {every}, show that {claim} if {hyp}.",
    ),
    plain=(
        "Let {let}. Show that {claim}.",
        "For {every}, {claim}.",
        "Prove for {every} that {claim}.",
        "We are given {given}. Prove that {claim}.",
        "Show that {claim} for {every}.",
    ),
    closed=("Show that {claim}.", "Prove that {claim}.", "Prove: {claim}.", "Show the following: {claim}."),
)
KEPT_FRAMES = Frames(
    supposing=(
        "Given {given} such that {hyp}, we have that {claim}.",
        "Take {given}. From the fact that {hyp} it follows that {claim}.",
        "Consider {given} with the property that {hyp}. Verify that then {claim}.",
    ),
    plain=(
        "Given {given}, we have that {claim}.",
        "Take {given}. Then it is true that {claim}.",
        "Consider {given}. Verify that {claim}.",
    ),
    closed=("Verify that {claim}.", "It is true that {claim}.", "We have that {claim}."),
)


def framed(frames: Frames, meaning: Meaning, rng: random.Random) -> str:
    """Return a random sentence for a meaning."""
    kinds = frames.supposing if meaning.suppositions else frames.plain if meaning.objects else frames.closed
    return rng.choice(kinds).format(
        let=" and let ".join(objects.let for objects in meaning.objects),
        every=" and ".join(objects.every for objects in meaning.objects),
        given=" and ".join(objects.given for objects in meaning.objects),
        hyp=joined([rng.choice(part.words) for part in meaning.suppositions] or [""]),
        claim=rng.choice(meaning.claim.words),
    )
