"""`stepprove train premises`: extract goals with tactics, and a searchable library of premises, from a traced repository."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stepprove.agent.models.library import BadLibrary
from stepprove.cli.options.common import Json
from stepprove.cli.terminal.console import CommandError, out, print_json
from stepprove.cli.terminal.console import shown as fit
from stepprove.train.data.premises import extract


def premises(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="A repository that LeanDojo has traced, or a Lake project."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the data goes.")],
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="NAME", help="Which of several: `random`, `novel_premises`."),
    ] = None,
    shown: Annotated[
        int, typer.Option("--shown", metavar="N", min=0, help="Premises put before each goal, found by BM25.")
    ] = 0,
    json: Json = False,
) -> int:
    """Turn a traced repository into goals with their tactics, to learn from, and into premises, to look up.

    It reads LeanDojo's format (`corpus.jsonl`, `train.json` and so on). A Lake project that is not traced yet is traced with
    lean-dojo, which needs `lake`. The library in DIR is what `stepprove prove --library` takes.

    Example: `stepprove train premises leandojo_benchmark_4 --split random -o data/mathlib`
    """
    try:
        extracted = extract(folder, output, split=split, shown=shown)
    except BadLibrary as wrong:
        raise CommandError(str(wrong)) from None
    except OSError as wrong:
        raise CommandError(f"{wrong.filename or folder}: {wrong.strerror}.") from None
    if json:
        splits = {name: asdict(part) for name, part in extracted.items()}
        print_json({"folder": str(output), "splits": splits, "exit_code": 0})
        return 0
    for name, part in extracted.items():
        recall = ", ".join(f"{100 * share:.1f} % at {cut}" for cut, share in part.recall.items())
        out.print(
            f"{name}: {part.theorems} theorems, {part.tactics} tactics, {part.with_premises} with premises"
            + (f"; BM25's recall {recall}" if recall else "")
        )
    out.print(f"Written to {fit(output)}")
    return 0
