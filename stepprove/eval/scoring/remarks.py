"""Remarks on a run, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stepprove.eval.records.record import TRIES
from stepprove.eval.report.header import count
from stepprove.eval.scoring.tallies import ProblemTally, lost_of
from stepprove.outcome import Outcome
from stepprove.visible import brief


def remarks_on(tried: Sequence[ProblemTally]) -> tuple[str, ...]:
    """Return the remarks on contradictory and unexpectedly disproved statements."""
    both = [t.problem.name for t in tried if t.proved and t.count(Outcome.DISPROVED)]
    false = [
        t.problem.name
        for t in tried
        if not t.proved and t.count(Outcome.DISPROVED) and t.problem.broken is None
    ]
    remarks = []
    if both:
        remarks.append(f"Both proved and disproved, which cannot be: {names(both)}. Please report this.")
    if false:
        remarks.append(f"Disproved here, though not listed as broken: {names(false)}.")
    return tuple(remarks)


def left_out_words(why: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each reason to leave statements out."""
    for reason in dict.fromkeys(why.values()):
        of = [name for name, other in why.items() if other == reason]
        yield f"{count(len(of), 'statement')} left out, for each: {reason} ({names(of)})."


def lost_words(tried: Sequence[ProblemTally]) -> Iterator[str]:
    """Yield a remark on the attempts that the infrastructure lost."""
    if lost := lost_of(tried):
        of = [t.problem.name for t in tried if any(a is not None and a.lost for a in t.attempts)]
        yield (
            f"The infrastructure spoiled {count(lost, 'attempt')} at least {TRIES} times ({names(of)}): nothing is known of what "
            "they would have come to, so that the figures are bounds."
        )


def names(of: Sequence[str], most: int = 8) -> str:
    """Return the first names and the number of the others, for a sentence."""
    rest = len(of) - most
    return ", ".join(map(brief, of[:most])) + (f" and {rest} more" if rest > 0 else "")
