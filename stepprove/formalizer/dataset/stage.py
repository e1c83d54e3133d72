"""Run a stage of the dataset: records of a file in parallel, each with a row in the ledger when it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from stepprove.faults import fault_told
from stepprove.formalizer.dataset.jsonl import Item, JsonlRecord, read_lines
from stepprove.formalizer.dataset.ledger import BadLedger, Ledger
from stepprove.storage import replacing


class Unanswered(Exception):
    """A model or Lean gave no answer about a record; the message says which and why."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """The result for one record."""

    body: BaseModel
    dropped: str | None = None
    """The reason to drop it."""


@dataclass(frozen=True, slots=True)
class StageTally:
    """The counts of a run."""

    counts: dict[str, int]
    """Rows of the ledger: `kept`, and dropped by reason."""
    unanswered: tuple[str, ...]
    """The reason for each record that is left for the next run."""
    bad: int
    """Lines that are not a record."""
    written: int
    """Records in the output file."""


async def run_stage(
    source: Path,
    kind: type[Item],
    ledger: Ledger,
    out: Path,
    one: Callable[[Item], Awaitable[StageResult]],
    *,
    at_once: int = 16,
    complain: Callable[[int, str], None] = lambda line, reason: None,
    listen: Callable[[JsonlRecord[Item]], None] = lambda line: None,
) -> StageTally:
    """Process the records without a row in the ledger, and write the kept ones to a file.

    Args:
        source: JSONL; streamed, with at most `at_once` records in progress.
        kind: the model of a record.
        ledger: receives a row for each record.
        out: JSONL of the kept records, in the order of the source, rewritten at the end.
        one: processes one record; Unanswered leaves it for the next run.
        at_once: records in parallel.
        complain: receives each line that is not a record.
        listen: receives each finished record.

    Raises:
        BadLedger: the ledger has rows of another file.
        OSError: a file cannot be read or written.
    """
    bad = 0
    unanswered: list[str] = []

    def note(line: int, reason: str) -> None:
        nonlocal bad
        bad += 1
        complain(line, reason)

    running: set[asyncio.Task[None]] = set()

    async def work(line: JsonlRecord[Item]) -> None:
        try:
            outcome = await one(line.item)
        except Unanswered as failure:
            unanswered.append(str(failure))
        except Exception as fault:
            unanswered.append(fault_told(fault, f"line {line.number} of {source}"))
        else:
            ledger.put(line.number, line.digest, outcome.body.model_dump_json(), outcome.dropped)
        listen(line)

    try:
        for line in read_lines(source, kind, note):
            if _has_row(ledger, line, source):
                continue
            running.add(asyncio.create_task(work(line)))
            if len(running) >= at_once:
                running = await _settled(running)
        while running:
            running = await _settled(running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return StageTally(ledger.counts(), tuple(unanswered), bad, write_kept(ledger, out))


def _has_row(ledger: Ledger, line: JsonlRecord[Item], source: Path) -> bool:
    """Return whether the ledger has the record's row. Raises BadLedger if it has another record's in its place."""
    digest = ledger.digest(line.number)
    if digest is not None and digest != line.digest:
        raise BadLedger(
            f"{ledger.path} has rows of another file (line {line.number} of {source} differs): name another folder."
        )
    return digest is not None


async def _settled(running: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    done, left = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    return left


def write_kept(ledger: Ledger, out: Path) -> int:
    """Replace a file by the kept records; return their number. Raises OSError."""
    count = 0
    with replacing(out, sync=True) as file:
        for count, body in enumerate(ledger.kept(), 1):  # noqa: B007 - it is the number of them
            file.write(body.encode() + b"\n")
    return count
