"""Formalize a file of problems: one record a line, in the order of the problems, written as soon as it is known.

A killed run continues where it stopped. A problem that the model or Lean left unanswered has no record, so the next run tries
it again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from stepprove.faults import Failure, fault_told
from stepprove.files.output_file import write_output
from stepprove.formalizer.autoformalize import Formalization
from stepprove.formalizer.dataset.jsonl import JsonlRecord, read_lines
from stepprove.formalizer.equivalence.pairs import InformalProblem
from stepprove.storage import cut_torn_line, read_whole_lines


class BadCorpus(Failure, ValueError):
    """A file cannot be used; the message is one sentence."""

    exit_code = 2


class CorpusRecord(BaseModel):
    """The result for one problem."""

    model_config = ConfigDict(frozen=True)

    line: int
    """Its line in the file of problems, from 1."""
    digest: str
    """The digest of that line."""
    name: str | None
    result: Formalization


@dataclass(frozen=True, slots=True)
class CorpusTally:
    """The counts of a run."""

    records: int = 0
    """Records in the file of statements."""
    formalized: int = 0
    unanswered: int = 0
    """Problems left for the next run."""
    bad: int = 0
    """Lines that are not a problem."""


def read_done(path: Path) -> dict[int, CorpusRecord]:
    """Read the records of earlier runs by their lines, and cut a torn last line.

    Raises:
        BadCorpus: the file holds something else.
        OSError: it cannot be read.
    """
    if not path.exists():
        return {}
    try:
        records = [CorpusRecord.model_validate_json(line) for line in read_whole_lines(path)]
    except ValidationError:
        raise BadCorpus(f"{path} holds something else than statements: name another file with -o.") from None
    cut_torn_line(path)
    return {record.line: record for record in records}


async def formalize_corpus(
    problems: Path,
    out: Path,
    one: Callable[[InformalProblem], Awaitable[Formalization | None]],
    *,
    at_once: int = 4,
    complain: Callable[[int, str], None] = lambda line, reason: None,
    listen: Callable[[JsonlRecord[InformalProblem], Formalization | None], None] = lambda task, result: None,
) -> CorpusTally:
    """Formalize the problems that `out` has no record of.

    Args:
        problems: JSONL.
        out: receives a record a line.
        one: formalizes one problem; None: there was no answer, so the next run tries it again.
        at_once: problems in parallel.
        complain: receives each line that is not a problem.
        listen: receives each result, in the order of the file.

    Raises:
        BadCorpus: `out` holds something else, or statements of other problems.
        OSError: a file cannot be read or written.
    """
    bad = unanswered = 0

    def note(line: int, reason: str) -> None:
        nonlocal bad
        bad += 1
        complain(line, reason)

    ahead: deque[tuple[JsonlRecord[InformalProblem], asyncio.Task[Formalization | None]]] = deque()
    with _Statements(out) as statements:

        async def settle() -> None:
            nonlocal unanswered
            task, running = ahead[0]
            result = await running
            ahead.popleft()
            if result is None:
                unanswered += 1
            else:
                statements.add(task, result)
            listen(task, result)

        try:
            for task in read_lines(problems, InformalProblem, note):
                if statements.has(task):
                    continue
                ahead.append((task, asyncio.ensure_future(_problem(one, task))))
                if len(ahead) >= at_once:
                    await settle()
            while ahead:
                await settle()
        finally:
            for _, running in ahead:
                running.cancel()
            await asyncio.gather(*(running for _, running in ahead), return_exceptions=True)
    statements.put_in_order()
    records = statements.records.values()
    formalized = sum(record.result.statement is not None for record in records)
    return CorpusTally(len(records), formalized, unanswered, bad)


class _Statements:
    """The file of statements: each result is on disk before the next; a context manager that closes it."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises BadCorpus, OSError."""
        self._path = path
        self.records = read_done(path)
        self._last = max(self.records, default=0)
        self._in_order = True

    def __enter__(self) -> Self:
        self._file = self._path.open("ab")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def has(self, task: JsonlRecord[InformalProblem]) -> bool:
        """Return whether the file has the problem's statement. Raises BadCorpus if it has another problem's."""
        record = self.records.get(task.number)
        if record is not None and record.digest != task.digest:
            raise BadCorpus(
                f"{self._path} holds statements of other problems (line {task.number} differs): "
                "name another file with -o."
            )
        return record is not None

    def add(self, task: JsonlRecord[InformalProblem], result: Formalization) -> None:
        """Append a result. Raises OSError."""
        record = CorpusRecord(line=task.number, digest=task.digest, name=task.item.name, result=result)
        self.records[task.number] = record
        self._file.write(record.model_dump_json().encode() + b"\n")
        self._file.flush()
        self._in_order = self._in_order and task.number >= self._last
        self._last = max(self._last, task.number)

    def put_in_order(self) -> None:
        """Rewrite the file in the order of the problems, if a later run has filled gaps. Raises OutputError."""
        if not self._in_order:
            lines = (self.records[line].model_dump_json().encode() + b"\n" for line in sorted(self.records))
            write_output(self._path, b"".join(lines))


async def _problem(
    one: Callable[[InformalProblem], Awaitable[Formalization | None]], task: JsonlRecord[InformalProblem]
) -> Formalization | None:
    try:
        return await one(task.item)
    except OSError:
        raise
    except Exception as fault:  # the next run tries it again, as if the model had not answered
        fault_told(fault, f"the problem at line {task.number}")
        return None
