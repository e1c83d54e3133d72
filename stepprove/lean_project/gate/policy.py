"""The axioms that a proof may use, and what a caller allows beyond them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

STANDARD_AXIOMS = frozenset({"propext", "Quot.sound", "Classical.choice"})
NATIVE_AXIOMS = frozenset(
    {"Lean.ofReduceBool", "Lean.ofReduceNat", "Lean.trustCompiler", "Lean.reduceBool", "Lean.reduceNat"}
)
"""`native_decide` trusts the compiler through these. The kernel calls the compiler wherever `Lean.reduceBool` or
`Lean.reduceNat` occurs in a term, even where no axiom is listed."""


class Policy(BaseModel):
    """What a caller allows beyond the standard."""

    # An unknown field could make the gate stricter.
    model_config = ConfigDict(frozen=True, extra="forbid")

    native_decide: bool = False
    axioms: frozenset[str] = frozenset()
    """Axioms that the user's own file declares and accepts, by name."""
    fixed_by_text: frozenset[str] = frozenset()
    """Declarations whose statement the caller has compared as text. Lean adds the section variables that the body of a `def`
    uses to its type, so the type of an `example` that the gate judges as a `def` may grow with its proof."""
    only_holes: bool = False
    """The caller guarantees that candidate and original differ in the holes alone, byte for byte. A definition that depended on
    `sorry` may then compile to anything, and the candidate may declare nothing new."""

    @property
    def allowed_axioms(self) -> frozenset[str]:
        """Every axiom that a proof may use."""
        return STANDARD_AXIOMS | self.axioms | (NATIVE_AXIOMS if self.native_decide else frozenset())
