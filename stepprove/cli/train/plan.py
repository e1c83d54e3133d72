"""`--plan` of `stepprove train sft` and `rlvr`: a recipe's memory, hardware and launch commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stepprove.cli.terminal.console import CommandError, out, print_json, shown, shown_lines

if TYPE_CHECKING:
    from stepprove.train.launch import TrainPlan

PlanOption = Annotated[
    bool, typer.Option("--plan", help="Only say what memory the recipe takes and how it is started.")
]
FilesOption = Annotated[
    Path | None,
    typer.Option("--files", metavar="DIR", help="With --plan: write the files that start it there."),
]


def planned(
    source: str,
    kind: Literal["sft", "rlvr"],
    model_of: Callable[[str], str | Path],
    output: Path,
    files: Path | None,
    json: bool,
) -> int:
    """Print the plan of a recipe and write its files; `model_of` finds its model. Needs no torch. Raises CommandError."""
    from stepprove.train.launch import facts_of, plan_rlvr, plan_sft
    from stepprove.train.recipe import read_rlvr, read_sft

    try:
        if kind == "sft":
            recipe, _ = read_sft(source)
            train_plan = plan_sft(recipe, source, facts_of(model_of(recipe.model)), output)
        else:
            wanted, _ = read_rlvr(source)
            train_plan = plan_rlvr(wanted, source, facts_of(model_of(wanted.model)), output)
        if files is not None:
            _write(train_plan, files)
    except OSError as wrong:
        raise CommandError(f"{wrong.filename or source}: {wrong.strerror or wrong}.") from None
    if json:
        hardware = None if train_plan.hardware is None else train_plan.hardware.model_dump()
        print_json(
            {
                **asdict(train_plan),
                "hardware": hardware,
                "needed_gb": train_plan.memory.total + train_plan.writing,
                "exit_code": 0,
            }
        )
    else:
        _print(source, train_plan, files)
    return 0


def _write(plan: TrainPlan, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in plan.files.items():
        (folder / name).write_text(text)


def _print(source: str, plan: TrainPlan, files: Path | None) -> None:
    out.print(f"{shown(source)}: {shown(plan.model)}, {_count(plan.parameters)} parameters")
    if plan.hardware is None or plan.gpu is None:
        out.print("On this machine, in one process.")
    else:
        machines = f"{plan.hardware.nodes} x " if plan.hardware.nodes > 1 else ""
        out.print(
            f"On {machines}{shown(plan.hardware.gpus)}: {plan.processes} processes, which share weights, gradients and "
            "moments (FSDP)."
        )
    out.print(f"Each process, at {plan.tokens} tokens at once, in {plan.precision}:")
    activations = "activations, made anew on the way back" if plan.recompute else "activations, kept"
    for name, words in (
        ("weights", "weights"),
        ("gradients", "gradients"),
        ("moments", "AdamW's moments"),
        ("gathered", "layers that are whole while at work"),
        ("activations", activations),
        ("logits", "logits and their gradients"),
    ):
        out.print(f"{_gb(getattr(plan.memory, name))}  {words}")
    if plan.writing:
        out.print(f"{_gb(plan.writing)}  whole weights, for the texts that it writes")
    out.print(f"{_gb(plan.memory.total + plan.writing)}  together" + _fits(plan))
    out.print(
        f"{_gb(plan.otherwise.total + plan.writing)}  with activations {'kept' if plan.recompute else 'made anew'}"
    )
    if plan.hardware is not None:
        out.print(f"{_gb(plan.host_gb)}  of the first machine's own memory, while a checkpoint is gathered")
    for name, text in plan.files.items():
        out.print(f"\n[bold]{shown(str(files / name) if files else name)}[/]")
        out.print(shown_lines(text))
    for note in plan.notes:
        out.print(f"\n{shown(note)}")


def _gb(amount: float) -> str:
    return f"{amount:>9.1f} GB" if amount >= 1 else f"{1000 * amount:>9.0f} MB"


def _count(parameters: int) -> str:
    return f"{parameters / 1e9:.1f} billion" if parameters >= 1e9 else f"{parameters / 1e6:.2f} million"


def _fits(plan: TrainPlan) -> str:
    if plan.gpu is None:
        return ""
    has = f" of {plan.gpu.memory_gb:.0f} GB" + (
        f", beside a reserve of {plan.reserve:.0f} GB" if plan.reserve else ""
    )
    return f"{has}: it fits" if plan.fits else f"{has}: [bold]it does not fit[/]"
