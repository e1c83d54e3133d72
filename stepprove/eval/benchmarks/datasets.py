"""Read a benchmark: its statements in order, pinned by a hash of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepprove.eval.benchmarks.download import Fetched, NotFetched, fetch
from stepprove.eval.benchmarks.known_errors import KnownError, known_errors
from stepprove.eval.benchmarks.registry import Benchmark
from stepprove.eval.benchmarks.statements import BadRecord, BenchmarkStatement, statement_in, statement_of
from stepprove.eval.records.record import BenchmarkProblem, Dataset
from stepprove.faults import Failure
from stepprove.files.input_file import InputError, require_file
from stepprove.lean_project.source.file import MAX_BYTES, SourceError

_ENDINGS = (".lean", ".jsonl", ".json", ".parquet")
_SPLITS = {"valid": "valid", "validation": "valid", "val": "valid", "dev": "valid", "test": "test"}
"""The published names of the splits."""


class BadBenchmark(Failure):
    """The statements cannot be loaded; the message is one sentence."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Loaded:
    """A benchmark's split."""

    dataset: Dataset
    problems: tuple[BenchmarkProblem, ...]

    def pinned(self, *, words: bool) -> Dataset:
        """Return the dataset with a hash of its statements and, if `words` is true, of their informal texts."""
        if not words:
            return self.dataset
        informal_texts = [problem.informal for problem in self.problems]
        both = json.dumps([self.dataset.sha256, informal_texts], ensure_ascii=False)
        return self.dataset.model_copy(update={"sha256": hashlib.sha256(_bytes(both)).hexdigest()})


def load(
    benchmark: Benchmark, split: str | None = None, path: str | None = None, revision: str | None = None
) -> Loaded:
    """Read a split of a benchmark.

    Args:
        benchmark: the benchmark.
        split: its name; a statement without a split belongs to every split.
        path: a file, a folder, a git URL or a Hub id; None: the publisher's.
        revision: a commit of a git or Hub source.

    Raises:
        BadBenchmark: the statements cannot be loaded.
    """
    wanted = split or benchmark.splits[0]
    if wanted not in benchmark.splits:
        raise BadBenchmark(f"{benchmark.name} has no split {wanted!r}; it has {', '.join(benchmark.splits)}.")
    try:
        fetched = fetch(path or benchmark.origin, revision)
    except NotFetched as missing:
        raise BadBenchmark(str(missing)) from None
    read = _read(fetched, benchmark)
    statements = [
        s for s in read if s.split is None or wanted == "all" or _SPLITS.get(s.split, s.split) == wanted
    ]
    if not statements:
        splits = sorted({_SPLITS.get(s.split, s.split) for s in read if s.split is not None})
        there = f"; its statements are of the split {' and '.join(splits)}" if splits else ""
        raise BadBenchmark(f"{fetched.origin} has no statement of the split {wanted}{there}.")
    problems = tuple(_problems(statements, known_errors(benchmark.name)))
    dataset = Dataset(
        name=benchmark.name,
        split=wanted,
        subset=None,
        origin=fetched.origin,
        revision=fetched.revision,
        sha256=digest(problems),
        licence=benchmark.licence,
    )
    return Loaded(dataset, problems)


def digest(problems: Iterable[BenchmarkProblem]) -> str:
    """Return the SHA-256 of names and statements, in order."""
    rows = [[problem.name, problem.source] for problem in problems]
    return hashlib.sha256(_bytes(json.dumps(rows, ensure_ascii=False))).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # a file's name may hold what is no UTF-8


def _problems(
    statements: Sequence[BenchmarkStatement], broken: Sequence[KnownError]
) -> Iterable[BenchmarkProblem]:
    """Give each statement a unique name: the second of a name becomes `name#2`."""
    count: dict[str, int] = {}
    for statement in statements:
        count[statement.name] = number = count.get(statement.name, 0) + 1
        yield BenchmarkProblem(
            name=statement.name if number == 1 else f"{statement.name}#{number}",
            source=statement.source,
            informal=statement.informal,
            broken=next((error.explanation for error in broken if error.matches(statement.source)), None),
        )


