"""Files as people write them, odd ones too: what becomes of each hole, on real Lean."""

from __future__ import annotations

import pytest

from stepprove.agent.file.options import ProveOptions
from stepprove.agent.file.prove import LentPools, prove_source
from stepprove.agent.file.report import ProveReport
from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.check import check_source
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome

PROVED, FAILED, REJECTED = Outcome.PROVED, Outcome.FAILED, Outcome.REJECTED


class Fill:
    """Runs the prover on texts, on one Lean process, and has Lean look at what it wrote."""

    def __init__(self, engine: Engine, repl: Repl, pool: SyncPool) -> None:
        self._engine, self._repl, self._pool = engine, repl, pool

    def __call__(self, text: str, **options: object) -> ProveReport:
        wanted = {"time_limit": 60.0, "remember": False} | options
        report = prove_source(
            parse_source(text),
            self._engine,
            ProveOptions(**wanted),  # type: ignore[arg-type]
            pools=LentPools(search=self._pool),
        )
        checked = check_source(self._repl, parse_source(report.text))
        if "theorems" not in options:
            assert report.complete <= checked.passed
        return report


@pytest.fixture
def fill(engine: Engine, repl: Repl, search_pool: SyncPool) -> Fill:
    return Fill(engine, repl, search_pool)


def outcomes(report: ProveReport) -> list[Outcome]:
    return [hole.outcome for hole in report.holes]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("def f : Nat := sorry\n", id="definition"),
        pytest.param("theorem t : ∃ n : Nat, n = n := ⟨sorry, rfl⟩\n", id="witness"),
        pytest.param("def f {α : Sort u} (a : α) : α := sorry\n", id="of a variable sort"),
        pytest.param("def T : Type := sorry\n", id="type"),
    ],
)
def test_a_hole_for_data_is_left_alone(fill: Fill, text: str) -> None:
    report = fill(text)
    assert [(h.outcome, h.reason) for h in report.holes] == [(FAILED, "it asks for data, not for a proof")]
    assert report.text == text


def test_an_eval_that_waits_for_a_proof_is_no_error_of_the_file(fill: Fill) -> None:
    text = "def f (n : Nat) (h : n > 0) : Fin n := ⟨0, sorry⟩\n#eval f 3 (by decide)\n"
    assert outcomes(fill(text)) == [PROVED]


def test_an_eval_that_waits_for_a_proof_in_vain_does_no_harm_to_others(fill: Fill) -> None:
    text = "def f : Nat := sorry\n#eval f\ntheorem t : 1 + 1 = 2 := by sorry\n"
    assert outcomes(fill(text)) == [FAILED, PROVED]


def test_a_proof_hole_in_a_statement_is_filled(fill: Fill) -> None:
    text = "theorem a : 1 + 1 = 2 := by sorry\ntheorem b : #[1, 2][1]'(by sorry) = 2 := by\n  sorry\n"
    report = fill(text)
    assert outcomes(report) == [PROVED] * 3
    assert {v.name: v.outcome for v in report.verdicts} == {"a": PROVED, "b": PROVED}
    assert "sorry" not in report.text


def test_a_theorem_is_proved_only_when_the_holes_of_its_statement_are(fill: Fill) -> None:
    text = "opaque n : Nat\ntheorem b : (⟨n, by sorry⟩ : Fin 5).1 = n := by\n  sorry\n"
    report = fill(text, time_limit=4.0)
    assert PROVED not in outcomes(report)
    assert report.holes[1].reason == "it cannot be checked beside an unproved hole"
    assert [(v.name, v.outcome) for v in report.verdicts] == [("b", FAILED)]


def test_both_holes_of_an_instance_are_filled(fill: Fill) -> None:
    text = (
        "class Monoid1 (M : Type) where\n  mul : M → M → M\n  one : M\n"
        "  one_mul : ∀ a : M, mul one a = a\n  mul_one : ∀ a : M, mul a one = a\n"
        "instance {α : Type} : Monoid1 (List α) where\n  mul := List.append\n  one := []\n"
        "  one_mul := by sorry\n  mul_one := by sorry\n"
        "theorem apart : 1 + 1 = 2 := by sorry\n"
    )
    report = fill(text)
    assert outcomes(report) == [PROVED] * 3
    assert {v.name: v.outcome for v in report.verdicts} == {"instMonoid1List": PROVED, "apart": PROVED}


def test_a_hole_whose_kind_the_text_does_not_show_is_filled_as_lean_wants_it(fill: Fill) -> None:
    text = 'macro "now " t:tactic : tactic => `(tactic| $t)\ntheorem t : 1 = 1 ∧ 2 = 2 := by now sorry\n'
    assert outcomes(fill(text)) == [PROVED]


def test_names_in_brackets_are_found_and_checked(fill: Fill) -> None:
    text = "namespace «x y»\ntheorem «é» : 1 = 1 := by sorry\ntheorem «a.b» : 2 = 2 := by sorry\nend «x y»\n"
    assert outcomes(fill(text, theorems=("«x y».é",))) == [PROVED]
    assert outcomes(fill(text, theorems=("«x y».«a.b»", "é"))) == [PROVED, PROVED]


def test_a_name_may_be_given_by_its_last_parts(fill: Fill) -> None:
    text = "namespace A.B\ntheorem t : 1 = 1 := by sorry\nend A.B\ntheorem u : 1 = 1 := by sorry\n"
    assert len(fill(text, theorems=("B.t",)).holes) == 1


@pytest.mark.parametrize(
    "text",
    [
        "theorem t : 1 = 1 := by sorry\n",
        "theorem t : 1 = 1 := by sorry\r\nexample : 2 = 2 := by sorry",
        "import Std\ntheorem t : 1 = 1 := by sorry\n",
        "\n-- first\ntheorem t : 1 = 1 :=\n  sorry\n",
    ],
)
def test_a_byte_order_mark_stays_where_it_is(fill: Fill, text: str) -> None:
    report = fill("\ufeff" + text)
    assert set(outcomes(report)) == {PROVED}
    assert report.text.startswith("\ufeff")
    with_mark, without = report.text.encode(), fill(text).text.encode()
    assert with_mark == b"\xef\xbb\xbf" + without


def test_verdicts_are_on_what_a_person_declared(fill: Fill) -> None:
    text = "structure P where\n  x : Nat\n  pos : x > 0\ndef p : P := { x := 3, pos := sorry }\n"
    assert [v.name for v in fill(text).verdicts] == ["p"]


def test_an_example_is_named_by_its_line(fill: Fill) -> None:
    report = fill("opaque P : Prop\nexample : P := by sorry\n", time_limit=2.0)
    assert [(v.name, v.reason) for v in report.verdicts] == [
        ("example (line 2)", "`example (line 2)` still rests on `sorry`")
    ]


def test_a_lemma_that_lean_finds_is_written_by_its_name(fill: Fill) -> None:
    text = "@[ext] structure E where\n  x : Nat\ntheorem e (a b : E) (h : a.x = b.x) : a = b := by sorry\n"
    (hole,) = fill(text, time_limit=120.0).holes
    assert hole.found_by == "exact?"
    assert hole.proof == "exact E.ext_iff.mpr h"
