"""The gate on an engine that only answers Lean's own commands, as a native REPL does: real Lean, our extensions unused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.gate.gate import Judgement, judge
from stepprove.lean_project.gate.texts.native_keyword_guard import added_power
from stepprove.lean_project.gate.verify import verify
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome

TWO = "theorem two : 1 + 1 = 2 := by sorry\n"


@pytest.fixture
def plain(repl: Repl, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repl]:
    monkeypatch.setattr(repl, "supports_inspect", False)
    yield repl


def test_an_honest_proof_is_accepted(plain: Repl) -> None:
    judgement = judge(plain, TWO, TWO.replace("by sorry", "rfl"))
    assert judgement.accepted
    assert judgement.verdicts[0].axioms == ()


def test_names_in_namespaces_and_private_ones_are_found(plain: Repl) -> None:
    original = "namespace A\ntheorem t : 1 = 1 := by sorry\nend A\nprivate theorem u : 2 = 2 := by sorry\n"
    judgement = judge(plain, original, original.replace("by sorry", "rfl"))
    assert judgement.accepted, judgement
    assert {v.name for v in judgement.verdicts} == {"A.t", "u"}


@pytest.mark.parametrize(
    ("original", "candidate", "outcome"),
    [
        pytest.param(TWO, TWO, Outcome.FAILED, id="sorry left"),
        pytest.param(
            TWO, "theorem two : 1 + 1 = 3 - 1 := by rfl\n", Outcome.REJECTED, id="another statement"
        ),
        pytest.param(TWO, "theorem three : 1 + 1 = 2 := by rfl\n", Outcome.REJECTED, id="another name"),
        pytest.param(
            TWO, "axiom a : 1 + 1 = 2\ntheorem two : 1 + 1 = 2 := a\n", Outcome.REJECTED, id="an axiom"
        ),
        pytest.param(
            TWO,
            "theorem two : 1 + 1 = 2 := by rfl\nmacro_rules | `(#print axioms $x) => `(#check 1)\n",
            Outcome.REJECTED,
            id="a macro",
        ),
        pytest.param(
            "def f : Nat := 1\ntheorem t : f = 2 := by sorry\n",
            "def f : Nat := 2\ntheorem t : f = 2 := by rfl\n",
            Outcome.REJECTED,
            id="another definition",
        ),
    ],
)
def test_the_gate_says_no(plain: Repl, original: str, candidate: str, outcome: Outcome) -> None:
    judgement: Judgement = judge(plain, original, candidate)
    assert judgement.outcome is outcome, judgement


TESTS = Path(__file__).parents[2] / "data"
CHEATS = [
    path.parent.name
    for path in sorted(TESTS.glob("attacks/*/expected.json"))
    if not json.loads(path.read_text()).get("bomb")
]


@pytest.mark.nightly
@pytest.mark.parametrize("name", CHEATS)
def test_the_catalogue_of_cheats_is_turned_away_by_the_weaker_form_too(plain: Repl, name: str) -> None:
    original, candidate = (
        parse_source((TESTS / "attacks" / name / f"{f}.lean").read_bytes().decode())
        for f in ("original", "candidate")
    )
    assert not verify(plain, original, candidate, timeout=60).accepted


@pytest.mark.parametrize(
    ("original", "candidate", "reason"),
    [
        pytest.param(
            "instance : Inhabited Nat := ⟨3⟩\ntheorem t : (default : Nat) = 4 := by sorry\n",
            "instance : Inhabited Nat := ⟨4⟩\ntheorem t : (default : Nat) = 4 := rfl\n",
            "lacks what line 1 of the original defines",
            id="another instance without a name",
        ),
        pytest.param(
            "def n : Nat := 3\ninstance : Inhabited Nat := ⟨n⟩\ntheorem t : (default : Nat) = 4 := by sorry\n",
            "def n : Nat := 3\nnamespace A\ndef n : Nat := 4\nopen A\n"
            "instance _root_.i : Inhabited Nat := ⟨n⟩\ninstance : Inhabited Nat := ⟨n⟩\n"
            "end A\ntheorem t : (default : Nat) = 4 := rfl\n",
            "the definition of `instInhabitedNat_1` is not the original one",
            id="the same words in another context, named otherwise",
        ),
        pytest.param(
            "instance : OfNat Nat 77 := ⟨3⟩\ntheorem t : (77 : Nat) = 3 := by sorry\n",
            "instance : OfNat Nat 77 := ⟨3⟩\ninstance (priority := 9999) evil : OfNat Nat 77 := ⟨3⟩\n"
            "theorem t : (77 : Nat) = 3 := rfl\n",
            "the statement of `t` is not the original one",
            id="one more instance in between",
        ),
        pytest.param(
            "def f (n : Nat) : Nat := n\ntheorem t : f 1 = 1 := by sorry\n",
            "def g (n : Nat) : Nat := n + 1\ndef f (n : Nat) : Nat := n\n"
            "attribute [implemented_by g] f\ntheorem t : f 1 = 1 := rfl\n",
            "uses `implemented_by`",
            id="a program in place of a definition",
        ),
        pytest.param(TWO, "abbrev two : 1 + 1 = 2 := rfl\n", "the statement of `two`", id="no theorem"),
    ],
)
def test_what_has_no_name_is_held_against_the_original(
    plain: Repl, original: str, candidate: str, reason: str
) -> None:
    judgement = verify(plain, parse_source(original), parse_source(candidate), timeout=60)
    assert not judgement.accepted
    assert reason in (judgement.reason or "")


WRONG = "theorem wrong : (0 : Nat) = 1 := by sorry\n"
SAYS_NO_AXIOMS = "`(command| #print \"'wrong' does not depend on any axioms\")"
OFF = "set_option {} true in\n" + TWO.replace("by sorry", "rfl")


def wide(last: int) -> str:
    """A statement that is longer than what Lean prints of a term if nothing is said, and its last number."""
    term, five = f"({last} : Nat) = 0", "(5 : Nat) = 0"
    for _ in range(9):
        term, five = f"({five}) ∧ ({term})", f"({five}) ∧ ({five})"
    return f"theorem wide : {term} := by sorry\n"


@pytest.mark.parametrize(
    ("original", "candidate", "reason"),
    [
        pytest.param(
            WRONG,
            "@[macro Lean.Parser.Command.printAxioms]\n"
            f"def evil : Lean.Macro := fun _ => {SAYS_NO_AXIOMS}\n{WRONG}",
            "uses `macro`, which could change what Lean prints",
            id="an attribute in place of a macro",
        ),
        pytest.param(
            WRONG,
            f"{WRONG.strip()} macro_rules | `(#print axioms $_) => {SAYS_NO_AXIOMS}\n",
            "uses `macro_rules`",
            id="a macro that begins no line",
        ),
        pytest.param(
            f'macro "tick" : command => {SAYS_NO_AXIOMS}\n{WRONG}',
            f'macro "tick" : command => {SAYS_NO_AXIOMS}\nnamespace A\nmacro "tick" : command => {SAYS_NO_AXIOMS}\n'
            f"end A\n{WRONG}",
            "uses `macro`",
            id="the same macro twice",
        ),
        pytest.param(TWO, "#eval 1\n" + TWO.replace("by sorry", "rfl"), "uses `#eval`", id="a program"),
        pytest.param(
            "#eval 1\n" + TWO,
            "#eval 2\n" + TWO.replace("by sorry", "rfl"),
            "uses `#eval`",
            id="another program",
        ),
        pytest.param(
            TWO, OFF.format("debug.skipKernelTC"), "which the kernel does not check", id="no kernel"
        ),
        pytest.param(
            TWO,
            OFF.format("«debug».«skipKernelTC»"),
            "which the kernel does not check",
            id="no kernel, in brackets",
        ),
        pytest.param(wide(1), wide(0), "the statement of `wide`", id="a long statement that ends otherwise"),
        pytest.param(
            "set_option pp.explicit false\ninstance one : Inhabited Nat := ⟨1⟩\ninstance two : Inhabited Nat := ⟨2⟩\n"
            "theorem t : (default : Nat) = 1 := by sorry\n",
            "set_option pp.explicit false\ninstance one : Inhabited Nat := ⟨1⟩\ninstance two : Inhabited Nat := ⟨2⟩\n"
            "attribute [-instance] two\ntheorem t : (default : Nat) = 1 := rfl\n",
            "the statement of `t`",
            id="an instance that is not printed",
        ),
    ],
)
def test_what_could_make_lean_print_otherwise_is_turned_away(
    plain: Repl, original: str, candidate: str, reason: str
) -> None:
    judgement = verify(plain, parse_source(original), parse_source(candidate), timeout=60)
    assert not judgement.accepted
    assert reason in (judgement.reason or "")


@pytest.mark.parametrize(
    ("candidate", "power"),
    [
        ("theorem t : 1 = 1 := by run_tac Lean.Elab.Tactic.done", "run_tac"),
        ("theorem t : 1 = 1 := by_elab return Lean.mkConst `x", "by_elab"),
        ("@[simp, command_elab Lean.Parser.Command.print] def evil := x", "command_elab"),
        ("attribute [local «app_unexpander» Eq] evil", "app_unexpander"),
        ('@[simp, inline] def f := x -- macro\n/- run_cmd -/ theorem macro_like : f = "elab" := rfl', None),
        ("attribute [elab_as_elim] f", None),
    ],
)
def test_a_word_that_gives_power_over_lean_is_found_wherever_it_stands(
    candidate: str, power: str | None
) -> None:
    assert added_power(parse_source(TWO), parse_source(candidate)) == power


def test_what_the_original_itself_does_to_lean_may_stay(plain: Repl) -> None:
    original = (
        'local notation "two" => 2\npartial def spin : Nat → Nat := fun n => spin (n + 1)\n#eval 1\n'
        "theorem t : two = 1 + 1 := by sorry\n"
    )
    candidate = "@[simp] theorem extra : 1 = 1 := rfl\n" + original.replace("by sorry", "rfl")
    assert verify(plain, parse_source(original), parse_source(candidate), timeout=60).accepted


def test_an_example_may_have_another_proof(plain: Repl) -> None:
    original = parse_source("example : 1 + 1 = 2 := by decide\n" + TWO)
    candidate = parse_source("example : 1 + 1 = 2 := rfl\n" + TWO.replace("by sorry", "rfl"))
    assert verify(plain, original, candidate, timeout=60).accepted
