"""Facts for the trust gate from an engine without `inspect`: Lean's own commands print them.

A native REPL only runs commands. This module compares statements as Lean prints them in full detail, and reads axioms from
`#print axioms`. It refuses a candidate with commands that could change either output. The candidate must repeat the original's
nameless definitions word for word; constants that Lean named itself are compared as printed. These facts are weaker than those
of `inspect`: the kernel checks nothing a second time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from stepprove.lean_project.gate.texts.native_keyword_guard import added_power, lost_command
from stepprove.lean_project.gate.texts.reserved_names import reserved
from stepprove.lean_project.messages import printed_axioms
from stepprove.lean_project.repl.repl import Repl, ReplFailure
from stepprove.lean_project.source.file import Declaration, SourceFile, parse_source
from stepprove.lean_project.source.lexer import tokenize
from stepprove.lean_project.source.names import NameTree

_UNCHECKED = ("unsafe", "partial", "implemented_by", "extern", "csimp", "export")
_KINDS = {"theorem": "theorem", "lemma": "theorem", "axiom": "axiom", "opaque": "opaque"} | dict.fromkeys(
    ("inductive", "structure", "class", "coinductive"), "inductive"
)
_INSTANCE = re.compile(r"(?:^|\.)inst[A-Z]")
"""Matches the names that Lean gives to anonymous instances."""
_SHOWN = "".join(
    f"set_option pp.{option} in "
    for option in (
        *(
            "all true",
            "explicit true",
            "universes true",
            "notation false",
            "fullNames true",
            "privateNames true",
        ),
        *("proofs true", "deepTerms true", "maxSteps 1000000000"),
    )
)
"""Prints every detail. `pp.all` is not enough: options that the text sets override it, and Lean cuts long terms short."""


def probe(
    repl: Repl,
    before_text: str,
    before_env: int,
    after_text: str,
    after_env: int,
    *,
    timeout: float | None = None,
) -> dict[str, Any]:
    """Read the facts about the named declarations of two texts off Lean's output.

    Args:
        repl: the process that has both environments.
        before_text: the original.
        before_env: the environment that it left.
        after_text: the candidate.
        after_env: the environment that it left.
        timeout: seconds for each engine call.

    Returns:
        The fields of `facts.Facts`.

    Raises:
        ReplFailure: Lean gave no answer, or one that this module cannot read.
    """
    before, after = parse_source(before_text), parse_source(after_text)
    if (violation := _beyond_probing(before, after)) is not None:
        return {"declarations": (), "missing": (), "replay": None, "violation": violation}
    old = {d.full_name: d for d in before.declarations if d.full_name}
    new = {d.full_name: d for d in after.declarations if d.full_name}
    declarations, missing = [], [n for n in old if n not in new]
    printed: list[str] = []
    for name, declaration in new.items():
        now = _printed(repl, after_env, name, declaration, timeout)
        if now is None:
            missing.append(name)
            continue
        then = _printed(repl, before_env, name, old[name], timeout) if name in old else None
        kind = _kind_of(declaration)
        proof = kind == "theorem" or (
            kind == "definition" and _proves(repl, after_env, name, declaration, timeout)
        )
        compared = _compared(now, then, kind, _kind_of(old[name]) if name in old else None, proof=proof)
        if then is not None:
            printed += [then["type"], then["value"] or ""]
        declarations.append(
            {
                "name": name,
                "display": name,
                "kind": kind,
                "proof": proof,
                "internal": False,
                **compared,
                "unchecked": None if then is not None else _unchecked(after, declaration),
                "uses": (),
                "axioms": now["axioms"],
            }
        )
    changed = _changed_unseen(repl, before_env, after_env, NameTree(old), printed, timeout)
    return {
        "declarations": declarations,
        "missing": [{"name": n, "display": n, "internal": False} for n in missing if n in old],
        "replay": None,
        "violation": changed and f"the definition of `{changed}` is not the original one",
    }


def _kind_of(declaration: Declaration) -> str:
    return _KINDS.get(declaration.keyword, "definition")


def _compared(
    now: dict[str, Any], then: dict[str, Any] | None, kind: str, old_kind: str | None, *, proof: bool
) -> dict[str, Any]:
    """What Lean prints of a declaration, compared with what it prints of the original's, as fields of `DeclarationFacts`."""
    if then is None:
        return {"statement": "new", "value": None, "depended_on_sorry": False}
    same_value = now["value"] == then["value"]
    same = now["type"] == then["type"] and kind == old_kind and (kind != "inductive" or same_value)
    depended_on_sorry = "sorryAx" in then["axioms"]
    if kind != "definition" or proof:
        value = None
    elif same_value:
        value = "same"
    else:
        value = "refilled" if depended_on_sorry else "changed"
    return {
        "statement": "same" if same else "changed",
        "value": value,
        "depended_on_sorry": depended_on_sorry,
    }


