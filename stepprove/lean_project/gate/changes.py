"""What of the original a candidate lacks or has otherwise, and whose meaning rests on that.

A change costs the declarations whose meaning it touches. The candidate as a whole is rejected for it, but a theorem that the
original states apart from it is judged on its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stepprove.lean_project.source.names import components

if TYPE_CHECKING:
    from stepprove.lean_project.gate.gate import Declaration, Facts, Policy

_COMPARED_WHERE_USED = frozenset({"definition", "theorem"})
"""Kinds of which the elaborator makes some of its own: what it made counts where a term names it, whatever it is called."""


def changes_of(facts: Facts, by_name: dict[str, Declaration], policy: Policy) -> dict[str, str]:
    """What of the original the candidate lacks or has otherwise, by name, and what is wrong with each in one sentence.

    What a person wrote comes before what Lean made of it: names of fewer parts first.
    """
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


def _closest_to_the_text(declaration: Declaration) -> tuple[int, bool, str]:
    return (
        len(components(declaration.display)),
        declaration.kind not in {"inductive", "constructor"},
        declaration.display,
    )


def change_below(
    declaration: Declaration, changes: dict[str, str], by_name: dict[str, Declaration]
) -> str | None:
    """The change of the original on which the meaning of a declaration rests, in one sentence; None when there is none."""
    if not changes:
        return None
    below = (by_name[name].display for name in _closure([declaration], by_name, through_holes=True))
    return min((changes[name] for name in below if name in changes), default=None)


def _closure(
    roots: Iterable[Declaration], by_name: dict[str, Declaration], *, through_holes: bool = False
) -> set[str]:
    """Everything of the text that the meaning of `roots` rests on; through what stands in holes only if asked for."""
    seen: set[str] = set()
    todo = [d.name for d in roots]
    while todo:
        name = todo.pop()
        if name not in seen and name in by_name:
            seen.add(name)
            if through_holes or by_name[name].value not in {"filled", "refilled"}:
                todo.extend(by_name[name].uses)
    return seen
