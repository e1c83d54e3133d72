"""The gate on a filled file, on real Lean: a rejection costs the hole to blame, and no other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stepprove.agent.file.filled_file_gate import gate_filled_file
from stepprove.agent.file.options import ProveOptions
from stepprove.agent.file.report import HoleResult
from stepprove.agent.file.worker import Worker
from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Verdict, judge
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome

PROVED, REJECTED = Outcome.PROVED, Outcome.REJECTED
LEAKS = "rfl\ntheorem {} : True := trivial"
"""Ends the proof and declares a theorem: the gate cannot tell from its name which hole it came from."""


class Settle:
    """Puts proofs into the holes of a text as if a search had found them, and has the gate judge the file."""

    def __init__(self, engine: Engine, repl: Repl) -> None:
        self._engine, self._repl = engine, repl

    def __call__(self, text: str, proofs: Sequence[str]) -> tuple[str, list[HoleResult], tuple[Verdict, ...]]:
        worker = Worker(parse_source(text), self._engine, ProveOptions(remember=False), self._repl)
        worker.check_original()
        found = [
            worker.blank(hole).model_copy(update={"outcome": PROVED, "proof": proof})
            for hole, proof in zip(worker.source.holes, proofs, strict=True)
        ]
        settled = gate_filled_file(worker, found)
        again = judge(self._repl, text, settled[0])
        assert again.violation is None, "what is left in the file passes the gate"
        return settled


@pytest.fixture
def settled(engine: Engine, repl: Repl) -> Settle:
    return Settle(engine, repl)


def theorems(count: int) -> str:
    return "".join(f"theorem t{n} : {n} + 1 = {n + 1} := by sorry\n" for n in range(count))


@pytest.mark.parametrize("guilty", [{1}, {0, 4}, {2, 3}, {0, 1, 2, 3, 4}], ids=str)
def test_whoever_declares_something_new_is_found_among_the_holes(settled: Settle, guilty: set[int]) -> None:
    proofs = [LEAKS.format(f"leak{n}") if n in guilty else "rfl" for n in range(5)]
    text, results, verdicts = settled(theorems(5), proofs)
    assert {r.index for r in results if r.outcome is REJECTED} == guilty
    assert {r.index for r in results if r.outcome is PROVED} == set(range(5)) - guilty
    for result in results:
        if result.index in guilty:
            assert f"declares `leak{result.index}`" in (result.reason or "")
    assert "leak" not in text
    assert text.count("sorry") == len(guilty)
    assert {v.name for v in verdicts if v.outcome is PROVED} == {f"t{n}" for n in set(range(5)) - guilty}


VARIABLE = (
    "section\nvariable (n : Nat) (h : 3 < n)\n"
    "def big : { m : Nat // 2 < m ∧ m < 9 } := ⟨n % 2 + 3, by sorry, by sorry⟩\nend\n"
    "theorem apart : 1 + 1 = 2 := by sorry\n"
)


def test_one_hole_of_two_in_a_declaration_is_to_blame(settled: Settle) -> None:
    _, results, verdicts = settled(VARIABLE, ["omega", "have := h; omega", "rfl"])
    assert [r.outcome for r in results] == [PROVED, REJECTED, PROVED]
    assert results[1].reason == "the statement of `big` is not the original one"
    assert {v.name: v.outcome for v in verdicts} == {"apart": PROVED, "big": Outcome.FAILED}


def test_nothing_is_taken_out_where_nothing_is_wrong(settled: Settle) -> None:
    text, results, _ = settled(VARIABLE, ["omega", "omega", "rfl"])
    assert [r.outcome for r in results] == [PROVED] * 3
    assert "sorry" not in text


def test_a_hole_that_rests_on_an_unproved_lemma_costs_no_other(settled: Settle) -> None:
    text = theorems(2) + "theorem lemma : 2 < 3 := by sorry\ntheorem user : 2 < 3 := by sorry\n"
    _, results, _ = settled(text, ["rfl", "rfl", "omega", LEAKS.format("leak")])
    assert [r.outcome for r in results][:3] == [PROVED] * 3
    assert results[3].outcome is not PROVED
