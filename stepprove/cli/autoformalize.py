"""`stepprove autoformalize`: state a problem in words as a Lean statement."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stepprove.cli.options.common import Json, WithoutMathlib, positive_seconds
from stepprove.cli.options.engine import EngineOption, engine_json, engine_words, lean_for
from stepprove.cli.terminal.console import CommandError, err, out, print_json, shown, shown_lines
from stepprove.files.input_file import require_file
from stepprove.files.output_file import require_writable
from stepprove.formalizer.autoformalize import (
    Formalization,
    FormalizeOptions,
    SampleReport,
    autoformalize,
)
from stepprove.formalizer.checks import Leans, NoLean, PoolChecks, by_header
from stepprove.formalizer.dataset.corpus import CorpusTally, formalize_corpus
from stepprove.formalizer.dataset.jsonl import JsonlRecord, read_lines
from stepprove.formalizer.equivalence.methods import Method
from stepprove.formalizer.equivalence.pairs import InformalProblem
from stepprove.formalizer.prompts import form_of
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.source.file import read_source
from stepprove.lean_project.source.prelude import PRELUDE
from stepprove.serving.client.client import BudgetSpent, Client, ModelFailure
from stepprove.serving.client.endpoint import serving
from stepprove.serving.client.model_backends import FORMS, parse_model

_CODES = {"formalized": 0, "none": 1, "unknown": 3}


def autoformalize_command(
    problem: Annotated[str | None, typer.Argument(metavar="[PROBLEM]", help="A problem in words.")] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="FORM", help=f"The model to ask: {FORMS}.", show_default=False)
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="PROBLEMS.jsonl",
            help="Problems, a line each: `problem`, and `name` and `header` if need be.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="OUT.jsonl", help="Gets a line for each; a run goes on from it."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="What the theorem is called.")] = None,
    header: Annotated[
        str | None,
        typer.Option(
            "--header",
            metavar="LEAN",
            help="What the statement stands on: Lean code, or a .lean file with it. [import Mathlib, where it is]",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", min=1, help="Answers to choose from.")
    ] = 16,
    rounds: Annotated[
        int, typer.Option("--rounds", metavar="R", min=1, help="Answers for each, the first one included.")
    ] = 3,
    method: Annotated[Method, typer.Option("--method", help="How samples are compared.")] = "beq",
    at_once: Annotated[
        int, typer.Option("--at-once", metavar="N", min=1, help="Problems of a file at the same time.")
    ] = 4,
    seed: Annotated[int | None, typer.Option("--seed", help="For the model, where it takes one.")] = None,
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", help="For each text that Lean is sent.")
    ] = 60.0,
    json: Json = False,
    engine: EngineOption = "auto",
    without_mathlib: WithoutMathlib = False,
) -> int:
    """State a problem in Lean: a model proposes statements, Lean elaborates them, and the largest class of equivalent ones wins.

    Lean's errors go back to the model. Statements whose hypotheses contradict each other, or whose negation is provable, are
    left out. Nothing proves that a statement says what the words do: read it, and the classes of those that disagree.

    Exit code **0**: stated, or all of the file's problems. **1**: not, or not all. **2**: bad input. **3**: the model or Lean
    gave no answer; the next run tries again.

    Example: `stepprove autoformalize "For all naturals n, n + 0 = n." --model vllm:stepfun-ai/StepFun-Formalizer-7B`
    """
    positive_seconds(time_limit, "--time-limit")
    if (problem is None) == (file is None):
        raise CommandError("Give one problem, or a file of them with --file.")
    if (file is None) != (output is None):
        raise CommandError("--file and -o go together: -o names the file that gets the statements.")
    if problem is not None and not problem.strip():
        raise CommandError("The problem is empty.")
    if not model:
        raise CommandError(f"Name a model with --model: {FORMS}.")
    form = form_of(parse_model(model).name or model)
    if file is not None and output is not None:
        _require_problems(file)
        require_writable(output)
    lean = lean_for(None, engine)
    mathlib = lean.mathlib is not None
    core = without_mathlib and not mathlib
    options = FormalizeOptions(
        form=form,
        samples=samples,
        rounds=rounds,
        name=name,
        header=_header(header, default="import Mathlib" if mathlib or core else ""),
        mathlib=mathlib or core,
        method=method,
        seed=seed,
    )
    stands_for = {options.header: PRELUDE} if core else {}
    setting = _Setting(model, lean, time_limit, stands_for)
    if file is not None and output is not None:
        return _of_file(setting, file, output, options, at_once, json=json)
    result = asyncio.run(_one(setting, problem or "", options))
    code = _CODES[result.outcome]
    if json:
        print_json(
            {
                "engine": engine_json(lean),
                "model": model,
                "form": form.name,
                **result.model_dump(mode="json"),
                "agreement": result.agreement,
                "exit_code": code,
            }
        )
    else:
        _print(result, lean)
    return code


@dataclass(frozen=True)
class _Setting:
    """The model and the Lean."""

    model: str
    lean: Engine
    timeout: float
    stands_for: dict[str, str]
    """Maps a header to the Lean source that replaces it."""

    def checks(self, pool: Pool) -> Leans:
        """The Lean for each header."""
        return by_header(
            lambda header: PoolChecks(pool, self.stands_for.get(header, header), timeout=self.timeout)
        )


def _require_problems(file: Path) -> None:
    """Refuse a file without problems before anything starts."""
    complaints: list[str] = []
    problem = next(
        read_lines(require_file(file), InformalProblem, lambda n, why: complaints.append(f"line {n}: {why}")),
        None,
    )
    if problem is None:
        raise CommandError(
            f"{file} holds no problem{f' ({complaints[0]})' if complaints else ': it is empty'}."
        )


def _header(text: str | None, default: str) -> str:
    if text is None:
        return default
    return read_source(text).text if text.endswith(".lean") else text


async def _one(setting: _Setting, problem: str, options: FormalizeOptions) -> Formalization:
    def show(report: SampleReport) -> None:
        if err.is_terminal:
            err.print(f"  {report.outcome:<10} {shown(report.reason or report.warning or '')}", style="dim")

    async with (
        Pool(setting.lean, timeout=setting.timeout) as pool,
        serving(setting.model, lambda line: err.print(shown(line))) as endpoint,
        endpoint.client() as client,
    ):
        return await autoformalize(
            client, setting.checks(pool)(options.header), problem, options, listen=show
        )


def _of_file(
    setting: _Setting, file: Path, output: Path, options: FormalizeOptions, at_once: int, *, json: bool
) -> int:
    """Formalize the problems of a file."""
    failures: list[str] = []
    try:
        tally = asyncio.run(_many(setting, file, output, options, at_once, failures))
    except OSError as wrong:
        raise CommandError(f"{wrong.filename or output}: {wrong.strerror}.") from None
    code = 3 if tally.unanswered else 1 if tally.bad or tally.formalized < tally.records else 0
    if json:
        figures = {name: getattr(tally, name) for name in tally.__slots__}
        print_json(
            {
                "engine": engine_json(setting.lean),
                "model": setting.model,
                "output": str(output),
                **figures,
                "exit_code": code,
            }
        )
    else:
        left = f"; {tally.unanswered} left for the next run ({shown(failures[0])})" if failures else ""
        bad = f"; {tally.bad} lines are no problem" if tally.bad else ""
        out.print(f"{tally.formalized} of {tally.records} problems stated, in {shown(output)}{bad}{left}")
    return code


async def _many(
    setting: _Setting,
    file: Path,
    output: Path,
    options: FormalizeOptions,
    at_once: int,
    failures: list[str],
) -> CorpusTally:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    ) as progress:
        lines = sum(bool(line.strip()) for line in file.open("rb"))
        bar = progress.add_task("problems", total=lines)

        def complain(line: int, reason: str) -> None:
            err.print(f"{shown(file)}, line {line}: {shown(reason)}; it is skipped.")
            progress.advance(bar)

        def listen(task: JsonlRecord[InformalProblem], result: Formalization | None) -> None:
            progress.advance(bar)
            if not err.is_terminal:
                outcome = result.outcome if result else "no answer"
                err.print(f"  {outcome:<11} line {task.number}  {shown(task.item.name or '')}")

        async with (
            Pool(setting.lean, timeout=setting.timeout) as pool,
            serving(setting.model, lambda line: err.print(shown(line))) as endpoint,
            endpoint.client() as client,
        ):
            checks = setting.checks(pool)

            async def one(problem: InformalProblem) -> Formalization | None:
                return await _answered(client, checks, problem, _own(options, problem), failures)

            return await formalize_corpus(
                file, output, one, at_once=at_once, complain=complain, listen=listen
            )


def _own(options: FormalizeOptions, problem: InformalProblem) -> FormalizeOptions:
    """The options with the problem's own header and name, if it has them."""
    return options if problem.header is None else replace(options, header=problem.header)


