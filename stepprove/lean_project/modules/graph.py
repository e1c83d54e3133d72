"""Which module comes before which: an order in which each can be compiled, from their headers alone."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from stepprove.lean_project.source.commands import read_header
from stepprove.lean_project.source.lexer import Code

_LIBRARY = frozenset({"Init", "Std", "Lean", "Lake"})


class BadImport(Exception):
    """The modules cannot be put in order; the message is one sentence."""


class MissingModule(BadImport):
    """A module imports one that nobody has."""


class ImportCycle(BadImport):
    """A module imports itself, perhaps by way of others."""


def module_files(root: Path) -> dict[str, Path]:
    """The Lean files below a source root, by the name of their module. Hidden folders are left out."""
    found = {}
    for path in sorted(root.rglob("*.lean")):
        parts = path.relative_to(root).with_suffix("").parts
        if not any(part.startswith(".") for part in parts):
            found[".".join(parts)] = path
    return found


def compile_order(texts: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Put modules in an order in which each comes after those that it imports.

    Args:
        texts: each module's text, by its name.

    Returns:
        For each module, in an order that depends on the texts alone: those among them that it imports.

    Raises:
        MissingModule: a module imports one that is neither here nor the library's.
        ImportCycle: modules import each other.
    """
    imports = {name: tuple(_own_imports(name, text, texts)) for name, text in texts.items()}
    order: dict[str, tuple[str, ...]] = {}
    for first in sorted(imports):
        path = [] if first in order else [first]
        while path:
            waiting = next((name for name in imports[path[-1]] if name not in order), None)
            if waiting is None:
                done = path.pop()
                order[done] = imports[done]
            elif waiting in path:
                circle = [*path[path.index(waiting) :], waiting]
                raise ImportCycle(f"The modules import each other: {' imports '.join(circle)}.")
            else:
                path.append(waiting)
    return order


def is_of_the_library(module: str) -> bool:
    """Whether a module comes with Lean."""
    return module.split(".", 1)[0] in _LIBRARY


def _own_imports(name: str, text: str, texts: Mapping[str, str]) -> Iterator[str]:
    for module in sorted(set(read_header(Code(text)).imports)):
        if module in texts:
            yield module
        elif not is_of_the_library(module):
            near = difflib.get_close_matches(module, texts, n=1)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise MissingModule(f"{name} imports {module}, which is not there{hint}")
