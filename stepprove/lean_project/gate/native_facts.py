"""Facts for the trust gate from an engine that cannot be asked for terms: Lean's own commands are asked instead.

A native REPL answers commands, nothing else. So statements are compared as Lean prints them with all detail, axioms are read from
`#print axioms`, and a candidate that adds commands which could change what those two print is refused outright. What the text
defines without a name must stand in the candidate word for word, and what Lean named itself is compared as it is printed. It is
the weaker form of what `inspect` tells: there is no second look by the kernel.
"""

from __future__ import annotations

import re
from typing import Any

from stepprove.lean_project.gate.native_keyword_guard import added_power, lost_command
from stepprove.lean_project.gate.reserved_names import reserved
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure
from stepprove.lean_project.source.file import Declaration, SourceFile, parse_source
from stepprove.lean_project.source.lexer import tokenize

_UNCHECKED = ("unsafe", "partial", "implemented_by", "extern", "csimp", "export")
_KINDS = {"theorem": "theorem", "lemma": "theorem", "axiom": "axiom", "opaque": "opaque"} | dict.fromkeys(
    ("inductive", "structure", "class", "coinductive"), "inductive"
)
_INSTANCE = re.compile(r"(?:^|\.)inst[A-Z]")
"""In the names that Lean gives to instances without one."""
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
"""Shows all there is: an option that the text has set goes before `pp.all`, and a long term is cut short."""
_AXIOMS = re.compile(r"^'.*' (?:depends on axioms: \[(.*)\]|does not depend on any axioms)$", re.S)


def probe(
    repl: Repl,
    before_text: str,
    before_env: int,
    after_text: str,
    after_env: int,
    *,
    timeout: float | None = None,
) -> dict[str, Any]:
    """What `gate.Facts` needs, about the named declarations of two texts and the environments they left.

    Raises ReplFailure when Lean cannot say.
    """
    before, after = parse_source(before_text), parse_source(after_text)
    if (breach := _beyond_probing(before, after)) is not None:
        return {"declarations": (), "missing": (), "replay": None, "breach": breach}
    old = {d.full_name: d for d in before.declarations if d.full_name}
    new = {d.full_name: d for d in after.declarations if d.full_name}
    declarations, missing = [], [n for n in old if n not in new]
    printed: list[str] = []
    for name, declaration in new.items():
        said = _ask(repl, after_env, name, declaration, timeout)
        if said is None:
            missing.append(name)
            continue
        known = _ask(repl, before_env, name, old[name], timeout) if name in old else None
        printed += [known["type"], known["value"] or ""] if known is not None else []
        rested = known is not None and "sorryAx" in known["axioms"]
        same_value = known is not None and said["value"] == known["value"]
        kind = _KINDS.get(declaration.keyword, "definition")
        proof = kind == "theorem" or (
            kind == "definition" and _proves(repl, after_env, name, declaration, timeout)
        )
        declarations.append(
            {
                "name": name,
                "display": name,
                "kind": kind,
                "proof": proof,
                "internal": False,
                "statement": "new"
                if known is None
                else "same"
                if said["type"] == known["type"]
                and kind == _KINDS.get(old[name].keyword, "definition")
                and (kind != "inductive" or same_value)
                else "changed",
                "value": None
                if known is None or kind != "definition" or proof
                else "same"
                if same_value
                else "refilled"
                if rested
                else "changed",
                "rested": rested,
                "unchecked": None if known is not None else _unchecked(after, declaration),
                "uses": (),
                "axioms": said["axioms"],
            }
        )
    changed = _changed_unseen(repl, before_env, after_env, set(old), printed, timeout)
    return {
        "declarations": declarations,
        "missing": [{"name": n, "display": n, "internal": False} for n in missing if n in old],
        "replay": None,
        "breach": changed and f"the definition of `{changed}` is not the original one",
    }


