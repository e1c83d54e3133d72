"""A whole file from outside held against an original, on real Lean."""

from __future__ import annotations

import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.audit import audit, export
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.verify import BrokenOriginal, verify
from stepprove.lean_project.source.file import parse_source
from stepprove.lean_project.source.prelude import PRELUDE
from stepprove.outcome import Outcome

TWO = "theorem two : 1 + 1 = 2 := by sorry\n"


def verdict(repl: Repl, original: str, candidate: str, **keywords: object) -> Judgement:
    return verify(repl, parse_source(original), parse_source(candidate), timeout=60, **keywords)  # type: ignore[arg-type]


def test_a_candidate_may_bring_lemmas_of_its_own(repl: Repl) -> None:
    assert verdict(
        repl, TWO, "theorem helper : 2 = 1 + 1 := rfl\ntheorem two : 1 + 1 = 2 := helper.symm\n"
    ).accepted


def test_a_lemma_by_compiled_code_that_nothing_rests_on_does_no_harm(repl: Repl) -> None:
    lemma = "theorem sanity : 2 ^ 10 = 1024 := by native_decide\n"
    assert verdict(repl, TWO, lemma + TWO.replace("by sorry", "rfl")).accepted


def test_an_example_is_found_again_by_its_words_wherever_it_stands(repl: Repl) -> None:
    original = "example : 2 = 2 := by sorry\nexample (n : Nat) : n = n := by sorry\n"
    candidate = "example : 3 = 3 := rfl\nexample (n : Nat) :\n    n = n := rfl\n\nexample : 2 = 2 := rfl\n"
    judgement = verdict(repl, original, candidate)
    assert judgement.accepted
    assert {v.name for v in judgement.verdicts} == {"example (line 1)", "example (line 2)"}


@pytest.mark.parametrize(
    ("original", "candidate", "reason"),
    [
        pytest.param(
            "example : 2 = 2 := by sorry\n", "example : 3 = 3 := rfl\n", "is missing", id="another example"
        ),
        pytest.param(
            "example : 2 = 2 := rfl\n", "example : 2 = 2 := sorry\n", "rests on `sorry`", id="a proof undone"
        ),
        pytest.param(
            "namespace A\ntheorem t : 1 = 1 := sorry\nend A\n",
            "theorem «A.t» : 1 = 1 := rfl\n",
            "is missing",
            id="a name that only reads alike",
        ),
        pytest.param(
            TWO, "import Lean\n" + TWO.replace("by sorry", "rfl"), "imports `Lean`", id="more imports"
        ),
        pytest.param(
            "import Std\n" + TWO, TWO.replace("by sorry", "rfl"), "does not import", id="fewer imports"
        ),
        pytest.param(TWO, "module\n" + TWO.replace("by sorry", "rfl"), "header", id="made a module"),
    ],
)
def test_what_is_not_there_as_it_was_is_turned_away(
    repl: Repl, original: str, candidate: str, reason: str
) -> None:
    judgement = verdict(repl, original, candidate)
    assert not judgement.accepted
    assert reason in (judgement.reason or "")


def test_only_the_named_theorems_are_asked_about(repl: Repl) -> None:
    original = TWO + "theorem three : 1 + 2 = 3 := by sorry\n"
    assert verdict(repl, original, original.replace("by sorry", "rfl", 1), targets=["two"]).accepted


def test_an_original_with_errors_is_refused_by_its_line(repl: Repl) -> None:
    with pytest.raises(BrokenOriginal, match="line 2"):
        verdict(repl, "\ntheorem two : 1 + = 2 := sorry\n", TWO)


def test_a_prelude_stands_in_for_the_imports_and_lines_stay(repl: Repl) -> None:
    original = "import Mathlib\n\ntheorem t (n : ℕ) : n + 0 = n := by sorry\n"
    assert verdict(repl, original, original.replace("by sorry", "rfl"), prelude=PRELUDE).accepted
    wrong = verdict(repl, original, original.replace("by sorry", "omegaa"), prelude=PRELUDE)
    assert wrong.outcome is Outcome.FAILED
    assert (wrong.reason or "").startswith("line 3")


def test_time_is_no_verdict(engine: Engine) -> None:
    bomb = "partial def spin (n : Nat) : IO Unit := spin (n + 1)\n#eval spin 0\n" + TWO.replace(
        "sorry", "rfl"
    )
    with Repl(engine) as repl:
        repl.command("", timeout=60)
        judgement = verify(repl, parse_source(TWO), parse_source(bomb), timeout=3)
    assert judgement.outcome is Outcome.TIMEOUT


SHAPES = """\
inductive Tree where | leaf | node (l r : Tree)
def Tree.size : Tree → Nat | .leaf => 1 | .node l r => l.size + r.size
structure Box (α : Type u) extends Inhabited α where
  content : α × α
def text : String := "aλ\\nb"
def big : Nat := 123456789012345678901234567890
def halvings (n : Nat) : Nat := if h : n ≤ 1 then 0 else 1 + halvings (n / 2)
termination_by n
theorem size_leaf : Tree.leaf.size = 1 := sorry
theorem shift (a b c : Nat) (h : a < b) : a + c < b + c := by sorry
"""


def test_an_accepted_candidate_stands_in_a_process_that_never_ran_it(repl: Repl, engine: Engine) -> None:
    candidate = SHAPES.replace(":= sorry", ":= rfl").replace("by sorry", "by omega")
    assert verdict(repl, SHAPES, candidate, auditor=engine).accepted


def test_the_audit_believes_the_first_process_in_nothing(repl: Repl, engine: Engine) -> None:
    original = "theorem wrong : 1 = 2 := by sorry\n"
    # As a process would write down that had been talked into a false constant: the proof of another statement under this name.
    exported = export(repl, "theorem wrong : 1 = 1 := rfl\n")
    statement = export(repl, original)
    assert "statement" in (audit(engine, original, exported).reason or "")
    names = [*statement["names"], [-1, "trust"], [len(statement["names"]), "me"]]
    wrong = next(d for d in statement["declarations"])
    terms = [*statement["terms"], [4, len(names) - 1, []]]
    forged = dict(statement, names=names, terms=terms, declarations=[dict(wrong, value=len(terms) - 1)])
    judgement = audit(engine, original, forged)
    assert judgement.outcome is Outcome.REJECTED
    assert "kernel refuses wrong" in (judgement.reason or "")
    axiom = dict(statement, declarations=[dict(wrong, kind="axiom")])
    assert not audit(engine, original, axiom).accepted


@pytest.mark.parametrize(
    "broken",
    [{"terms": [[5, 7, 8]]}, {"names": [[3, "a"]]}, {"declarations": [{"kind": "wish"}]}, {"levels": 3}],
)
def test_data_that_are_no_declarations_are_no_verdict(
    repl: Repl, engine: Engine, broken: dict[str, object]
) -> None:
    env = repl.command(TWO).env
    answer = repl.request({"audit": export(repl, TWO) | broken, "against": env})
    assert "cannot be read" in answer["message"]
