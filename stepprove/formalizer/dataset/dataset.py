"""Build a dataset from pairs and trajectories: decontaminated, deduplicated, split, with a card.

The records stream through; memory holds a few bytes for each benchmark problem, and an SQLite file holds the keys of earlier
records. A killed build leaves nothing behind and starts anew; it needs neither a model nor Lean.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from stepprove.faults import Failure
from stepprove.formalizer.dataset.decontaminate import Benchmarks, problem_key, statement_key
from stepprove.formalizer.dataset.jsonl import reason_of
from stepprove.formalizer.equivalence.pairs import Pair, ReasoningTrajectory, messages

Split = Literal["train", "dev"]
_IN_ONE_GROUP = 1_000
"""Rows in memory while Parquet is written."""
_COLUMNS = ("name", "problem", "header", "formal_statement", "reasoning", "answer")


class BadDataset(Failure, ValueError):
    """The dataset cannot be built; the message is one sentence."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """The options of a build."""

    title: str = "Informal problems and Lean 4 statements"
    licence: str = "other"
    """The Hub's name of the licence."""
    dev_share: float = 0.01
    """The share of problems for tests; a problem's words alone decide its side."""
    parquet: bool = True


@dataclass(slots=True)
class SourceCounts:
    """The counts of one source."""

    source: str
    read: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    """Kept records by split."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Dropped records by reason."""


def build(
    sources: Sequence[Path],
    output: Path,
    benchmarks: Benchmarks,
    options: BuildOptions = BuildOptions(),
    *,
    origins: Sequence[str] = (),
    complain: Callable[[Path, int, str], None] = lambda path, line, reason: None,
    listen: Callable[[int], None] = lambda read: None,
) -> list[SourceCounts]:
    """Build a dataset's folder: `data/SPLIT-SOURCE.jsonl`, the same as Parquet, and `README.md`, its card.

    Args:
        sources: JSONL files of pairs or trajectories; each is a configuration of the dataset, by its file's name.
        output: the folder; the new one replaces the old one once it is complete.
        benchmarks: the problems to keep out.
        options: the licence and the split.
        origins: the benchmarks that were kept out, for the card.
        complain: receives each line that is not a record.
        listen: receives the number of records read.

    Raises:
        BadDataset: the folder holds something else, two sources have one name, or there is no library for Parquet.
        OSError: a file cannot be read or written.
    """
    _require_names(sources, output)
    output.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        (made / "data").mkdir()
        parts = []
        with _Seen(made / "seen.sqlite") as seen:
            for path in sources:
                parts.append(part := SourceCounts(path.stem))
                for pair in _sifted(path, part, benchmarks, seen, complain):
                    split: Split = "dev" if _for_tests(pair.problem, options.dev_share) else "train"
                    part.kept[split] += 1
                    seen.write(made / "data" / f"{split}-{path.stem}.jsonl", _row(pair))
                    listen(sum(part.kept.total() for part in parts))
        (made / "seen.sqlite").unlink()
        files = sorted((made / "data").glob("*.jsonl"))
        if options.parquet:
            for file in files:
                _as_parquet(file)
        (made / "README.md").write_text(card(parts, options, origins, parquet=options.parquet), "utf-8")
        if output.exists():
            shutil.rmtree(output)
        made.replace(output)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return parts


def _require_names(sources: Sequence[Path], output: Path) -> None:
    """Raise BadDataset for two sources of one name, and for a folder that holds something else."""
    if len({path.stem for path in sources}) < len(sources):
        raise BadDataset("Two sources have the same file name; each is a part of the dataset by that name.")
    if output.exists() and any(output.iterdir()) and not (output / "data").is_dir():
        raise BadDataset(f"{output} holds something else: name another folder.")