def _changed_unseen(
    repl: Repl, before_env: int, after_env: int, named: NameTree, printed: list[str], timeout: float | None
) -> str | None:
    """A constant that Lean named itself and prints differently for the candidate; None if there is none.

    Lean names anonymous instances and the auxiliary constants of named declarations. The search starts at the terms that Lean
    `printed` for the named declarations and follows the constants in them.
    """
    seen: set[str] = set()
    todo = _names_by_lean(printed, named)
    while todo := sorted(set(todo) - seen):
        seen.update(todo)
        mine, theirs = (_print_all(repl, env, todo, timeout) for env in (before_env, after_env))
        for name in todo:
            if mine[name] != theirs[name]:
                return name
        todo = _names_by_lean((text for texts in mine.values() for text in texts), named)
    return None


def _names_by_lean(printed: Iterable[str], named: NameTree) -> list[str]:
    """The words of printed terms that Lean named itself: an instance's name, or a name below a person's."""
    words = {t.text.rstrip(".") for text in printed for t in tokenize(text) if t.kind == "word"}
    return [w for w in words if w not in named and (_INSTANCE.search(w) or named.has_prefix_of(w))]


def _print_all(repl: Repl, env: int, names: list[str], timeout: float | None) -> dict[str, tuple[str, ...]]:
    """Lean's output of `#print` for each name: an error if there is no such constant."""
    code = "".join(f"{_SHOWN}#print _root_.{name}\n" for name in names)
    texts_by_line: dict[int, list[str]] = {}
    for message in repl.elaborate(code, env, timeout=timeout).messages:
        if message.severity != "warning":  # a linter warns about the scope, not about the constant
            texts_by_line.setdefault(message.pos.line, []).append(message.data)
    return {name: tuple(texts_by_line.get(line, ())) for line, name in enumerate(names, 1)}


def _printed(
    repl: Repl, env: int, name: str, declaration: Declaration, timeout: float | None
) -> dict[str, Any] | None:
    """The type, value and axioms of a constant as Lean prints them; None if there is no such constant."""
    constant = name if declaration.private else f"_root_.{name}"
    shown = f"{_SHOWN}#check @{constant}\n"
    if _KINDS.get(declaration.keyword, "definition") != "theorem":
        shown += f"{_SHOWN}#print {constant}\n"
    answer = repl.elaborate(f"{shown}#print axioms {constant}\n", env, timeout=timeout)
    if answer.has_errors:
        return None
    texts = [m.data for m in answer.messages if m.severity == "info"]
    axioms = printed_axioms(texts[-1]) if len(texts) >= 2 else None
    if axioms is None:
        raise ReplFailure(f"Lean's answer about `{name}` is not understood: {texts!r}")
    return {"type": texts[0], "value": texts[1] if len(texts) > 2 else None, "axioms": axioms}


def _proves(repl: Repl, env: int, name: str, declaration: Declaration, timeout: float | None) -> bool:
    """Whether a definition proves a proposition, as a named `example` may: any value of its type is then good."""
    constant = name if declaration.private else f"_root_.{name}"
    return not repl.elaborate(f"#check (type_of% @{constant} : Prop)\n", env, timeout=timeout).has_errors


def _words(source: SourceFile, start: int, end: int) -> list[str]:
    return [t.text for t in tokenize(source.text[start:end]) if t.kind == "word"]


def _unchecked(source: SourceFile, declaration: Declaration) -> str | None:
    chunk = source.chunks[declaration.chunk]
    words = set(_words(source, chunk.start, declaration.start))
    return next((w for w in _UNCHECKED if w in words), None)


def _beyond_probing(before: SourceFile, after: SourceFile) -> str | None:
    """Why Lean's output about the candidate would not be reliable, or None."""
    if (reason := reserved(after) or reserved(before)) is not None:
        return reason
    if (line := lost_command(before, after)) is not None:
        return f"the candidate lacks what line {line} of the original defines, or has it in other words"
    if (word := added_power(before, after)) is None:
        return None
    if word in _UNCHECKED or word.endswith("skipKernelTC"):
        return f"the candidate uses `{word}`, which the kernel does not check"
    return f"the candidate uses `{word}`, which could change what Lean prints"
