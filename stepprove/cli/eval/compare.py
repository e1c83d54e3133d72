"""`stepprove eval compare`: compare two evaluations on the problems that both tried."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepprove.cli.eval.options import MODULES, UNFINISHED
from stepprove.cli.options.common import Json
from stepprove.cli.terminal.console import need_extra, out, print_json


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="The log of the run to compare with.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The log of the run to compare.")],
    json: Json = False,
) -> int:
    """Compare two evaluations on the problems that both tried: paired differences, McNemar's test, problems gained and lost.

    Exit code 3: in one of them attempts are missing or were spoiled by the infrastructure.

    Example: `stepprove eval compare runs/BEFORE.eval runs/AFTER.eval`
    """
    need_extra("eval", MODULES)
    from stepprove.eval.records.log import read_run
    from stepprove.eval.report.compare import compare as compared
    from stepprove.eval.report.compare import lines
    from stepprove.visible import encodable

    runs = read_run(a), read_run(b)
    comparison = compared(*runs)
    code = UNFINISHED if comparison.blocked else 0
    if json:
        heads = [run.model_dump(mode="json", exclude={"problems", "attempts"}) for run in runs]
        document = {
            "a": heads[0],
            "b": heads[1],
            "comparison": comparison.model_dump(mode="json"),
            "exit_code": code,
        }
        print_json(encodable(document))
    else:
        out.print("\n".join(lines(comparison, *runs)), markup=False)
    return code
