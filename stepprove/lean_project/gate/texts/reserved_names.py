"""Texts that redefine the kernel's built-in names: a `prelude`, or a declaration of a name that the kernel computes with.

The kernel knows names such as `Nat.gcd` and computes with them however they are declared. This module looks at the words alone.
"""

from __future__ import annotations

from stepprove.lean_project.source.file import SourceFile
from stepprove.lean_project.source.lexer import tokenize

_NAT = (
    *("zero", "succ", "add", "sub", "mul", "div", "mod", "pow", "gcd", "log2", "beq", "ble", "land", "lor"),
    *("xor", "shiftLeft", "shiftRight", "rec", "casesOn"),
)
KERNEL_NAMES = frozenset(
    {
        *(f"Nat.{name}" for name in _NAT),
        *("Nat", "Bool", "Bool.true", "Bool.false", "Char", "Char.mk", "Char.ofNat"),
        *("String", "String.mk", "String.ofList", "String.ofByteArray", "List", "List.nil", "List.cons"),
        *("Eq", "Eq.refl", "Eq.rec", "Quot", "Quot.mk", "Quot.lift", "Quot.ind", "Quot.sound", "eagerReduce"),
        *("sorryAx", "propext", "Classical.choice"),
        *("Lean.reduceBool", "Lean.reduceNat", "Lean.trustCompiler", "Lean.ofReduceBool", "Lean.ofReduceNat"),
    }
)
"""The same names as in `embedded/facts/well_formed.cjs`."""

PRELUDE_REFUSED = "it is a `prelude`: the kernel computes with names that only `Init` gives their meaning"


def is_prelude(source: SourceFile) -> bool:
    """Whether a text starts without `Init`."""
    return any(t.kind == "word" and t.text == "prelude" for t in tokenize(source.header))


def reserved(source: SourceFile) -> str | None:
    """Why the gate must not judge a text at all, in one sentence; or None."""
    if is_prelude(source):
        return PRELUDE_REFUSED
    name = next((d.full_name for d in source.declarations if d.full_name in KERNEL_NAMES), None)
    return name and f"`{name}` is a name that the kernel computes with: it cannot be declared"
