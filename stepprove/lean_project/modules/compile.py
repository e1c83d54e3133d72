"""One module compiled by an embedded Lean of its own, and an engine that can import what was compiled.

The text of a module is hostile as any other: the engine that compiles it writes nothing and ends afterwards. The files that Lean
makes come back in its answer, and this process writes them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.modules.graph import compile_order, is_of_the_library
from stepprove.lean_project.repl.errors import ReplProtocolError
from stepprove.lean_project.repl.protocol import Message
from stepprove.lean_project.repl.repl import Repl
from stepprove.private_folder import private_folder
from stepprove.storage import replacing

MAIN = ".olean"
"""The ending of the file that says that a module is there; it is written last."""

_ENDINGS = frozenset({MAIN, ".olean.server", ".olean.private", ".ir"})
_NAME = re.compile(r"[^\W\d][\w'!?]*(\.[^\W\d][\w'!?]*)*")


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of compiling one module."""

    module: str
    messages: tuple[Message, ...]
    """Lean's messages about the text."""
    files: tuple[Path, ...]
    """What was written; empty if there is an error."""
    waits_for: str | None = None
    """The module without which this one was not tried; None if it was."""

    @property
    def stands(self) -> bool:
        """Whether other modules can import it."""
        return bool(self.files)


def with_modules(engine: Engine, folder: Path) -> Engine:
    """The embedded engine that can also import the modules compiled into a folder; a process sees each as it first imports it.

    The trust gate refuses texts that import such modules, since nothing checks their proofs again.

    Args:
        engine: an embedded engine.
        folder: the folder; it need not exist yet.
    """
    folder = folder.resolve()
    *options, launcher = engine.command
    return replace(
        engine,
        command=(*options, f"--allow-fs-read={folder}", launcher),
        environment={**engine.environment, "STEPPROVE_LEAN_MODULES": str(folder)},
    )


def compile_module(
    engine: Engine, module: str, text: str, folder: Path, *, timeout: float = 300.0
) -> Compiled:
    """Compile a text in a process of its own, and write what Lean makes of it into a folder.

    Args:
        engine: an embedded engine.
        module: the module's name, such as `Foo.Bar`.
        text: the module's text.
        folder: holds the modules that it imports, and gets this one.
        timeout: seconds.

    Raises:
        ValueError: the name is none for a module, or one of the library's.
        ReplFailure: Lean gave no answer; see the subclasses.
        OSError: the folder cannot be written.
    """
    if not _NAME.fullmatch(module) or is_of_the_library(module):
        raise ValueError(f"{module!r} is no name for a module of one's own")
    folder = folder.resolve()
    private_folder(folder)
    with Repl(with_modules(engine, folder), timeout=timeout, memory_limit_mb=engine.memory_limit_mb) as repl:
        answer = repl.request({"compile": text, "module": module})
    if "messages" not in answer:
        raise ReplProtocolError(f"Lean did not compile {module}: {answer.get('message')}", str(answer)[:300])
    messages = tuple(Message.model_validate(message) for message in answer["messages"])
    made = answer["artifacts"]
    if made is None:
        _remove(folder, module)
        return Compiled(module, messages, ())
    try:
        files = {ending: base64.b64decode(data, validate=True) for ending, data in made.items()}
    except (AttributeError, TypeError, binascii.Error):
        raise ReplProtocolError(f"Lean's files of {module} cannot be read", str(made)[:300]) from None
    if not {MAIN} <= files.keys() <= _ENDINGS:
        raise ReplProtocolError(f"Lean made other files of {module} than a module has", " ".join(files))
    return Compiled(module, messages, tuple(_write(folder, module, files)))


def compile_modules(
    engine: Engine, texts: Mapping[str, str], folder: Path, *, timeout: float = 300.0
) -> list[Compiled]:
    """Compile modules one after another, each after those that it imports; one that lacks an import is not tried.

    Args:
        engine: an embedded engine.
        texts: each module's text, by its name.
        folder: gets the compiled modules.
        timeout: seconds for each.

    Raises:
        BadImport: they have no such order.
        ValueError: a name is none for a module of one's own.
        ReplFailure: Lean gave no answer; see the subclasses.
        OSError: the folder cannot be written.
    """
    results: dict[str, Compiled] = {}
    for module, imports in compile_order(texts).items():
        missing = next((name for name in imports if not results[name].stands), None)
        if missing is not None:
            _remove(folder, module)
            results[module] = Compiled(module, (), (), missing)
        else:
            results[module] = compile_module(engine, module, texts[module], folder, timeout=timeout)
    return list(results.values())


def _path(folder: Path, module: str, ending: str) -> Path:
    *parents, last = module.split(".")
    return folder.joinpath(*parents, last + ending)


def _remove(folder: Path, module: str) -> None:
    """Remove what an earlier text of the module left, the file that says that it is there first."""
    for ending in sorted(_ENDINGS, key=lambda ending: ending != MAIN):
        _path(folder, module, ending).unlink(missing_ok=True)


def _write(folder: Path, module: str, files: Mapping[str, bytes]) -> Iterator[Path]:
    _remove(folder, module)
    for ending in sorted(files, key=lambda ending: ending == MAIN):
        path = _path(folder, module, ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, shared=True) as file:
            file.write(files[ending])
        yield path
