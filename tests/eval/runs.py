"""Runs made from data, for the tests of scores, comparisons and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from hypothesis import strategies as st

from stepprove.eval.records.record import Attempt, BenchmarkProblem, Dataset, Run
from stepprove.outcome import Outcome

OUTCOMES = {
    "P": Outcome.PROVED,
    "D": Outcome.DISPROVED,
    "F": Outcome.FAILED,
    "T": Outcome.TIMEOUT,
    "R": Outcome.REJECTED,
    "I": Outcome.INFRASTRUCTURE,
}
"""Letters for outcomes; `-` is an attempt that was never made."""


def attempt(problem: str, epoch: int, letter: str, **more: object) -> Attempt:
    return Attempt.model_validate({"problem": problem, "epoch": epoch, "outcome": OUTCOMES[letter], **more})


def run_of(
    marks: Mapping[str, str],
    *,
    broken: Mapping[str, str] | None = None,
    costs: Mapping[str, Sequence[float]] | None = None,
    attempts: Sequence[Attempt] | None = None,
    sha256: str = "ab" * 32,
    **changes: object,
) -> Run:
    """A run by the letters of each problem's attempts: `{"p": "PF"}` is a proof and a failure.

    `costs` has the interactions of each attempt; an interaction takes 100 tokens and half a second.
    """
    epochs = max(map(len, marks.values()), default=1)
    if attempts is None:
        attempts = [
            attempt(name, epoch, letter, interactions=int(cost), tokens=int(100 * cost), seconds=cost / 2)
            for name, letters in marks.items()
            for epoch, (letter, cost) in enumerate(
                zip(letters, (costs or {}).get(name, [1] * len(letters)), strict=True), 1
            )
            if letter != "-"
        ]
    run = Run(
        id="abc123",
        task="minif2f",
        dataset=Dataset(
            name="minif2f",
            split="valid",
            subset="core",
            origin="minif2f_valid.jsonl",
            revision=None,
            sha256=sha256,
            licence="MIT",
        ),
        policy="portfolio",
        model=None,
        budget={"seconds": 300},
        epochs=epochs,
        engine="Lean 4.28.0 (embedded, no Mathlib)",
        versions={"stepprove": "0.1.0", "python": "3.12.3"},
        started=datetime(2026, 11, 25, 12, 0, tzinfo=UTC),
        finished=not any(set("-I") & set(letters) for letters in marks.values()),
        problems=tuple(
            BenchmarkProblem(
                name=name, source=f"theorem {name} : 1 = 1 := by\n  sorry", broken=(broken or {}).get(name)
            )
            for name in marks
        ),
        attempts=tuple(attempts),
    )
    return run.model_copy(update=changes)


@st.composite
def finished_runs(draw: st.DrawFn) -> Run:
    """Runs in which every attempt has an end that counts."""
    epochs = draw(st.integers(1, 6))
    letters = st.text("PDFTR", min_size=epochs, max_size=epochs)
    marks = draw(st.lists(letters, min_size=1, max_size=12))
    cost = st.lists(st.integers(0, 9), min_size=epochs, max_size=epochs)
    names = [f"p{i}" for i in range(len(marks))]
    return run_of(
        dict(zip(names, marks, strict=True)),
        costs={name: draw(cost) for name in names},
        broken={name: "wrong" for name in names if draw(st.booleans())},
    )
