"""One module compiled by an embedded Lean of its own, and an engine that can import what was compiled.

The text of a module is hostile as any other: the engine that compiles it writes nothing and ends afterwards. The files that Lean
makes come back in its answer.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.modules.lakefile import OptionValue
from stepprove.lean_project.modules.project import is_core
from stepprove.lean_project.repl.errors import ReplProtocolError
from stepprove.lean_project.repl.protocol import Message
from stepprove.lean_project.repl.repl import Repl

MAIN = ".olean"
"""The ending of the file that says that a module is there."""

_ENDINGS = frozenset({MAIN, ".olean.server", ".olean.private", ".ir"})
_NAME = re.compile(r"[^\W\d][\w'!?]*(\.[^\W\d][\w'!?]*)*")


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of compiling one module."""

    module: str
    messages: tuple[Message, ...]
    """Lean's messages about the text."""
    files: Mapping[str, bytes]
    """What Lean wrote, by the files' endings; empty if there is an error."""

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
    engine: Engine,
    module: str,
    text: str,
    folder: Path,
    *,
    options: Mapping[str, OptionValue] = MappingProxyType({}),
    timeout: float = 300.0,
    watch: Callable[[Repl, bool], None] = lambda repl, runs: None,
) -> Compiled:
    """Compile a text in a process of its own.

    Args:
        engine: an embedded engine.
        module: the module's name, such as `Foo.Bar`.
        text: the module's text.
        folder: holds the modules that it imports.
        options: Lean's options for it, such as `autoImplicit`.
        timeout: seconds.
        watch: receives the process before (True) and after (False) its work, so that another thread can interrupt it.

    Raises:
        ValueError: the name is none for a module, or one of the library's.
        ReplFailure: Lean gave no answer; see the subclasses.
    """
    if not _NAME.fullmatch(module) or is_core(module):
        raise ValueError(f"{module!r} is no name for a module of one's own")
    with Repl(with_modules(engine, folder), timeout=timeout, memory_limit_mb=engine.memory_limit_mb) as repl:
        watch(repl, True)
        try:
            answer = repl.request({"compile": text, "module": module, "options": dict(options)})
        finally:
            watch(repl, False)
    if "messages" not in answer:
        raise ReplProtocolError(f"Lean did not compile {module}: {answer.get('message')}", str(answer)[:300])
    messages = tuple(Message.model_validate(message) for message in answer["messages"])
    made = answer["artifacts"]
    if made is None:
        return Compiled(module, messages, {})
    try:
        files = {ending: base64.b64decode(data, validate=True) for ending, data in made.items()}
    except (AttributeError, TypeError, binascii.Error):
        raise ReplProtocolError(f"Lean's files of {module} cannot be read", str(made)[:300]) from None
    if not {MAIN} <= files.keys() <= _ENDINGS:
        raise ReplProtocolError(f"Lean made other files of {module} than a module has", " ".join(files))
    return Compiled(module, messages, files)
