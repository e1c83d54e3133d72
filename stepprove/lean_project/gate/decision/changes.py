"""Changes of the original: declarations that a candidate drops or alters, and the theorems whose meaning depends on them.

The gate rejects a candidate that changes the original. It still judges each theorem whose meaning does not depend on a change.
"""

from __future__ import annotations

from collections.abc import Iterable

from stepprove.lean_project.gate.inspection.facts import DeclarationFacts, Facts
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.source.names import components

_COMPARED_WHERE_USED = frozenset({"definition", "theorem"})
"""The elaborator makes declarations of these kinds itself; the gate compares one of those only if a kept term uses it."""


def changes_of(facts: Facts, by_name: dict[str, DeclarationFacts], policy: Policy) -> dict[str, str]:
    """The changes by name, each as one sentence; a person's declarations come before those that Lean derives from them."""
    changes = {
        m.display: f"`{m.display}` of the original is missing" for m in facts.missing if not m.internal
    }
    kept = [d for d in facts.declarations if d.statement != "new" and not d.internal]
    meaning = _closure(kept, by_name)
    for declaration in sorted(facts.declarations, key=_closest_to_the_text):
        name = declaration.display
        if declaration.internal and (
            declaration.kind in _COMPARED_WHERE_USED or declaration.name not in meaning
        ):
            continue
        if declaration.statement == "changed" and name not in policy.fixed_by_text:
            changes.setdefault(name, f"the statement of `{name}` is not the original one")
        elif declaration.value == "changed" or (declaration.value == "refilled" and not policy.only_holes):
            changes.setdefault(name, f"the definition of `{name}` is not the original one")
    return changes


def _closest_to_the_text(declaration: DeclarationFacts) -> tuple[int, bool, str]:
    return (
        len(components(declaration.display)),
        declaration.kind not in {"inductive", "constructor"},
        declaration.display,
    )


def change_below(
    declaration: DeclarationFacts, changes: dict[str, str], by_name: dict[str, DeclarationFacts]
) -> str | None:
    """The change that the meaning of a declaration depends on, in one sentence; None if there is none."""
    if not changes:
        return None
    below = (by_name[name].display for name in _closure([declaration], by_name, through_holes=True))
    return min((changes[name] for name in below if name in changes), default=None)


def _closure(
    roots: Iterable[DeclarationFacts], by_name: dict[str, DeclarationFacts], *, through_holes: bool = False
) -> set[str]:
    """Every constant of the text that the meaning of `roots` depends on; `through_holes` follows the contents of holes too."""
    seen: set[str] = set()
    todo = [d.name for d in roots]
    while todo:
        name = todo.pop()
        if name not in seen and name in by_name:
            seen.add(name)
            if through_holes or by_name[name].value not in {"filled", "refilled"}:
                todo.extend(by_name[name].uses)
    return seen