def _read(fetched: Fetched, benchmark: Benchmark) -> list[BenchmarkStatement]:
    if fetched.path is None:
        return _of_records(fetched.records, fetched.origin, benchmark)
    if fetched.path.is_file():
        return _of_file(fetched.path, None, benchmark)
    files = sorted(_files(fetched.path))
    if not files:
        raise BadBenchmark(f"{fetched.origin} has no file that ends in {', '.join(_ENDINGS)}.")
    lean = [file for file in files if file.suffix == ".lean"]
    found: list[BenchmarkStatement] = []
    for file in lean or files:
        try:
            found += _of_file(file, _split_of(file.relative_to(fetched.path)), benchmark)
        except BadBenchmark:
            if len(lean) > 1 and not _stated(file):
                continue  # the modules that only import the others
            raise
    if not found:
        raise BadBenchmark(f"{fetched.origin} states no theorem.")
    return found


def _files(folder: Path) -> Iterable[Path]:
    for file in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.suffix in _ENDINGS and not hidden and file.is_file():
            yield file


def _stated(file: Path) -> bool:
    """Return whether a .lean file declares anything; a library's root only imports."""
    return any(word in file.read_text("utf-8", "replace") for word in ("theorem", "lemma", "example"))


def _split_of(path: Path) -> str | None:
    """Return the split in the names of a file's folders."""
    for part in reversed(path.parts[:-1]):
        if part.lower() in _SPLITS:
            return _SPLITS[part.lower()]
    return None


def _of_file(file: Path, split: str | None, benchmark: Benchmark) -> list[BenchmarkStatement]:
    if file.suffix == ".parquet":
        return _of_records(_parquet(file), str(file), benchmark, split)
    if file.suffix == ".lean":
        text = _text(file)
        if len(text) > MAX_BYTES:
            raise BadBenchmark(f"{file} has more than {MAX_BYTES} characters.")
        try:
            return [statement_in(text, file.stem, split)]
        except (BadRecord, SourceError) as wrong:
            raise BadBenchmark(f"{file}: {wrong}.") from None
    return _of_records(read_json(file), str(file), benchmark, split)


def read_json(file: Path) -> list[Any]:
    """Return the records of a file: a JSON list, one object, or JSON lines; raise BadBenchmark."""
    text = _text(file)
    return _lines(text, file) if file.suffix == ".jsonl" else _json(text, file)


def _text(file: Path) -> str:
    try:
        return require_file(file).read_bytes().decode("utf-8-sig")
    except InputError as wrong:
        raise BadBenchmark(str(wrong)) from None
    except OSError as wrong:
        raise BadBenchmark(f"{file}: {wrong.strerror}.") from None
    except UnicodeDecodeError as wrong:
        raise BadBenchmark(f"{file} is not UTF-8 text (byte {wrong.start}).") from None


def _lines(text: str, file: Path) -> list[Any]:
    records = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except (ValueError, RecursionError):
                raise BadBenchmark(f"{file}, line {number}: that is no JSON.") from None
    return records


def _json(text: str, file: Path) -> list[Any]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return _lines(text, file)
    return whole if isinstance(whole, list) else [whole]


def _parquet(file: Path) -> list[Any]:
    try:
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise BadBenchmark(f"Reading {file} needs `pip install pyarrow`.") from None
    try:
        rows: list[Any] = pyarrow.parquet.read_table(file).to_pylist()
    except (OSError, ValueError) as wrong:
        raise BadBenchmark(f"{file} is no parquet file ({str(wrong).splitlines()[0]}).") from None
    return rows


def _of_records(
    records: Sequence[Any], origin: str, benchmark: Benchmark, split: str | None = None
) -> list[BenchmarkStatement]:
    statements = []
    for number, record in enumerate(records, 1):
        if not isinstance(record, Mapping):
            raise BadBenchmark(f"{origin}, record {number}: that is no object with fields.")
        try:
            statement = statement_of(record, benchmark.header)
        except BadRecord as wrong:
            raise BadBenchmark(f"{origin}, record {number}: {wrong}.") from None
        statements.append(
            statement if statement.split or not split else statement.model_copy(update={"split": split})
        )
    if not statements:
        raise BadBenchmark(f"{origin} is empty.")
    return statements
