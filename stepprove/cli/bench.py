"""`stepprove bench`: measure the prover."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepprove.cli.options.engine import lean_for
from stepprove.cli.terminal.console import CommandError, err, out, print_json, shown
from stepprove.cli.terminal.progress import STYLES
from stepprove.lean_project.engines.engine import Engine
from stepprove.serving.client.model_backends import TINY

if TYPE_CHECKING:
    from stepprove.train.data.held_out import HeldOutAttempt, Score
    from stepprove.train.data.theorems import Theorem

bench = typer.Typer(help="Measure the prover on this machine.", no_args_is_help=True)


@bench.callback()
def main() -> None:
    """Measure the prover on this machine."""


@bench.command()
def generated(
    model: Annotated[
        str,
        typer.Option("--model", metavar="FORM", help="A model, or `random`: tactics drawn at random."),
    ] = TINY,
    theorems: Annotated[int, typer.Option("--theorems", metavar="N", min=1, help="How many.")] = 200,
    samples: Annotated[
        int, typer.Option("--samples", metavar="K", min=1, help="Attempts at each theorem.")
    ] = 8,
    turns: Annotated[
        int, typer.Option("--turns", metavar="N", min=1, help="The most that Lean is asked in an attempt.")
    ] = 4,
    temperature: Annotated[float, typer.Option("--temperature", min=0.0, help="Of the model.")] = 0.7,
    context: Annotated[
        int, typer.Option("--context", metavar="N", min=256, help="Tokens of an attempt, feedback included.")
    ] = 1024,
    seed: Annotated[int, typer.Option("--seed", help="For samples and for the theorems.")] = 0,
    at_once: Annotated[
        int, typer.Option("--at-once", metavar="N", min=1, help="Attempts at the same time.")
    ] = 8,
    log: Annotated[
        Path,
        typer.Option(
            "--log", metavar="FILE", help="Each attempt as soon as it is made; a run goes on from it."
        ),
    ] = Path("generated.jsonl"),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")] = False,
) -> int:
    """Have a model prove generated theorems that `stepprove train tiny` never trains on.

    The model reasons with Lean as its tool; `random` draws as many different tactic scripts from those that training draws on.
    A proof counts when the trust gate accepts it. Exit code 0: every theorem proved.
    """
    from stepprove.train.data.held_out import score
    from stepprove.train.data.theorems import held_out

    try:
        tried = held_out(theorems, seed)
    except ValueError as wrong:
        raise CommandError(f"--theorems {theorems}: {wrong}.") from None
    lean = lean_for(None, "embedded")

    def show(attempt: HeldOutAttempt) -> None:
        style = STYLES[attempt.outcome]
        err.print(
            f"  [{style}]{attempt.outcome.value:<14}[/] theorem {attempt.theorem:<4} sample {attempt.sample:<2} "
            f"{attempt.family:<16} {attempt.sketches} sketches, {attempt.rejected} rejected  {shown(attempt.end)}"
        )

    sampling = _Sampling(model, samples, turns, temperature, context, seed, at_once)
    work = _attempts(sampling, lean, tried, log, show)
    try:
        attempts = asyncio.run(work)
    except OSError as wrong:
        raise CommandError(f"{wrong.filename or log}: {wrong.strerror}.") from None
    rates = score(attempts)
    code = 0 if rates.pass_k == 1.0 else 3 if rates.theorems == 0 else 1
    if json:
        figures = {name: getattr(rates, name) for name in rates.__slots__}
        print_json({"model": model, **figures, "turns": turns, "seed": seed, "exit_code": code})
    else:
        _print(sampling, rates, lean)
    return code


def _print(sampling: _Sampling, rates: Score, lean: Engine) -> None:
    out.print(
        f"{sampling.model}: {rates.theorems} theorems, {rates.samples} samples, at most {sampling.turns} sketches each, "
        f"Lean {lean.lean_version}\n"
        f"pass@1 {100 * rates.pass_1:.1f} %, pass@{rates.samples} {100 * rates.pass_k:.1f} %, "
        f"{100 * rates.after_rejection:.1f} % of the proofs after a rejected sketch"
        + (f"; {rates.timeouts} attempts ended when Lean's time was over" if rates.timeouts else "")
        + (
            f"; {rates.spoiled} attempts spoiled by the infrastructure are not counted"
            if rates.spoiled
            else ""
        )
    )


@dataclass(frozen=True, slots=True)
class _Sampling:
    """How a model, or chance, makes attempts."""

    model: str
    samples: int
    turns: int
    temperature: float
    context: int
    """Tokens of an attempt, feedback included."""
    seed: int
    at_once: int


async def _attempts(
    sampling: _Sampling,
    lean: Engine,
    tried: Sequence[Theorem],
    log: Path,
    show: Callable[[HeldOutAttempt], None],
) -> list[HeldOutAttempt]:
    from stepprove.agent.models.trajectory import TirOptions
    from stepprove.lean_project.pool.pool import Pool
    from stepprove.serving.client.endpoint import serving
    from stepprove.train.data.held_out import model_prover, random_prover, run

    async with Pool(lean) as pool:
        if sampling.model == "random":
            prover = random_prover(pool, sampling.turns, sampling.seed)
            return await run(prover, tried, sampling.samples, log, at_once=sampling.at_once, listen=show)
        options = TirOptions(
            temperature=sampling.temperature,
            max_seq_len=sampling.context,
            max_turns=sampling.turns,
            seed=sampling.seed,
        )
        async with (
            serving(sampling.model, lambda line: err.print(shown(line))) as endpoint,
            endpoint.client() as client,
        ):
            prover = model_prover(lambda: client, pool, options)
            return await run(prover, tried, sampling.samples, log, at_once=sampling.at_once, listen=show)
