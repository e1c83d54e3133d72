"""Names for `example`s: they leave nothing in an environment, so the gate looks at them under a name of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stepprove.lean_project.source import Edit, SourceFile

_KEYWORD = "example"


@dataclass(frozen=True, slots=True)
class NamedExample:
    """An `example` of a source text and the declaration that stands for it."""

    name: str
    line: int
    chunk: int
    edit: Edit
    """Replaces the keyword."""
    as_theorem: bool
    """False: it is a definition, because its type is data or its proof uses a section variable that its type does not."""


def name_examples(source: SourceFile, elaborates: Callable[[int, str], bool]) -> list[NamedExample]:
    """Give each `example` a name. `elaborates(chunk, text)` tells whether a chunk may be replaced by a text without error."""
    named = []
    for declaration in source.declarations:
        if declaration.keyword != _KEYWORD:
            continue
        chunk = source.chunks[declaration.chunk]
        name = f"stepprove_example_{declaration.line}"
        start, end = declaration.start, declaration.start + len(_KEYWORD)
        for keyword in ("theorem", "noncomputable def"):
            text = f"{keyword} {name}"
            changed = chunk.text[: start - chunk.start] + text + chunk.text[end - chunk.start :]
            if elaborates(declaration.chunk, changed):
                named.append(
                    NamedExample(
                        name, declaration.line, declaration.chunk, Edit(start, end, text), keyword == "theorem"
                    )
                )
                break
    return named