async def _answered(
    client: Client,
    checks: Leans,
    problem: InformalProblem,
    options: FormalizeOptions,
    failures: list[str],
) -> Formalization | None:
    """The result; None if the model or Lean gave no answer, with the reason in `failures`."""
    try:
        result = await autoformalize(client, checks(options.header), problem.problem, options)
    except (ModelFailure, BudgetSpent, NoLean) as failure:
        failures.append(str(failure).rstrip("."))
        return None
    if result.outcome == "unknown":
        failures.append("Lean gave no answer about a sample")
        return None
    return result


def _print(result: Formalization, lean: Engine) -> None:
    valid = sum(len(c.members) for c in result.classes)
    out.print(
        f"{len(result.samples)} samples, {valid} valid, {len(result.classes)} classes, {result.usage.tokens} tokens, "
        f"{shown(engine_words(lean))}"
    )
    for place, group in enumerate(result.classes):
        chosen = result.samples[group.members[0]]
        style = "green" if place == 0 else "dim"
        out.print(f"\n[{style}]{len(group.members)} of {valid}[/]{' (chosen)' if place == 0 else ''}")
        if chosen.warning:
            out.print(f"[yellow]warning[/]: {shown(chosen.warning)}")
        out.print(shown_lines(chosen.statement or ""))
    left_out = [s for s in result.samples if s.outcome != "valid"]
    if left_out:
        out.print("")
    for sample in left_out:
        reason = (sample.reason or "").splitlines()
        out.print(f"  [red]{sample.outcome:<10}[/] {shown(reason[0] if reason else '')}")
    if result.undecided:
        out.print(f"[yellow]{result.undecided} comparisons could not be told in time[/]")
    if result.outcome != "formalized":
        out.print(
            "[red]no statement[/]"
            if result.outcome == "none"
            else "[yellow]could not tell[/]: Lean gave no answer"
        )
