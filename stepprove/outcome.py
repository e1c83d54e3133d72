"""What can become of a proof attempt: one closed type, used by every floor."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The six ends of an attempt; only the first two are verdicts about mathematics that Lean's kernel bears out."""

    PROVED = "proved"
    """The trust gate accepted the proof."""

    DISPROVED = "disproved"
    """The kernel accepted a proof of the statement's negation."""

    FAILED = "failed"
    """Lean said no to every candidate; nothing is known about the statement."""

    TIMEOUT = "timeout"
    """Time ran out; nothing is known about the statement."""

    REJECTED = "rejected"
    """Lean elaborated the candidate, but the trust gate said no; the reason is with it."""

    INFRASTRUCTURE = "infrastructure"
    """A crash, too little memory or no Lean: never final, never counted as a failure of the proof."""
