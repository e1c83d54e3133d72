"""Recover the setup of a log's run, so that the run can continue from the log."""

from __future__ import annotations

from pathlib import Path

from stepprove.eval.records.journal import Journal
from stepprove.eval.records.log import manifest_of, read_header, read_run, selection_of
from stepprove.eval.records.record import BadLog
from stepprove.eval.setup import Selection, Setup, run_name


def setup_of_log(path: Path) -> tuple[Setup, Selection]:
    """Return the setup and the selection of a log's run; rebuild a missing journal from the log.

    Raises:
        BadLog: the file is not a log.
        JournalRefused: the journal cannot serve this run.
        OSError: a file cannot be read or written.
    """
    log = read_header(path)
    manifest = manifest_of(log, path)
    if manifest.setup.policy == "outside":
        raise BadLog(f"{path} has attempts that were made elsewhere: they cannot be made again here.")
    journal = path.parent / f"{run_name(manifest.setup)}.jsonl"
    if not journal.exists():
        with Journal(journal) as kept:
            kept.begin(manifest)
            for attempt in read_run(path).attempts:
                kept.keep(attempt)
    return manifest.setup, selection_of(log)
