"""`stepprove build` and `stepprove cache`: the modules of a project, compiled by the embedded Lean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stepprove.cli.options.common import Json, positive_seconds
from stepprove.cli.options.engine import EngineMemory, lean_for
from stepprove.cli.terminal.console import CommandError, err, out, print_json, shown, shown_lines
from stepprove.cli.terminal.progress import counting_bar
from stepprove.lean_project.modules.build import MODULE_SECONDS, BuildReport, BuiltModule, build
from stepprove.lean_project.modules.graph import ModuleGraph, load_graph
from stepprove.lean_project.modules.project import Project, project_of
from stepprove.lean_project.modules.store import ModuleStore

_STYLES = {"compiled": "green", "kept": "green", "errors": "red", "failed": "yellow", "waiting": "dim"}
_INDENT = 6
_MB = 1e6


def build_command(
    modules: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODULE]…", help="Modules, such as Foo.Bar. [all of the project]"),
    ] = None,
    project: Annotated[
        Path, typer.Option("--project", metavar="FOLDER", help="A folder of the project, or a file in it.")
    ] = Path(),
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", metavar="N", min=1, help="Modules at once (about 0.8 GB each).")
    ] = 1,
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", help="For each module.")
    ] = MODULE_SECONDS,
    engine_memory: EngineMemory = None,
    json: Json = False,
) -> int:
    """Compile the modules of a Lean project with the embedded Lean, and report errors, `sorry`s and what waits for what.

    The project is that of the nearest lakefile (its libraries, packages and options), or a plain folder. What is compiled is
    kept in the cache: a second build compiles what changed and what depends on it. An interrupted build goes on where it was.

    Exit code 0: every module is compiled. 1: an error in a module, a missing module, a cycle. 3: Lean gave no answer on one.

    Example: `stepprove build Foo.Bar --jobs 2`
    """
    positive_seconds(time_limit, "--time-limit")
    if not project.exists():
        raise CommandError(f"{project} does not exist.")
    place = project_of(project)
    entries = modules or list(dict.fromkeys(place.modules()))
    if not entries:
        raise CommandError(f"{place.root} has no Lean modules.")
    lean = lean_for(None, "embedded", engine_memory)
    _remark(place, lean.lean_version)
    graph = load_graph(entries, place)
    with counting_bar() as bar:
        task = bar.add_task("Compiling", total=len(graph.order), visible=not json)

        def listen(module: BuiltModule) -> None:
            bar.advance(task)
            if not json:
                _print(module)

        report = build(graph, lean, jobs=jobs, listen=listen, timeout=time_limit)
    failed = any(module.state == "failed" for module in report.modules)
    code = 0 if report.stands else 3 if failed else 1
    if json:
        print_json({"project": str(place.root), **_document(report, graph), "exit_code": code})
    else:
        _print_end(report)
    return code


def cache(
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove compiled modules, those used longest ago first.")
    ] = False,
    keep: Annotated[
        float, typer.Option("--keep", metavar="MB", min=0, help="With --prune: how much may stay.")
    ] = 0.0,
    json: Json = False,
) -> int:
    """Report what the compiled modules in the cache take, or remove them.

    Example: `stepprove cache --prune --keep 500`
    """
    store = ModuleStore()
    removed = store.prune(int(keep * _MB)) if prune else 0
    size = store.size()
    if json:
        print_json(
            {"folder": str(store.folder), "modules": size.modules, "bytes": size.bytes, "removed": removed}
        )
        return 0
    if prune:
        out.print(f"{removed} compiled modules removed")
    out.print(f"{size.modules} compiled modules, {size.bytes / _MB:.1f} MB in {shown(str(store.folder))}")
    return 0


def _remark(project: Project, version: str) -> None:
    """Say once what the build does otherwise than the project asks."""
    for sentence in project.unread:
        err.print(shown(sentence), style="dim")
    wanted = (project.toolchain or "").rpartition(":")[2].removeprefix("v")
    if wanted and wanted != version:
        err.print(
            f"The project asks for Lean {shown(wanted)}; the embedded Lean is {shown(version)}.", style="dim"
        )


def _print(module: BuiltModule) -> None:
    state, name = module.state, shown(module.source.name)
    what = {"waiting": f"for {module.reason}", "failed": module.reason or ""}.get(
        state, f"{module.seconds:.1f} s"
    )
    sorries = f"  {module.sorries} with sorry" if module.sorries else ""
    out.print(f"  [{_STYLES[state]}]{state:<9}[/] [bold]{name}[/]  {shown(what)}{sorries}")
    for message in module.messages:
        if message.severity == "error":
            place = f"{module.source.path}:{message.pos.line}:{message.pos.column + 1}"
            out.print(f"      [red]{shown(place)}[/]  {shown_lines(message.data, _INDENT)}")


def _print_end(report: BuildReport) -> None:
    for fault in report.faults:
        out.print(f"  [red]fault[/]     {shown(fault.message)}")
    for name, cause in report.waiting.items():
        out.print(f"  [dim]waiting[/]   [bold]{shown(name)}[/]  for {shown(cause)}")
    stand = sum(module.stands for module in report.modules)
    out.print(f"{stand} of {len(report.modules) + len(report.waiting)} modules compiled")


def _document(report: BuildReport, graph: ModuleGraph) -> dict[str, Any]:
    return {
        "stands": report.stands,
        "folder": str(report.folder),
        "modules": [
            {
                "module": built.source.name,
                "file": str(built.source.path),
                "package": built.source.package,
                "imports": list(built.source.imports),
                "state": built.state,
                "seconds": round(built.seconds, 3),
                "sorries": built.sorries,
                "reason": built.reason,
                "messages": [message.model_dump(mode="json", by_alias=True) for message in built.messages],
            }
            for built in report.modules
        ],
        "faults": [{"module": f.module, "message": f.message, "cycle": list(f.cycle)} for f in graph.faults],
        "waiting": dict(graph.waiting),
    }
