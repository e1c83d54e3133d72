"""The outcome of a proof attempt: one closed type for every floor."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The six outcomes of an attempt. Lean's kernel confirms the first two; no other says anything about the statement."""

    PROVED = "proved"
    """The trust gate accepted the proof."""

    DISPROVED = "disproved"
    """The kernel accepted a proof of the statement's negation."""

    FAILED = "failed"
    """Lean refused every candidate; the statement stays open."""

    TIMEOUT = "timeout"
    """Time ran out; the statement stays open."""

    REJECTED = "rejected"
    """Lean elaborated the candidate, but the trust gate refused it and gave the reason."""

    INFRASTRUCTURE = "infrastructure"
    """A crash, too little memory or no Lean: never final, never counted as a failure of the proof."""
