"""What a log's run was asked for, so that the same run goes on from what the log has."""

from __future__ import annotations

from pathlib import Path

from stepprove.eval.journal import Journal
from stepprove.eval.log import manifest_of, read_header, read_run, selection_of
from stepprove.eval.record import BadLog
from stepprove.eval.setup import Selection, Setup, run_name


def setup_of_log(path: Path) -> tuple[Setup, Selection]:
    """The setup and the selection of a log's run; where its journal is missing, one is made from the log.

    Raises BadLog, JournalRefused and OSError.
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
