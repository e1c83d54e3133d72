"""Run a stage of a formalizer's data: its Lean, its models, its ledger, its results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from stepprove.cli.options.engine import EngineChoice, engine_json, lean_for
from stepprove.cli.terminal.console import CommandError, err, out, print_json, shown
from stepprove.cli.terminal.progress import counting_bar
from stepprove.formalizer.checks import Leans, PoolChecks, by_header
from stepprove.formalizer.dataset.jsonl import Item, JsonlRecord
from stepprove.formalizer.dataset.ledger import Ledger
from stepprove.formalizer.dataset.stage import StageResult, StageTally, run_stage
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.server.api_key import key_from_environment
from stepprove.serving.client.client import Client
from stepprove.serving.client.endpoint import serving

if TYPE_CHECKING:
    from stepprove.formalizer.config import FormalizerConfig


@dataclass(frozen=True, slots=True)
class Stage(Generic[Item]):
    """A stage and its input."""

    name: str
    source: Path
    """JSONL, a record in each line."""
    kind: type[Item]
    """The type of a record."""
    options: dict[str, Any]
    """What the rows depend on; the ledger refuses other options."""
    at_once: int
    """Records under way at the same time."""


def lean_of(settings: FormalizerConfig, engine: EngineChoice) -> Engine | str:
    """The engine on this machine, or a server's address."""
    return settings.lean.server or lean_for(None, engine)


def _lean_json(lean: Engine | str) -> Any:
    return {"server": lean} if isinstance(lean, str) else engine_json(lean)


@asynccontextmanager
async def lean_checks(settings: FormalizerConfig, lean: Engine | str) -> AsyncIterator[Leans]:
    """The Lean for each header: a pool of engines, or a server."""
    timeout = settings.lean.timeout
    if isinstance(lean, str):
        from stepprove.formalizer.equivalence.server_checks import ServerChecks

        key = key_from_environment()
        yield by_header(lambda header: ServerChecks(lean, header, timeout=timeout, key=key))
        return
    async with Pool(lean, size=settings.lean.jobs, timeout=timeout) as pool:
        yield by_header(lambda header: PoolChecks(pool, header, timeout=timeout))


@asynccontextmanager
async def model_client(model: str | None) -> AsyncIterator[Client | None]:
    """A client of a model; start the model's server if it needs one."""
    if model is None:
        yield None
        return
    async with serving(model, lambda line: err.print(shown(line))) as endpoint, endpoint.client() as client:
        yield client


async def work_on(
    stage: Stage[Item],
    settings: FormalizerConfig,
    lean: Engine | str,
    one: Callable[[Item], Awaitable[StageResult]],
) -> StageTally:
    """Run a stage with its progress on stderr; `one` makes the result of a record."""
    with (
        Ledger(
            settings.output / f"{stage.name}.sqlite", stage.options | {"lean": _lean_json(lean)}
        ) as ledger,
        counting_bar() as progress,
    ):
        with stage.source.open("rb") as file:
            total = sum(bool(line.strip()) for line in file)
        bar = progress.add_task(stage.name, total=total, completed=sum(ledger.counts().values()))

        def complain(line: int, reason: str) -> None:
            err.print(f"{shown(stage.source)}, line {line}: {shown(reason)}; it is skipped.")
            progress.advance(bar)

        def listen(line: JsonlRecord[Item]) -> None:
            progress.advance(bar)

        return await run_stage(
            stage.source,
            stage.kind,
            ledger,
            settings.output / f"{stage.name}.jsonl",
            one,
            at_once=stage.at_once,
            complain=complain,
            listen=listen,
        )


def run_and_print(
    name: str,
    settings: FormalizerConfig,
    lean: Engine | str,
    work: Coroutine[Any, Any, StageTally],
    *,
    json: bool,
) -> int:
    """Do the work of a stage, print its results, and return the exit code."""
    target = settings.output / f"{name}.jsonl"
    try:
        tally = asyncio.run(work)
    except OSError as wrong:
        raise CommandError(f"{wrong.filename or settings.output}: {wrong.strerror}.") from None
    code = 3 if tally.unanswered else 0
    if json:
        print_json(
            {
                "engine": _lean_json(lean),
                "output": str(target),
                "counts": tally.counts,
                "unanswered": len(tally.unanswered),
                "bad": tally.bad,
                "exit_code": code,
            }
        )
        return code
    for reason, count in tally.counts.items():
        out.print(f"  {count:>8}  {shown(reason)}")
    if tally.bad:
        out.print(f"  {tally.bad:>8}  no record")
    if tally.unanswered:
        why = shown(tally.unanswered[0].rstrip("."))
        out.print(f"  {len(tally.unanswered):>8}  without an answer, left for the next run ({why})")
    out.print(f"{tally.written} written to {shown(target)}")
    return code
