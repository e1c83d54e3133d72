"""The journal of a run: whole up to its last line, one run's at a time, and of one dataset."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import attempt, run_of

from stepprove.eval.records.journal import Journal, JournalRefused
from stepprove.eval.setup import Manifest, Setup


def manifest(**changes: object) -> Manifest:
    dataset = run_of({"p": "P"}).dataset.model_copy(update={"sha256": changes.pop("sha256", "ab" * 32)})
    made = Manifest(
        setup=Setup(benchmark="minif2f", split="valid"),
        dataset=dataset,
        statements=1,
        engine="Lean 4.28.0 (embedded, no Mathlib)",
        versions={"stepprove": "0.1.0"},
    )
    return made.model_copy(update=changes)


def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "j.jsonl"
    with Journal(path) as journal:
        journal.begin(manifest())
        journal.keep(kept := attempt("p\n☃\u2028", 1, "P", candidate="theorem p : 1 = 1 := rfl"))
    with Journal(path) as journal:
        journal.begin(manifest())
        assert journal.recall("p\n☃\u2028", 1) == kept
        assert journal.recall("p\n☃\u2028", 2) is None


def test_what_the_infrastructure_spoiled_is_not_done(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    for letter, known in (("I", False), ("T", True)):
        with Journal(path) as journal:
            journal.begin(manifest())
            journal.keep(attempt("p", 1, letter))
            assert (journal.recall("p", 1) is not None) is known
    with Journal(path) as journal:
        found = journal.recall("p", 1)
        assert found is not None and found.outcome == "timeout"


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "j.jsonl"
    with Journal(path) as journal:
        journal.begin(manifest())
        journal.keep(attempt("p", 1, "P"))
        journal.keep(attempt("p", 2, "F"))
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path) as journal:
        assert journal.recall("p", 1) and not journal.recall("p", 2)
        journal.keep(attempt("p", 3, "P"))
    with Journal(path) as journal:
        assert journal.recall("p", 3)


def test_two_runs_never_write_one_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.jsonl"), pytest.raises(JournalRefused, match="Another run is writing"):
        Journal(tmp_path / "j.jsonl").__enter__()
    with Journal(tmp_path / "j.jsonl"):
        pass


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sha256": "cd" * 32}, "another dataset"),
        ({"engine": "Lean 4.29.0 (native, no Mathlib)"}, "another engine"),
        ({"versions": {"stepprove": "0.2.0"}}, "another version of stepprove"),
    ],
)
def test_attempts_made_with_something_else_are_not_mixed(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with Journal(tmp_path / "j.jsonl") as journal:
        journal.begin(manifest())
    with Journal(tmp_path / "j.jsonl") as journal, pytest.raises(JournalRefused, match=said):
        journal.begin(manifest(**changes))


def test_another_file_is_not_taken_for_a_journal(tmp_path: Path) -> None:
    (tmp_path / "j.jsonl").write_text("a,b\n1,2\n")
    with pytest.raises(JournalRefused, match="line 1"):
        Journal(tmp_path / "j.jsonl").__enter__()
    assert (tmp_path / "j.jsonl").read_text() == "a,b\n1,2\n"
