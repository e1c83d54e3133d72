"""The patterns on Lean's wording read what the real Lean prints, and the spellings of other releases."""

from __future__ import annotations

import pytest

from stepprove.lean_project import messages
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.repl.repl import Repl


def texts(repl: Repl, code: str, severity: str) -> list[str]:
    answer = repl.command(code, timeout=60)
    assert isinstance(answer, CommandResponse)
    return [m.data for m in answer.messages if m.severity == severity]


def error(repl: Repl, code: str) -> str:
    [text] = texts(repl, code, "error")
    return text


def test_errors_about_goals_are_told_apart(repl: Repl) -> None:
    left = error(repl, "theorem t (p : Prop) : p := by\n  skip\n")
    none = error(repl, "theorem t : 1 = 1 := by\n  rfl\n  skip\n  rfl\n")
    assert messages.leaves_goals(left)
    assert messages.finds_no_goals(none)
    assert not messages.leaves_goals(none)
    assert not messages.finds_no_goals(left)


def test_a_limit_is_not_a_refutation(repl: Repl) -> None:
    late = error(repl, "set_option maxHeartbeats 1 in\ntheorem t : ∀ n : Nat, n + 0 = 0 + n := by simp\n")
    wrong = error(repl, "theorem t : 1 = 2 := by decide\n")
    assert messages.reports_a_limit(late)
    assert not messages.reports_a_limit(wrong)


def test_an_eval_of_a_sorry_is_recognised(repl: Repl) -> None:
    assert messages.evaluates_a_sorry(error(repl, "def f : Nat := sorry\n#eval f\n"))
    assert not messages.evaluates_a_sorry(error(repl, "#eval (nope : Nat)\n"))


def test_suggestions_of_this_lean_are_read(repl: Repl) -> None:
    infos = texts(repl, "theorem t (n : Nat) : n + 0 = n := by simp?\n", "info")
    assert messages.suggested_tactics(["another message", *infos]) == ["simp only [Nat.add_zero]"]


@pytest.mark.parametrize(
    "text", ["Try this: exact h", "Try this:\n  [apply] exact h", "Try this:\nexact h\n"]
)
def test_suggestions_of_every_release_are_read(text: str) -> None:
    assert messages.suggested_tactics([text]) == ["exact h"]


@pytest.mark.parametrize("text", ["No goals to be solved", "no goals to be proved"])
def test_a_tactic_without_a_goal_is_recognised_in_every_release(text: str) -> None:
    assert messages.finds_no_goals(text)


def test_axioms_are_read_from_what_lean_prints(repl: Repl) -> None:
    code = "axiom two : 1 = 2\naxiom three : 1 = 3\ntheorem a : 1 = 1 := rfl\ntheorem b : 1 = 2 ∧ 1 = 3 := ⟨two, three⟩\n"
    infos = texts(repl, code + "#print axioms a\n#print axioms b\n", "info")
    assert [messages.printed_axioms(text) for text in infos] == [[], ["three", "two"]]
    assert messages.printed_axioms("'a' depends on nothing") is None


def test_a_goal_that_is_data_refuses_to_be_a_proposition(repl: Repl) -> None:
    answer = repl.command("def f : Nat := by sorry\ntheorem t : 1 = 1 := by sorry\n", timeout=60)
    assert isinstance(answer, CommandResponse)
    states = [sorry.proof_state for sorry in answer.sorries]
    data, proposition = (repl.tactic(state, "show (_ : Prop)") for state in states if state is not None)
    assert isinstance(data, ErrorResponse)
    assert messages.refuses_the_type(data.message)
    assert not isinstance(proposition, ErrorResponse)


def test_a_finished_proof_state_is_recognised(repl: Repl) -> None:
    answer = repl.command("theorem t : 1 = 1 := by sorry\n", timeout=60)
    assert isinstance(answer, CommandResponse)
    assert answer.sorries[0].proof_state is not None
    step = repl.tactic(answer.sorries[0].proof_state, "rfl")
    assert getattr(step, "proof_status", None) == messages.COMPLETED


def test_the_version_is_read() -> None:
    assert messages.version_of("Lake version 5.0.0-src+abc (Lean version 4.28.0)\n") == "4.28.0"
    assert messages.version_of("lake: command not found") is None


def test_an_empty_error_still_has_a_word() -> None:
    assert messages.first_line("a\nb") == "a"
    assert messages.first_line("") == "error"
