"""Mutants of the catalogue's candidates: words cut, doubled, exchanged and foreign, cheats between commands, files spliced."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

TESTS = Path(__file__).parents[2] / "data"

WORDS = re.compile(r"\s+|[^\W\d][\w.'!?]*|\d+|:=|=>|[^\w\s]")

CHEATS = (
    "axiom cheat : False",
    "axiom cheat {p : Prop} : p",
    "theorem helper : False := sorry",
    "instance : Inhabited (1 = 2) := ⟨sorry⟩",
    "set_option debug.skipKernelTC true",
    "set_option autoImplicit true",
    "set_option pp.all true",
    "local notation a \" = \" b => True",
    "local infix:50 \" < \" => fun _ _ => True",
    "macro_rules | `(tactic| omega) => `(tactic| sorry)",
    "macro_rules | `($a = $b) => `(True)",
    "local macro \"rfl\" : term => `(sorry)",
    "open Nat",
    "namespace Nat",
    "namespace Fuzz",
    "section",
    "end",
    "end Fuzz",
    "variable (h : False)",
    "variable {α : Type} [Inhabited α]",
    "include h",
    "universe u v",
    "private def Nat.lt := fun (_ _ : Nat) => True",
    "local instance : LT Nat := ⟨fun _ _ => True⟩",
    "attribute [-simp] Nat.add_comm",
    "attribute [local simp] Nat.add_comm",
    "#exit",
    "#eval 1",
    "/-",
    "-/",
    "mutual",
    "import Std",
    "set_option maxHeartbeats 1 in",
    "@[simp]",
    "noncomputable section",
    "theorem extra : 1 = 1 := rfl",
    "example : 2 = 2 := rfl",
    "def Nat.Prime (n : Nat) : Prop := True",
    "opaque hidden : 1 = 2",
    "initialize pure ()",
    "run_cmd pure ()",
    "deriving instance Repr for Nat",
)  # fmt: skip

PROOFS = ("by sorry", "sorry", "by decide", "by omega", "by simp", "by rfl", "rfl", "by grind", "by exact?", "by admit",
          "by native_decide", "by first | omega | simp_all | sorry", "by intros; trivial", "cheat", "by exact cheat",
          "by exact absurd rfl (by simp)", "lcProof", "by assumption", "unsafeCast ()", "by nofun")  # fmt: skip

INVISIBLE = ("\u200b", "\u00a0", "\u2060", "\ufeff", "\u00ad", "\u202e", "«", "»", "\u0430", "\x00")


@cache
def cases(kind: str = "*") -> list[tuple[str, str]]:
    """(original, candidate) of every file that is `honest`, every one of the `attacks` that is no bomb, or both."""
    found = []
    for folder in sorted([*TESTS.glob("honest/*"), *TESTS.glob("attacks/*")]):
        if kind not in ("*", folder.parent.name):
            continue
        expected = folder / "expected.json"
        if expected.exists() and json.loads(expected.read_text()).get("bomb"):
            continue
        try:
            found.append(tuple((folder / f"{f}.lean").read_text("utf-8") for f in ("original", "candidate")))
        except UnicodeDecodeError:
            continue
    return found  # type: ignore[return-value]


@cache
def foreign_words() -> list[str]:
    """Every word that some candidate has."""
    return sorted({word for _, candidate in cases() for word in WORDS.findall(candidate) if word.strip()})


@st.composite
def mutants(draw: st.DrawFn) -> tuple[str, str]:
    """An original of the catalogue, and a candidate for it with up to three mutations; without one, honest ones pass."""
    original, candidate = draw(st.sampled_from(cases(draw(st.sampled_from(("honest", "honest", "attacks"))))))
    if draw(st.integers(0, 3)) == 0:
        candidate = original
    for _ in range(draw(st.sampled_from((0, 1, 1, 2, 3)))):
        candidate = _mutate(draw, candidate)
    return original, candidate


def _mutate(draw: st.DrawFn, text: str) -> str:
    words = WORDS.findall(text) or [""]
    place = draw(st.integers(0, len(words) - 1))
    match draw(st.integers(0, 9)):
        case 0:
            del words[place : place + draw(st.integers(1, 3))]
        case 1:
            words.insert(place, words[place])
        case 2:
            other = draw(st.integers(0, len(words) - 1))
            words[place], words[other] = words[other], words[place]
        case 3:
            words[place] = draw(st.sampled_from(foreign_words()))
        case 4:
            words.insert(place, draw(st.sampled_from(INVISIBLE)))
        case 5:
            _, other_text = draw(st.sampled_from(cases()))
            lines, others = text.splitlines(True), other_text.splitlines(True)
            cut = draw(st.integers(0, len(lines)))
            return "".join(lines[:cut] + others + lines[cut:])
        case 6:
            return _put_between_lines(draw, text, draw(st.sampled_from(CHEATS)))
        case 7 | 8:
            proofs = [m.span(1) for m in re.finditer(r":=\s*((?:by\b)?[^\n]*)", text)]
            if not proofs:
                return _put_between_lines(draw, text, draw(st.sampled_from(CHEATS)))
            start, end = draw(st.sampled_from(proofs))
            return text[:start] + draw(st.sampled_from(PROOFS)) + text[end:]
        case _:
            lines = text.splitlines(True)
            if len(lines) > 1:
                del lines[draw(st.integers(0, len(lines) - 1))]
            return "".join(lines)
    return "".join(words)


def _put_between_lines(draw: st.DrawFn, text: str, line: str) -> str:
    lines = text.splitlines(True)
    lines.insert(draw(st.integers(0, len(lines))), line + "\n")
    return "".join(lines)
