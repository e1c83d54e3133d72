"""`stepprove formalizer build`: make a dataset of the pairs and the reasoning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepprove.cli.formalizer.options import ConfigOption
from stepprove.cli.options.common import Json
from stepprove.cli.terminal.console import CommandError, err, need_extra, out, print_json, shown
from stepprove.cli.terminal.progress import counting_bar
from stepprove.formalizer.config import read_config

if TYPE_CHECKING:
    from stepprove.formalizer.dataset.dataset import SourceCounts
    from stepprove.formalizer.dataset.decontaminate import Benchmarks


def build(config: ConfigOption, json: Json = False) -> int:
    """Make a dataset of what was kept: without what benchmarks hold, without repetitions, split, with a card; JSONL and Parquet.

    What shares a name, 13 words in a row or the statement with a benchmark is left out, and counted by reason. The folder
    `OUTPUT/dataset` can be uploaded to the Hub as it is.

    Example: `stepprove formalizer build --config thinkingf.yaml`
    """
    settings = read_config(config)
    part = settings.build
    if part.parquet:
        need_extra("data", ("pyarrow",))
    from stepprove.formalizer.dataset.dataset import BuildOptions
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
    except OSError as wrong:
        raise CommandError(f"{wrong.filename or target}: {wrong.strerror}.") from None
    if json:
        print_json(_document(target, origins, parts))
    else:
        _print(target, origins, parts)
    return 0


def _document(target: Path, origins: Sequence[str], parts: Sequence[SourceCounts]) -> dict[str, Any]:
    documents = [
        {"source": p.source, "read": p.read, "kept": dict(p.kept), "dropped": dict(p.dropped)} for p in parts
    ]
    return {"folder": str(target), "benchmarks": origins, "parts": documents, "exit_code": 0}


def _print(target: Path, origins: Sequence[str], parts: Sequence[SourceCounts]) -> None:
    for counts in parts:
        out.print(
            f"{shown(counts.source)}: {counts.read} records, {counts.kept['train']} for training, {counts.kept['dev']} for tests"
        )
        for reason, count in counts.dropped.most_common():
            out.print(f"  {count:>8}  {shown(reason)}")
    out.print(f"Kept out: {shown('; '.join(origins)) or 'nothing'}")
    out.print(f"Written to {shown(target)}")


def _keep_out(benchmarks: Benchmarks, name: str, place: str | None) -> str:
    """Read a benchmark and exclude its problems; return the origin that was read."""
    from stepprove.eval.benchmarks.datasets import BadBenchmark, load
    from stepprove.eval.benchmarks.registry import BENCHMARKS, benchmark_called
    from stepprove.formalizer.dataset.decontaminate import KnownProblem

    benchmark = benchmark_called(name)
    if benchmark is None:
        names = ", ".join(known.name for known in BENCHMARKS)
        raise CommandError(f"{name} is no benchmark; there are {names}.")
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
