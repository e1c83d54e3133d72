"""`stepprove formalizer`: data for formalizers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepprove.cli.console import CommandError, err, need_extra, out, print_json, shown
from stepprove.cli.files import EngineChoice, counting_bar, engine_json, lean_for
from stepprove.cli.options import EngineOption, Json
from stepprove.formalizer.autoformalize import FormalizeOptions
from stepprove.formalizer.checks import Leans, PoolChecks, by_header
from stepprove.formalizer.dataset.jsonl import Item, JsonlRecord
from stepprove.formalizer.dataset.ledger import BadLedger, Ledger
from stepprove.formalizer.dataset.stage import StageResult, StageTally, run_stage
from stepprove.formalizer.equivalence.pairs import InformalProblem, Pair
from stepprove.formalizer.prompts import form_of
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.server.api_key import key_from_environment
from stepprove.serving.client.client import Client
from stepprove.serving.client.endpoint import serving
from stepprove.serving.client.model_name import parse_model

if TYPE_CHECKING:
    from stepprove.formalizer.config import FormalizerConfig

formalizer = typer.Typer(
    help="Make the data that formalizers learn from: pairs, reasoning, a dataset.", no_args_is_help=True
)
Config = Annotated[
    Path,
    typer.Option("--config", metavar="FILE.yaml", help="What the stages are made with.", show_default=False),
]


@formalizer.callback()
def main() -> None:
    """Make the data that formalizers learn from: pairs, reasoning, a dataset."""


@formalizer.command()
def knowledge(config: Config, json: Json = False, engine: EngineOption = "auto") -> int:
    """Make pairs of problems in words: a formalizer's answers, those that Lean reads, the largest class of those that agree.

    Each problem has a row in `OUTPUT/knowledge.sqlite` as soon as it is done; a run that was ended goes on from there. What is
    kept is written to `OUTPUT/knowledge.jsonl`. Problems about which a model or Lean gave no answer are left for the next run:
    exit code 3 then.

    Example: `stepprove formalizer knowledge --config thinkingf.yaml`
    """
    settings = _settings(config)
    if settings.knowledge is None:
        raise CommandError(f"{config} has no part `knowledge`.")
    part = settings.knowledge
    lean = _lean(settings, engine)
    mathlib = "Mathlib" in part.header
    if mathlib and isinstance(lean, Engine) and lean.mathlib is None:
        raise CommandError(
            "The header imports Mathlib, which this Lean does not have: "
            'set it up with `stepprove setup --native --mathlib`, or say `header: ""`.',
            code=3,
        )
    options = FormalizeOptions(
        form=form_of((parse_model(part.model).name or part.model) if part.model else ""),
        samples=part.samples,
        rounds=1,
        header=part.header,
        mathlib=mathlib,
        method=part.method,
    )

    async def run() -> StageTally:
        from stepprove.formalizer.dataset.knowledge import knowledge_pair

        async with (
            _checks(settings, lean) as checks,
            _client(part.model) as model,
            _client(part.judge) as judge,
        ):

            async def one(problem: InformalProblem) -> StageResult:
                return await knowledge_pair(problem, checks, options, formalizer=model, judge=judge)

            return await _stage(
                "knowledge", settings, part.problems, InformalProblem, part.model_dump(mode="json"), lean, one,
                part.at_once,
            )  # fmt: skip

    return _end("knowledge", settings, lean, run, json=json)


@formalizer.command()
def reasoning(config: Config, json: Json = False, engine: EngineOption = "auto") -> int:
    """Have the way from words to statement written down for pairs, by StepFun-Formalizer's template of eight parts.

    A trajectory is kept when the statement at its end says the same as the pair's (BEq), when all parts are there, and when it
    does not speak of the statement that it was given. Rows, files and exit codes are as those of `knowledge`.

    Example: `stepprove formalizer reasoning --config thinkingf.yaml`
    """
    settings = _settings(config)
    if settings.reasoning is None:
        raise CommandError(f"{config} has no part `reasoning`.")
    part = settings.reasoning
    pairs = part.pairs or settings.output / "knowledge.jsonl"
    lean = _lean(settings, engine)

    async def run() -> StageTally:
        from stepprove.formalizer.dataset.reasoning import ReasoningOptions, reasoning_trajectory

        options = ReasoningOptions(tries=part.tries, temperature=part.temperature, method=part.method)
        async with (
            _checks(settings, lean) as checks,
            _client(part.model) as model,
        ):
            assert model is not None

            async def one(pair: Pair) -> StageResult:
                return await reasoning_trajectory(pair, checks, model, options)

            return await _stage(
                "reasoning", settings, pairs, Pair, part.model_dump(mode="json"), lean, one, part.at_once
            )

    return _end("reasoning", settings, lean, run, json=json)


@formalizer.command()
def build(config: Config, json: Json = False) -> int:
    """Make a dataset of what was kept: without what benchmarks hold, without repetitions, split, with a card; JSONL and Parquet.

    What shares a name, 13 words in a row or the statement with a benchmark is left out, and counted by reason. The folder
    `OUTPUT/dataset` can be uploaded to the Hub as it is.

    Example: `stepprove formalizer build --config thinkingf.yaml`
    """
    settings = _settings(config)
    part = settings.build
    if part.parquet:
        need_extra("data", ("pyarrow",))
    from stepprove.formalizer.dataset.dataset import BadDataset, BuildOptions
    from stepprove.formalizer.dataset.dataset import build as build_dataset
    from stepprove.formalizer.dataset.decontaminate import Benchmarks

    made = (settings.output / "knowledge.jsonl", settings.output / "reasoning.jsonl")
    sources = part.sources or tuple(path for path in made if path.exists())
    if not sources:
        raise CommandError(f"There is nothing to build from: neither {made[0]} nor {made[1]} is there.")
    kept_out = Benchmarks(part.ngram)
    origins = [_keep_out(kept_out, name, place) for name, place in part.benchmarks.items()]
    target = settings.output / "dataset"
    options = BuildOptions(part.title, part.licence, part.dev_share, part.parquet)

    def complain(path: Path, line: int, reason: str) -> None:
        err.print(f"{shown(path)}, line {line}: {shown(reason)}; it is skipped.")

    try:
        with counting_bar() as progress:
            bar = progress.add_task("records", total=None)
            parts = build_dataset(
                sources,
                target,
                kept_out,
                options,
                origins=origins,
                complain=complain,
                listen=lambda read: progress.update(bar, completed=read),
            )
    except BadDataset as wrong:
        raise CommandError(str(wrong)) from None
    except OSError as wrong:
        raise CommandError(f"{wrong.filename or target}: {wrong.strerror}.") from None
    if json:
        documents = [
            {"source": p.source, "read": p.read, "kept": dict(p.kept), "dropped": dict(p.dropped)}
            for p in parts
        ]
        print_json({"folder": str(target), "benchmarks": origins, "parts": documents, "exit_code": 0})
        return 0
    for counts in parts:
        out.print(
            f"{shown(counts.source)}: {counts.read} records, {counts.kept['train']} for training, {counts.kept['dev']} for tests"
        )
        for reason, count in counts.dropped.most_common():
            out.print(f"  {count:>8}  {shown(reason)}")
    out.print(f"Kept out: {shown('; '.join(origins)) or 'nothing'}")
    out.print(f"Written to {shown(target)}")
    return 0


def _lean(settings: FormalizerConfig, engine: EngineChoice) -> Engine | str:
    """The engine on this machine, or a server's address."""
    return settings.lean.server or lean_for(None, engine)