def _changed_unseen(
    repl: Repl, before_env: int, after_env: int, named: set[str], printed: list[str], timeout: float | None
) -> str | None:
    """A constant that Lean named itself and that is printed otherwise for the candidate; None when there is none.

    Such are anonymous instances and what belongs to a named declaration. They are found in what Lean has printed of the named
    ones, and in what it prints of them in turn.
    """
    seen: set[str] = set()
    todo = _names_of_leans(printed, named)
    while todo := sorted(set(todo) - seen):
        seen.update(todo)
        mine, theirs = (_print_all(repl, env, todo, timeout) for env in (before_env, after_env))
        for name in todo:
            if mine[name] != theirs[name]:
                return name
        todo = _names_of_leans([text for texts in mine.values() for text in texts], named)
    return None


def _names_of_leans(printed: list[str], named: set[str]) -> list[str]:
    words = {t.text.rstrip(".") for text in printed for t in tokenize(text) if t.kind == "word"}
    return [word for word in words - named if _INSTANCE.search(word) or not named.isdisjoint(_prefixes(word))]


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def _print_all(repl: Repl, env: int, names: list[str], timeout: float | None) -> dict[str, tuple[str, ...]]:
    """What Lean prints of each name, an error where there is no such constant."""
    code = "".join(f"{_SHOWN}#print _root_.{name}\n" for name in names)
    said: dict[int, list[str]] = {}
    for message in _command(repl, code, env, timeout).messages:
        if message.severity != "warning":  # linters speak of the scope, not of the constant
            said.setdefault(message.pos.line, []).append(message.data)
    return {name: tuple(said.get(line, ())) for line, name in enumerate(names, 1)}


def _ask(
    repl: Repl, env: int, name: str, declaration: Declaration, timeout: float | None
) -> dict[str, Any] | None:
    """The type, value and axioms of a constant as Lean prints them; None when there is no such constant."""
    constant = name if declaration.private else f"_root_.{name}"
    shown = f"{_SHOWN}#check @{constant}\n"
    if _KINDS.get(declaration.keyword, "definition") != "theorem":
        shown += f"{_SHOWN}#print {constant}\n"
    answer = _command(repl, f"{shown}#print axioms {constant}\n", env, timeout)
    if answer.has_errors:
        return None
    texts = [m.data for m in answer.messages if m.severity == "info"]
    found = _AXIOMS.match(texts[-1].strip()) if len(texts) >= 2 else None
    if found is None:
        raise ReplFailure(f"Lean's answer about `{name}` is not understood: {texts!r}")
    axioms = sorted(a.strip() for a in (found[1] or "").split(",") if a.strip())
    return {"type": texts[0], "value": texts[1] if len(texts) > 2 else None, "axioms": axioms}


def _proves(repl: Repl, env: int, name: str, declaration: Declaration, timeout: float | None) -> bool:
    """Whether a definition is the proof of a proposition, as a named `example` may be: then any value of its type will do."""
    constant = name if declaration.private else f"_root_.{name}"
    return not _command(repl, f"#check (type_of% @{constant} : Prop)\n", env, timeout).has_errors


def _command(repl: Repl, code: str, env: int, timeout: float | None) -> CommandResponse:
    answer = repl.command(code, env, timeout=timeout)
    if isinstance(answer, ErrorResponse):
        raise ReplFailure(answer.message)
    return answer


def _words(source: SourceFile, start: int, end: int) -> list[str]:
    return [t.text for t in tokenize(source.text[start:end]) if t.kind == "word"]


def _unchecked(source: SourceFile, declaration: Declaration) -> str | None:
    chunk = source.chunks[declaration.chunk]
    words = set(_words(source, chunk.start, declaration.start))
    return next((w for w in _UNCHECKED if w in words), None)


def _beyond_probing(before: SourceFile, after: SourceFile) -> str | None:
    """Why what Lean prints about the candidate could not be trusted, or None."""
    if (reason := reserved(after) or reserved(before)) is not None:
        return reason
    if (line := lost_command(before, after)) is not None:
        return f"the candidate lacks what line {line} of the original defines, or has it in other words"
    if (word := added_power(before, after)) is None:
        return None
    if word in _UNCHECKED or word.endswith("skipKernelTC"):
        return f"the candidate uses `{word}`, which the kernel does not check"
    return f"the candidate uses `{word}`, which could change what Lean prints"
