"""Names for `example`s: they leave nothing in an environment, so the gate looks at them under a name of its own."""

from __future__ import annotations

from dataclasses import dataclass

from stepprove.lean_project.source import Declaration, Edit, SourceFile

EXAMPLE = "example"
AS_DEFINITION = "noncomputable def"
"""Like an `example`, a definition takes in the section variables that its body uses and may be of any type; a `theorem` does
neither."""


@dataclass(frozen=True, slots=True)
class NamedExample:
    """An `example` of a source text and the declaration that stands for it."""

    name: str
    line: int
    chunk: int
    edit: Edit
    """Replaces the keyword."""


def name_examples(source: SourceFile, keyword: str = AS_DEFINITION) -> list[NamedExample]:
    """Give each `example` a name by its line."""
    return [
        name_example(d, f"stepprove_example_{d.line}", keyword)
        for d in source.declarations
        if d.keyword == EXAMPLE
    ]


def name_example(declaration: Declaration, name: str, keyword: str = AS_DEFINITION) -> NamedExample:
    """Give one `example` a name of the root namespace."""
    edit = Edit(declaration.start, declaration.start + len(EXAMPLE), f"{keyword} _root_.{name}")
    return NamedExample(name, declaration.line, declaration.chunk, edit)
