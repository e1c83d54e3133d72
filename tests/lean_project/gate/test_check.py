"""`check` of a file as it stands: never more than the gate would say, and nothing said where Lean said nothing."""

from __future__ import annotations

import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.gate.check import CheckReport, check_source
from stepprove.lean_project.gate.gate import Policy
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome

REPLACED = "def yes : Bool := true\n@[implemented_by yes] def foo : Bool := false\n"
COMPUTED = (
    "def told : Bool := foo\ntheorem same : told = false := rfl\ntheorem other : (1 : Nat) = 1 := rfl\n"
)


def checked(repl: Repl, text: str, *, native: bool = False) -> CheckReport:
    return check_source(repl, parse_source(text), policy=Policy(native_decide=native), timeout=60)


def outcomes(report: CheckReport) -> dict[str, Outcome | None]:
    return {d.name: d.outcome for d in report.declarations}


@pytest.mark.parametrize("native", [False, True])
def test_what_rests_on_replaced_code_is_rejected(repl: Repl, native: bool) -> None:
    report = checked(repl, REPLACED + COMPUTED, native=native)
    assert outcomes(report) == {
        "yes": None,
        "foo": Outcome.REJECTED,
        "told": Outcome.REJECTED,
        "same": Outcome.REJECTED,
        "other": Outcome.PROVED,
    }
    assert not report.passed


def test_replaced_code_that_no_declaration_shows_fails_the_file(repl: Repl) -> None:
    inner = "def yes (_ : Nat) : Bool := true\ndef host (n : Nat) : Bool := go n\nwhere\n"
    inner += "  @[implemented_by yes] go (_ : Nat) : Bool := false\ntheorem fine : (1 : Nat) = 1 := rfl\n"
    report = checked(repl, inner)
    assert not report.passed
    assert "implemented_by" in (report.refused or "")


def test_an_odd_inductive_type_spoils_the_whole_file(repl: Repl) -> None:
    odd = "opaque same : (Type : Type 1) = Type := rfl\ndef Kind : Type := cast same Prop\n"
    odd += "inductive Box : Kind\n  | mk (bit : Bool) : Box\ntheorem fine : (1 : Nat) = 1 := rfl\n"
    report = checked(repl, odd)
    assert outcomes(report)["fine"] is Outcome.REJECTED
    assert "`Box`" in (report.refused or "")


def test_a_prelude_is_refused(repl: Repl) -> None:
    report = checked(repl, "prelude\nimport Init.Prelude\ntheorem t : True := True.intro\n")
    assert outcomes(report) == {"t": Outcome.REJECTED}
    assert "`prelude`" in (report.refused or "")


def test_native_decide_costs_its_own_theorem_alone(repl: Repl) -> None:
    text = 'macro "one" : term => `((1 : Nat))\ntheorem a : 10 < 20 := by native_decide\ntheorem b : one = 1 := rfl\n'
    assert outcomes(checked(repl, text)) == {"a": Outcome.REJECTED, "b": Outcome.PROVED}
    assert checked(repl, text, native=True).passed


def test_a_declaration_that_lean_does_not_know_is_never_accepted(repl: Repl) -> None:
    """A macro takes the command for something else, and declares nothing."""
    text = "macro_rules | `(command| theorem lost : True := rfl) => `(command| #check True)\n"
    report = checked(repl, text + "theorem lost : True := rfl\n")
    assert outcomes(report)["lost"] in {Outcome.INFRASTRUCTURE, Outcome.FAILED}
    assert not report.passed
