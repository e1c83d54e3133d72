"""What became of each record, whatever happens to the process."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from stepprove.formalizer.dataset.ledger import BadLedger, Ledger


def test_kept_records_come_in_the_order_of_their_lines(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l.sqlite", {}) as ledger:
        for line in (1200, 3, 1):
            ledger.put(line, "d", f'{{"n": {line}}}')
        ledger.put(2, "d", "{}", "too short")
        assert list(ledger.kept()) == ['{"n": 1}', '{"n": 3}', '{"n": 1200}']
        assert ledger.counts() == {"kept": 3, "too short": 1}


def test_a_row_is_there_for_the_next_run(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l.sqlite", {"samples": 16}) as ledger:
        ledger.put(7, "digest", "{}")
    with Ledger(tmp_path / "l.sqlite", {"samples": 16}) as ledger:
        assert (ledger.digest(7), ledger.digest(8)) == ("digest", None)


def test_other_settings_another_process_and_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with Ledger(path, {"samples": 16}), pytest.raises(BadLedger, match="Another process"):
        Ledger(path, {"samples": 16})
    with pytest.raises(BadLedger, match="begun with samples 16, not 8"):
        Ledger(path, {"samples": 8})
    (tmp_path / "text.sqlite").write_text("no database" * 100)
    with pytest.raises(BadLedger, match="cannot be used"):
        Ledger(tmp_path / "text.sqlite", {})


def test_a_row_is_on_disk_before_the_next_is_begun(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l.sqlite", {}) as ledger:
        ledger.put(1, "d", "{}")
        other = sqlite3.connect(tmp_path / "l.sqlite")
        assert other.execute("SELECT count(*) FROM records").fetchone() == (1,)
        other.close()
