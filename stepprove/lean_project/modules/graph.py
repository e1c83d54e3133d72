"""Which modules a file needs, in the order in which they are compiled, and what stands in the way."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stepprove.lean_project.modules.header import ModuleHeader, read_module_header
from stepprove.lean_project.modules.lakefile import OptionValue
from stepprove.lean_project.modules.project import Project, is_core

__all__ = ["Fault", "ModuleGraph", "ModuleSource", "load_graph", "module_source"]


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """One module as it stands on disk."""

    name: str
    path: Path
    text: str
    header: ModuleHeader
    package: str
    own: bool
    """Whether it belongs to the project itself."""
    options: Mapping[str, OptionValue] = field(default_factory=dict)

    @property
    def imports(self) -> tuple[str, ...]:
        """The modules outside of Lean's own library that it imports, each once, in order."""
        return tuple(dict.fromkeys(i.module for i in self.header.imports if not is_core(i.module)))

    @property
    def sha256(self) -> str:
        """Of its text, in hexadecimal digits."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a module cannot be compiled, before Lean is asked."""

    module: str
    """The module that is missing or unreadable, or the first of a cycle."""
    message: str
    """One sentence, with the file and line of the import where there is one."""
    cycle: tuple[str, ...] = ()
    """The modules of a cycle, in the order in which each imports the next."""


@dataclass(frozen=True, slots=True)
class ModuleGraph:
    """The modules that some entries need."""

    order: tuple[ModuleSource, ...]
    """Those that can be compiled, every one after all that it imports."""
    faults: tuple[Fault, ...]
    waiting: Mapping[str, str]
    """Each module that cannot be compiled because of another one: the module of the fault."""


def module_source(name: str, project: Project) -> ModuleSource | Fault | None:
    """Read a module of a project; None if the project has no source of that name."""
    found = project.find(name)
    if found is None:
        return None
    path, root = found
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return Fault(name, f"{path} is not UTF-8.")
    except OSError as error:
        return Fault(name, f"{path} cannot be read: {error.strerror or error}.")
    return ModuleSource(name, path, text, read_module_header(text), root.package, root.own, root.options)


def load_graph(entries: Iterable[str], project: Project, *, importer: str | None = None) -> ModuleGraph:
    """Read the modules that the entries need and put them into order.

    Args:
        entries: names of modules; those of Lean's own library are left out.
        project: where the sources are.
        importer: what imports the entries, such as a file's name, for the messages.
    """
    return _Loader(project, importer).load([name for name in dict.fromkeys(entries) if not is_core(name)])


class _Loader:
    """A depth-first walk along the imports, without recursion: a chain of imports may be thousands long."""

    def __init__(self, project: Project, importer: str | None) -> None:
        self._project, self._importer = project, importer
        self._read: dict[str, ModuleSource] = {}
        self._faults: dict[str, Fault] = {}
        self._waiting: dict[str, str] = {}
        self._order: list[ModuleSource] = []
        self._done: set[str] = set()
        self._path: dict[
            str, Iterator[str]
        ] = {}  # from an entry to the module at hand, with the imports left

    def load(self, entries: Sequence[str]) -> ModuleGraph:
        for entry in entries:
            self._enter(entry, None)
            while self._path:
                self._step()
        return ModuleGraph(tuple(self._order), tuple(self._faults.values()), self._waiting)

    def _step(self) -> None:
        name = next(reversed(self._path))
        imported = next(self._path[name], None)
        if imported is None:
            self._leave(name)
        elif imported in self._path:
            self._cycle(imported)
        else:
            self._enter(imported, self._read[name])

    def _enter(self, name: str, importer: ModuleSource | None) -> None:
        if name in self._done:
            return
        read = module_source(name, self._project)
        if isinstance(read, ModuleSource):
            self._read[name] = read
            self._path[name] = iter(read.imports)
            return
        self._done.add(name)
        self._faults[name] = read or Fault(name, self._missing(name, importer))

    def _leave(self, name: str) -> None:
        del self._path[name]
        self._done.add(name)
        if name in self._faults:
            return
        module = self._read[name]
        for imported in module.imports:
            fault = imported if imported in self._faults else self._waiting.get(imported)
            if fault is not None:
                self._waiting.setdefault(name, fault)
        if name not in self._waiting:
            self._order.append(module)

    def _cycle(self, back: str) -> None:
        path = list(self._path)
        cycle = tuple(path[path.index(back) :])
        if not any(name in self._faults for name in cycle):
            shown = " → ".join([*cycle, back])
            self._faults[back] = Fault(back, f"These modules import each other: {shown}.", cycle)
        for name in cycle:
            if name not in self._faults:
                self._waiting.setdefault(name, back)

    def _missing(self, name: str, importer: ModuleSource | None) -> str:
        if importer is None:
            where = f" (imported by {self._importer})" if self._importer else ""
        else:
            line = next(i.line for i in importer.header.imports if i.module == name)
            where = f" (imported at {importer.path}:{line})"
        near = difflib.get_close_matches(name, list(self._project.modules()), n=3, cutoff=0.7)
        hint = f": did you mean {' or '.join(near)}?" if near else "."
        return f"The project has no module {name}{where}{hint}"
