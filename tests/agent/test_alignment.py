"""The proof of a hole found in a whole declaration that a model wrote again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepprove.agent.models.alignment import proof_in
from stepprove.agent.models.answer import code_of
from stepprove.agent.models.repair import cut_back
from stepprove.agent.models.stepfun import final_text, sketch_of
from stepprove.lean_project.repl.protocol import Message, Position
from stepprove.lean_project.source.file import parse_source

AND = "namespace A\ntheorem t (n : Nat) : n + 0 = n ∧ True := by\n  sorry\nend A\n"
STATED = "theorem t (n : Nat) : n + 0 = n ∧ True :="
TERM = "theorem t : 1 = 1 ∧ 2 = 2 := sorry\n"
TWO = "theorem t (n : Nat) : n = n := by\n  have h : n = n := by\n    sorry\n  have k : 1 = 1 := sorry\n  exact h\n"


@pytest.mark.parametrize(
    ("text", "answer", "proofs"),
    [
        pytest.param(
            AND,
            f"import Mathlib\nnamespace A\n@[simp] {STATED} by\n    constructor\n    · rfl\n    · trivial\nend A",
            ["constructor\n· rfl\n· trivial"],
            id="its own indentation, imports and attributes",
        ),
        pytest.param(
            AND, f"{STATED.replace(' : n +', chr(10) + '    : n +')} by simp -- easy", ["simp"], id="layout"
        ),
        pytest.param(AND, f"{STATED} ⟨rfl, trivial⟩", ["exact ⟨rfl, trivial⟩"], id="a term for by"),
        pytest.param(AND, f"{STATED.replace('theorem', 'lemma')} by simp", ["simp"], id="lemma"),
        pytest.param(
            AND,
            f"{STATED} by constructor\n{' ' * (len(STATED) + 4)}· rfl\n{' ' * (len(STATED) + 4)}· trivial",
            ["constructor\n· rfl\n· trivial"],
            id="on the line of by",
        ),
        pytest.param(
            TERM, f"{TERM[:-6]}by\n  constructor <;> rfl", ["constructor <;> rfl"], id="by for a term"
        ),
        pytest.param(
            TERM, f"{TERM[:-6]}⟨rfl,\n  rfl⟩", ["exact (\n  ⟨rfl,\n  rfl⟩)"], id="a term of two lines"
        ),
        pytest.param(
            TWO,
            TWO.replace("    sorry", "    skip\n    rfl").replace("sorry", "rfl"),
            ["skip\nrfl", "exact rfl"],
            id="two holes",
        ),
        pytest.param(
            AND,
            f"lemma aux (k : Nat) : k + 0 = k := by\n  rfl\nlemma unused : 1 = 1 := rfl\n{STATED} by\n  exact ⟨aux n, trivial⟩",
            ["have aux (k : Nat) : k + 0 = k := by\n  rfl\nexact ⟨aux n, trivial⟩"],
            id="lemmas of its own",
        ),
        pytest.param(
            AND,
            f"{STATED} by\n  simp\n\n#print axioms A.t\ntheorem u : 1 = 1 := rfl",
            ["simp"],
            id="more after it",
        ),
        pytest.param(AND, f"{STATED.replace(' t ', ' A.t ')} by simp", ["simp"], id="its full name"),
        pytest.param(AND, f"{STATED.replace(' t ', ' at ')} by simp", [None], id="another name"),
        pytest.param(AND, "theorem t (n : Nat) : n + 0 = n := by\n  rfl", [None], id="another statement"),
        pytest.param(AND, f"{STATED} by", [None], id="nothing"),
        pytest.param(TWO, TWO.replace("exact h", "exact k"), [None, None], id="another end"),
    ],
)
def test_what_stands_in_the_holes_place(text: str, answer: str, proofs: list[str | None]) -> None:
    source = parse_source(text)
    assert [proof_in(source, hole, answer) for hole in source.holes] == proofs


WORDS = (
    "by sorry := ⟨ ⟩ ( ) /- -/ -- « · <sketch> </sketch> ``` </think> | zero => <;> simp A. theorem have "
    'h : t " end induction n with exact'
)
LEAN = st.lists(
    st.sampled_from([*WORDS.split(), STATED, "\n", "\n  ", "```lean4\n", "\0"]) | st.text(max_size=6)
).map(" ".join)


@given(LEAN, st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_nothing_that_a_model_writes_is_too_much(text: str, line: int, column: int) -> None:
    for original in (AND, TERM, TWO):
        source = parse_source(original)
        for hole in source.holes:
            proof_in(source, hole, text)
            proof_in(source, hole, original.replace("sorry", text))
    code_of(text, "A.t")
    sketch_of(text, "import A", text[:20])
    final_text(text)
    error = Message(severity="error", pos=Position(line=line, column=column), data="unsolved goals")
    for said in (error, error.model_copy(update={"data": "no"})):
        cut_back(text, [said, error])
