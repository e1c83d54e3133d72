"""Filling the holes of a file, on real Lean."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stepprove.agent.file.options import FileRefused, ProveOptions
from stepprove.agent.file.prove import LentPools, prove_source
from stepprove.agent.file.report import HoleResult, ProveReport
from stepprove.agent.stop import Stop
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Policy
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.lean_project.repl.repl import Repl, ReplTimeout
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome


class Fill:
    """Runs the prover on texts, on one Lean process."""

    def __init__(self, engine: Engine, pool: SyncPool) -> None:
        self._engine, self._pool = engine, pool

    def __call__(self, text: str, stop: Stop | None = None, **options: object) -> ProveReport:
        wanted = {"time_limit": 60.0, "remember": False} | options
        return prove_source(
            parse_source(text),
            self._engine,
            ProveOptions(**wanted),  # type: ignore[arg-type]
            pools=LentPools(search=self._pool),
            stop=stop,
        )


@pytest.fixture
def fill(engine: Engine, search_pool: SyncPool) -> Fill:
    return Fill(engine, search_pool)


def only(report: ProveReport) -> HoleResult:
    (hole,) = report.holes
    return hole


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("theorem t : 1 + 1 = 2 := by sorry\n", id="tactic"),
        pytest.param("theorem t : 1 + 1 = 2 := sorry\n", id="term"),
        pytest.param("theorem t (p q : Prop) (h : p ∧ q) : q ∧ p := ⟨sorry, sorry⟩\n", id="in a term"),
        pytest.param(
            "theorem t (n : Nat) : n * 2 = n + n := by\n  have h : n * 2 = 2 * n := by\n    sorry\n  sorry\n",
            id="inside have",
        ),
        pytest.param("namespace A\ntheorem t : 2 = 2 := by\n  sorry\nend A\n", id="namespace"),
        pytest.param(
            "section\nvariable (n : Nat) (h : n > 3)\ninclude h\ntheorem t : n > 2 := by sorry\nend\n",
            id="section variables",
        ),
        pytest.param(
            "section\nvariable (n : Nat) (h : n > 3)\nexample : n > 2 := by sorry\nend\n",
            id="example with a section variable",
        ),
        pytest.param("example (p : Prop) (h : p) : p := sorry\n", id="example"),
        pytest.param("private theorem t : 2 = 2 := by sorry\n", id="private"),
        pytest.param(
            "class Half (α : Type) where\n  half : α → α\n  ok : ∀ a : α, a = a\n"
            "instance : Half Nat := ⟨fun n => n / 2, by sorry⟩\n",
            id="instance",
        ),
        pytest.param(
            "mutual\ntheorem a (n : Nat) : n = n := by sorry\ntheorem b (n : Nat) : n + 0 = n := by sorry\nend\n",
            id="mutual",
        ),
        pytest.param("theorem t : 1 + 1 = 2 := by admit\n", id="admit"),
        pytest.param(
            "theorem t (n : Nat) : n = 0 ∨ n > 0 := by\n  cases n with\n  | zero => sorry\n  | succ n => sorry\n",
            id="cases",
        ),
        pytest.param("theorem t : True ∧ True := by constructor <;> sorry\n", id="after <;>"),
        pytest.param("def f (n : Nat) : { m : Nat // m = n } := ⟨n, by sorry⟩\n", id="definition"),
        pytest.param(
            "set_option maxHeartbeats 400000 in\n/-- A sorry in words. -/\n@[simp] theorem t : 1 ≤ 2 := by sorry\n",
            id="modifiers",
        ),
        pytest.param("theorem t : 1 + 1 = 2 := by sorry", id="no final newline"),
        pytest.param("theorem t :\r\n    1 + 1 = 2 := by\r\n  sorry\r\n", id="CRLF"),
        pytest.param("def «a b» := 1\ntheorem «t t» : «a b» = 1 := by sorry -- sorry\n", id="odd names"),
    ],
)
def test_every_kind_of_hole_is_filled(fill: Fill, text: str) -> None:
    report = fill(text)
    assert [h.outcome for h in report.holes] == [Outcome.PROVED] * len(report.holes), report.holes
    assert report.holes
    assert all(v.outcome is Outcome.PROVED for v in report.verdicts)
    assert len(report.text.split("sorry")) - 1 == text.count("-- sorry") + text.count("A sorry")


def test_what_surrounds_a_hole_is_unchanged(fill: Fill) -> None:
    before, after = "/- é -/\ntheorem  t :   1 + 1 = 2 := by ", "  -- odd   spacing\n\n\n"
    text = fill(before + "sorry" + after).text
    assert text.startswith(before)
    assert text.endswith(after)


def test_a_later_hole_may_use_an_earlier_theorem(fill: Fill) -> None:
    text = (
        "opaque f : Nat → Nat\naxiom f_zero : f 0 = 7\ntheorem first : f 0 = 7 := f_zero\n"
        "theorem second : f 0 = 7 := by sorry\n"
    )
    report = fill(text, policy=Policy(axioms=frozenset({"f_zero"})))
    assert only(report).outcome is Outcome.PROVED


def test_a_false_statement_is_disproved_with_a_counterexample(fill: Fill) -> None:
    report = fill("theorem t (n : Nat) (h : n > 2) : n < 5 := by sorry\n")
    assert only(report).outcome is Outcome.DISPROVED
    assert only(report).counterexample == "n = 5"
    assert "sorry" in report.text


def test_a_proof_that_rests_on_an_unproved_lemma_is_rejected(fill: Fill) -> None:
    text = (
        "opaque P : Nat → Prop\ntheorem lemma_one : P 1 := by sorry\n"
        "theorem t : P 1 ∧ True := ⟨by exact lemma_one, by sorry⟩\n"
        "theorem u : P 1 := by sorry\n"
    )
    report = fill(text, time_limit=6.0)
    assert all(hole.outcome is not Outcome.PROVED for hole in report.holes if hole.declaration == "u")
    assert not report.complete


def test_a_hole_beside_an_unproved_one_is_proved_but_its_declaration_is_not(fill: Fill) -> None:
    report = fill(
        "opaque P : Prop\ntheorem t : 1 = 1 ∧ P := by\n  constructor\n  · sorry\n  · sorry\n", time_limit=4.0
    )
    assert report.holes[0].outcome is Outcome.PROVED
    assert report.holes[1].outcome in {Outcome.FAILED, Outcome.TIMEOUT}
    assert [v.outcome for v in report.verdicts] == [Outcome.FAILED]


def test_a_hole_that_nothing_proves_keeps_its_sorry(fill: Fill) -> None:
    text = "opaque P : Prop\ntheorem t : P := by sorry\n"
    report = fill(text, time_limit=4.0)
    assert only(report).outcome in {Outcome.FAILED, Outcome.TIMEOUT}
    assert report.text == text


def test_only_the_named_declarations_are_worked_on(fill: Fill) -> None:
    report = fill("theorem a : 1 = 1 := by sorry\ntheorem b : 2 = 2 := by sorry\n", theorems=("b",))
    assert only(report).declaration == "b"
    assert report.text.startswith("theorem a : 1 = 1 := by sorry")


def test_a_name_that_does_not_exist_is_refused(fill: Fill) -> None:
    with pytest.raises(FileRefused, match=r"no declaration `c`.* a"):
        fill("theorem a : 1 = 1 := by sorry\n", theorems=("c",))


def test_a_file_with_errors_of_its_own_is_refused(fill: Fill) -> None:
    with pytest.raises(FileRefused, match="line 2 has an error"):
        fill("theorem a : 1 = 1 := by sorry\ntheorem b : 1 = 1 := by nonsense\n")


def test_a_file_without_holes_is_complete(fill: Fill) -> None:
    report = fill("theorem a : 1 = 1 := rfl\n")
    assert report.complete
    assert report.text == "theorem a : 1 = 1 := rfl\n"


def test_stopping_leaves_holes_undecided(fill: Fill) -> None:
    stopped = Stop()
    stopped.set()
    assert only(fill("theorem a : 1 = 1 := by sorry\n", stop=stopped)).outcome is Outcome.TIMEOUT


def test_plain_code_in_an_event_loop_may_fill_a_file(fill: Fill) -> None:
    async def cell() -> ProveReport:
        return fill("theorem a : 1 = 1 := by sorry\n")

    assert asyncio.run(cell()).complete


def test_a_proof_found_before_is_tried_first(
    fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPROVE_CACHE", str(tmp_path))
    text = "theorem a (n : Nat) : n * 0 = 0 := by sorry\n"
    first, second = fill(text, remember=True), fill(text, remember=True)
    assert not only(first).remembered
    assert only(second).remembered
    assert second.text == first.text


def test_a_remembered_proof_that_proves_nothing_is_not_believed(
    fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPROVE_CACHE", str(tmp_path))
    text = "opaque P : Prop\ntheorem a : P ∨ True := by sorry\n"
    fill(text, remember=True)
    (record,) = (tmp_path / "proofs").rglob("*.json")
    record.write_text('{"script": "sorry", "found_by": "a forger"}')
    report = fill(text, remember=True)
    assert only(report).outcome is Outcome.PROVED
    assert "sorry" not in report.text


def test_a_time_out_while_a_proof_is_confirmed_is_no_verdict(
    fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Repl.request

    def late(repl: Repl, payload: dict[str, object], timeout: float | None = None) -> dict[str, object]:
        if "axioms" in payload:
            raise ReplTimeout("Lean did not answer in time", 1.0)
        return ask(repl, payload, timeout)

    monkeypatch.setattr(Repl, "request", late)
    report = fill("theorem t : 1 + 1 = 2 := by sorry\n")
    assert only(report).outcome is Outcome.TIMEOUT
    assert "sorry" in report.text
