"""Facts about an elaborated candidate: the gate compares the environment it left with the original's.

The embedded engine reads them off the two environments (`inspect`). A native Lean prints them (`native_facts.py`).
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from stepprove.lean_project.gate.inspection.native_facts import probe
from stepprove.lean_project.gate.inspection.second_process import audited
from stepprove.lean_project.gate.policy import NATIVE_AXIOMS
from stepprove.lean_project.repl.errors import ReplFailure
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import parse_source
from stepprove.lean_project.source.names import components

__all__ = ["DeclarationFacts", "Facts", "Missing", "confirmed", "facts_of", "with_names_of"]


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DeclarationFacts(_Fact):
    """One constant that the candidate's text adds, as the engine sees it."""

    name: str
    display: str
    """The name as a person wrote it: without the mangling of `private`."""
    kind: Literal[
        "axiom", "definition", "theorem", "opaque", "quotient", "inductive", "constructor", "recursor"
    ]
    proof: bool
    """True for a theorem, and for a definition of the original whose type is a proposition: the gate ignores its value."""
    internal: bool
    """True if the elaborator made the name (`foo._proof_1`) and no person declared it."""
    statement: Literal["new", "same", "changed"]
    """Kind, universe parameters and type, compared with the original's."""
    value: Literal["same", "filled", "refilled", "changed"] | None
    """A definition's value, compared with the original's. filled: equal except where the original has `sorry`; refilled: the
    original depended on `sorry` and more than that differs (Lean compiled a recursion anew, or the definition was rewritten)."""
    depended_on_sorry: bool = Field(
        default=False,
        validation_alias=AliasChoices("rested", "depended_on_sorry"),
        serialization_alias="rested",
    )
    """True if the original's declaration depended on sorryAx, directly or through a constant that it uses."""
    irregular: str | None = None
    """Why the gate distrusts it although the kernel accepted it: an open term, an inductive type that is not plain, an ill-typed
    term that the kernel built, or a name that the kernel computes with. None: no such reason."""
    unchecked: Literal["unsafe", "partial", "implemented_by", "extern", "csimp", "export", "init"] | None
    """How it escapes the kernel where the original's does not."""
    uses: tuple[str, ...]
    """Constants of the text that its meaning depends on (for a theorem: those of its statement)."""
    axioms: tuple[str, ...]


class Missing(_Fact):
    """A constant of the original that the candidate lacks."""

    name: str
    display: str
    internal: bool


class Facts(_Fact):
    """The engine's answer to `inspect`."""

    declarations: tuple[DeclarationFacts, ...]
    missing: tuple[Missing, ...]
    replay: str | None
    """Why the kernel refused the declarations when it checked them a second time, or None."""
    violation: str | None = Field(
        default=None, validation_alias=AliasChoices("breach", "violation"), serialization_alias="breach"
    )
    """Why none of these facts is reliable, or None."""


_T = TypeVar("_T", DeclarationFacts, Missing)


def facts_of(
    repl: Repl,
    original: str,
    before: CommandResponse,
    candidate: str,
    after: CommandResponse,
    *,
    native: bool = False,
    confirm: bool = True,
    timeout: float | None = None,
) -> Facts:
    """Compare the environment that the candidate left with the one that the original left.

    Only the kernel adds declarations to an environment, unless a program runs. If the text ran one, a second process that runs
    none of the candidate confirms the facts.

    Args:
        repl: the process that elaborated both texts. An engine without `inspect` gets Lean's own commands (`native_facts.py`).
        original: the original's text.
        before: the engine's answer to the original.
        candidate: the candidate's text.
        after: the engine's answer to the candidate.
        native: accept results of compiled code as proof. The gate then trusts the candidate's own process, whose kernel checks
            everything again.
        confirm: start the second process; False skips it.
        timeout: seconds for each engine call.

    Raises:
        ReplFailure: the engine gave no facts.
    """
    if not repl.supports_inspect:
        return Facts.model_validate(probe(repl, original, before.env, candidate, after.env, timeout=timeout))
    answer: dict[str, Any] = repl.request(
        {
            "inspect": after.env,
            "against": before.env,
            "replay": native and repl.ran_programs,
            "native": native,
        },
        timeout=timeout,
    )
    if "declarations" not in answer:
        raise ReplFailure(f"the engine could not inspect the environment: {answer.get('message', answer)}")
    facts = Facts.model_validate(answer)
    trusted = facts.violation is None and not any(d.irregular for d in facts.declarations)
    if confirm and trusted and repl.ran_programs and not native:
        facts = confirmed(facts, Facts.model_validate(audited(repl, before.env, after.env, timeout=timeout)))
    return with_names_of(facts, original, candidate)


def confirmed(suspect: Facts, audit: Facts) -> Facts:
    """Merge an audit with the facts of the process that ran the candidate: only its facts against the candidate count."""
    suspect_by_name = {d.name: d for d in suspect.declarations}
    audited_names = {d.name for d in audit.declarations}
    # The export leaves out declarations that escape the kernel or depend on the compiler.
    kept = tuple(
        d
        for d in suspect.declarations
        if d.name not in audited_names
        and (d.unchecked or d.irregular or not NATIVE_AXIOMS.isdisjoint(d.axioms))
    )
    kept_names = {d.name for d in kept}
    merged = tuple(
        d.model_copy(
            update={
                "unchecked": suspect_by_name[d.name].unchecked,
                "irregular": d.irregular or suspect_by_name[d.name].irregular,
            }
        )
        if d.name in suspect_by_name
        else d
        for d in audit.declarations
    )
    return audit.model_copy(
        update={
            "declarations": merged + kept,
            "missing": tuple(m for m in audit.missing if m.name not in kept_names),
            "replay": audit.replay or suspect.replay,
        }
    )


def with_names_of(facts: Facts, *texts: str) -> Facts:
    """Clear `internal` for names like `eq_1` and `_step` that one of the texts declares itself."""
    constants: tuple[DeclarationFacts | Missing, ...] = (*facts.declarations, *facts.missing)
    last_parts = {part for c in constants if c.internal for part in components(c.display)[-1:]}
    if not any(part in text for part in last_parts for text in texts):
        return facts
    # A full name takes time of the depth of its namespaces, and only a name with one of these last parts can be meant.
    declared = {
        components(d.full_name)
        for text in texts
        for d in parse_source(text).declarations
        if d.name and not last_parts.isdisjoint(components(d.name)[-1:]) and d.full_name
    }

    def marked(constant: _T) -> _T:
        if constant.internal and components(constant.display) in declared:
            return constant.model_copy(update={"internal": False})
        return constant

    return facts.model_copy(
        update={
            "declarations": tuple(map(marked, facts.declarations)),
            "missing": tuple(map(marked, facts.missing)),
        }
    )
