"""Names for `example`s: they leave nothing in an environment, so the gate looks at them under a name of its own."""

from __future__ import annotations

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


def name_examples(source: SourceFile, keyword: str = "noncomputable def") -> list[NamedExample]:
    """Give each `example` a name.

    Like an `example`, a definition takes in the section variables that its body uses and may be of any type; a `theorem`
    does neither.
    """
    named = []
    for declaration in source.declarations:
        if declaration.keyword == _KEYWORD:
            name = f"stepprove_example_{declaration.line}"
            edit = Edit(declaration.start, declaration.start + len(_KEYWORD), f"{keyword} _root_.{name}")
            named.append(NamedExample(name, declaration.line, declaration.chunk, edit))
    return named