def _sifted(
    path: Path,
    part: SourceCounts,
    benchmarks: Benchmarks,
    seen: _Seen,
    complain: Callable[[Path, int, str], None],
) -> Iterator[Pair]:
    """Yield the records of a source that are kept; count the others by reason."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            part.read += 1
            try:
                pair = (
                    ReasoningTrajectory.model_validate_json(line)
                    if b'"reasoning"' in line
                    else Pair.model_validate_json(line)
                )
            except ValidationError as wrong:
                part.dropped["no record"] += 1
                complain(path, number, reason_of(wrong))
                continue
            met = benchmarks.why(pair.name, pair.problem, pair.formal_statement)
            if met is not None:
                part.dropped[met] += 1
            elif seen.before(path.stem, "problem", problem_key(pair.problem)):
                part.dropped["repeats a problem"] += 1
            elif seen.before(path.stem, "statement", statement_key(pair.formal_statement)):
                part.dropped["repeats a statement"] += 1
            else:
                yield pair


class _Seen:
    """The keys of earlier records, and the open files."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID;"
        )
        self._open: dict[Path, Any] = {}

    def __enter__(self) -> _Seen:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            file.close()
        self._file.close()

    def before(self, part: str, kind: str, key: bytes) -> bool:
        """Return whether the part has this key already, and add it."""
        whole = f"{part}\0{kind}\0".encode() + key
        return self._file.execute("INSERT OR IGNORE INTO seen VALUES (?)", (whole,)).rowcount == 0

    def write(self, path: Path, row: dict[str, Any]) -> None:
        """Append a row to a file."""
        if path not in self._open:
            self._open[path] = path.open("w", encoding="utf-8")
        self._open[path].write(json.dumps(row, ensure_ascii=False) + "\n")


def _for_tests(problem: str, share: float) -> bool:
    """Return whether a problem is for tests; it depends on the problem alone, so that no part trains on another's tests."""
    return int.from_bytes(problem_key(problem)[:8]) < share * 2**64


def _row(pair: Pair) -> dict[str, Any]:
    thoughts, answer = (
        (f"\n{pair.reasoning}\n", pair.answer)
        if isinstance(pair, ReasoningTrajectory)
        else ("", pair.formal_statement)
    )
    fields = {name: getattr(pair, name) for name in _COLUMNS if hasattr(pair, name)}
    return {**fields, "messages": messages(pair, thoughts, answer)}


def _as_parquet(path: Path) -> None:
    try:
        import pyarrow.json
        import pyarrow.parquet
    except ImportError:
        raise BadDataset(
            "Parquet needs pyarrow: pip install 'stepprove[data]', or say `parquet: false`."
        ) from None
    new = path.with_suffix(".parquet")
    with path.open(encoding="utf-8") as file:
        writer = None
        while rows := [json.loads(line) for line, _ in zip(file, range(_IN_ONE_GROUP), strict=False)]:
            group = pyarrow.Table.from_pylist(rows, schema=None if writer is None else writer.schema)
            if writer is None:
                writer = pyarrow.parquet.ParquetWriter(new, _without_nulls(group.schema))
                group = group.cast(writer.schema)
            writer.write_table(group)
        if writer is not None:
            writer.close()


def _without_nulls(schema: Any) -> Any:
    """Give columns without a known type the type of text."""
    import pyarrow

    fields = [f.with_type(pyarrow.string()) if pyarrow.types.is_null(f.type) else f for f in schema]
    return pyarrow.schema(fields)


def card(
    parts: Sequence[SourceCounts], options: BuildOptions, origins: Sequence[str], *, parquet: bool
) -> str:
    """Return the dataset's card for the Hub."""
    kind = "parquet" if parquet else "jsonl"
    lines = ["---", f"license: {options.licence}", "language:\n- en", "tags:\n- lean4\n- autoformalization"]
    lines.append("configs:")
    for part in parts:
        lines.append(f"- config_name: {part.source}\n  data_files:")
        for split in ("train", "dev"):
            if part.kept[split]:
                lines.append(f"  - split: {split}\n    path: data/{split}-{part.source}.{kind}")
    lines += ["---", "", f"# {options.title}", ""]
    lines += ["| part | read | train | dev |", "|---|---|---|---|"]
    lines += [
        f"| {part.source} | {part.read} | {part.kept['train']} | {part.kept['dev']} |" for part in parts
    ]
    lines += ["", "Left out:", "", "| part | reason | records |", "|---|---|---|"]
    lines += [
        f"| {part.source} | {reason} | {count} |"
        for part in parts
        for reason, count in part.dropped.most_common()
    ]
    kept_out = "; ".join(origins) or "none"
    lines += [
        "",
        f"Kept out by name, by words in a row and by statement: {kept_out}.",
        f"`dev` holds {100 * options.dev_share:g} % of the problems, chosen by a hash of their words.",
        "",
        "`messages` is the chat to learn: StepFun-Formalizer's prompt, and the statement after `<think>…</think>`, which is empty"
        " where there is no reasoning. That a statement says what its problem says was voted for, not proved.",
        "",
    ]
    return "\n".join(lines)
