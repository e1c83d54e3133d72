"""`stepprove setup` installs a Lean; `stepprove doctor` reports what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepprove.cli.options.common import Json
from stepprove.cli.options.engine import engine_words, lean_for
from stepprove.cli.terminal.console import CommandError, err, out, print_json, shown
from stepprove.lean_project.engines.find import diagnose, set_up_native


def setup(
    embedded: Annotated[
        bool,
        typer.Option("--embedded", help="The small Lean without Mathlib that runs anywhere. [the default]"),
    ] = False,
    native: Annotated[bool, typer.Option("--native", help="A native Lean, through elan and Lake.")] = False,
    mathlib: Annotated[
        bool, typer.Option("--mathlib", help="With --native: Mathlib too (about 6 GB).")
    ] = False,
) -> int:
    """Install a Lean for stepprove.

    The embedded Lean also installs itself when it is first needed.
    """
    if embedded and native:
        raise CommandError("--embedded and --native exclude each other.")
    if mathlib and not native:
        raise CommandError("--mathlib needs --native: the embedded Lean has no Mathlib.")
    engine = (
        set_up_native(mathlib=mathlib, say=lambda line: err.print(shown(line), style="dim"))
        if native
        else lean_for(None, "embedded")
    )
    out.print(f"Ready: {shown(engine_words(engine))}")
    return 0


def doctor(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where to look for a Lake project, upwards.")
    ] = Path("."),
    json: Json = False,
) -> int:
    """Report each part of the installation, and the command that mends a missing one."""
    if not folder.exists():
        raise CommandError(f"There is no {folder}.")
    findings = diagnose(folder.absolute())
    sound = all(f.ok or f.optional for f in findings)
    if json:
        print_json(
            {
                "findings": [
                    {"name": f.name, "ok": f.ok, "optional": f.optional, "detail": f.detail, "mend": f.mend}
                    for f in findings
                ],
                "exit_code": 0 if sound else 3,
            }
        )
        return 0 if sound else 3
    for finding in findings:
        mark = (
            "[green]ok[/]     "
            if finding.ok
            else "[yellow]absent[/] "
            if finding.optional
            else "[red]missing[/]"
        )
        out.print(f"  {mark}  [bold]{shown(finding.name):<18}[/] {shown(finding.detail)}")
        if finding.mend:
            out.print(f"             mend it with: [bold]{shown(finding.mend)}[/]")
    return 0 if sound else 3