def _lean_json(lean: Engine | str) -> Any:
    return {"server": lean} if isinstance(lean, str) else engine_json(lean)


def _settings(path: Path) -> FormalizerConfig:
    from stepprove.formalizer.config import BadConfig, read_config

    try:
        return read_config(path)
    except BadConfig as wrong:
        raise CommandError(str(wrong)) from None


@asynccontextmanager
async def _checks(settings: FormalizerConfig, lean: Engine | str) -> AsyncIterator[Leans]:
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
async def _client(model: str | None) -> AsyncIterator[Client | None]:
    """A client of a model; start the model's server if it needs one."""
    if model is None:
        yield None
        return
    async with serving(model, lambda line: err.print(shown(line))) as endpoint, endpoint.client() as client:
        yield client


async def _stage(
    name: str,
    settings: FormalizerConfig,
    source: Path,
    kind: type[Item],
    about: dict[str, Any],
    lean: Engine | str,
    one: Callable[[Item], Awaitable[StageResult]],
    at_once: int,
) -> StageTally:
    with (
        Ledger(settings.output / f"{name}.sqlite", about | {"lean": _lean_json(lean)}) as ledger,
        counting_bar() as progress,
    ):
        with source.open("rb") as file:
            total = sum(bool(line.strip()) for line in file)
        bar = progress.add_task(name, total=total, completed=sum(ledger.counts().values()))

        def complain(line: int, reason: str) -> None:
            err.print(f"{shown(source)}, line {line}: {shown(reason)}; it is skipped.")
            progress.advance(bar)

        def listen(line: JsonlRecord[Item]) -> None:
            progress.advance(bar)

        return await run_stage(
            source,
            kind,
            ledger,
            settings.output / f"{name}.jsonl",
            one,
            at_once=at_once,
            complain=complain,
            listen=listen,
        )


def _end(
    name: str,
    settings: FormalizerConfig,
    lean: Engine | str,
    run: Callable[[], Any],
    *,
    json: bool,
) -> int:
    """Run a stage and print its results."""
    target = settings.output / f"{name}.jsonl"
    try:
        tally: StageTally = asyncio.run(run())
    except BadLedger as wrong:
        raise CommandError(str(wrong)) from None
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


def _keep_out(benchmarks: Any, name: str, place: str | None) -> str:
    """Read a benchmark and exclude its problems; return the origin that was read."""
    from stepprove.eval.benchmarks.benchmark import BENCHMARKS, benchmark_called
    from stepprove.eval.benchmarks.datasets import BadBenchmark, load
    from stepprove.formalizer.dataset.decontaminate import KnownProblem

    benchmark = benchmark_called(name)
    if benchmark is None:
        known = ", ".join(each.name for each in BENCHMARKS)
        raise CommandError(f"{name} is no benchmark; there are {known}.")
    count = 0
    for split in benchmark.splits:
        try:
            loaded = load(benchmark, split, place)
        except BadBenchmark as wrong:
            if place is not None and split != benchmark.splits[0] and count:
                continue
            raise CommandError(f"{wrong} It is kept out by `benchmarks:` of the configuration.") from None
        count += benchmarks.add(KnownProblem(name, p.name, p.informal, p.source) for p in loaded.problems)
    return f"{name} ({count} problems, {loaded.dataset.origin})"
