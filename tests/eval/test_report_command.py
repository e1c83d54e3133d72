"""`stepprove eval report` and `compare`: where they write, what they print, and their exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from runs import attempt, run_of

from stepprove.cli.main import status
from stepprove.eval.records.record import Run

RUNS = {
    "good": run_of({"a": "PP", "b": "PF"}),
    "better": run_of({"a": "PP", "b": "PP", "c": "FF"}),
    "spoiled": run_of({"a": "PI", "b": "PF"}),
    "other": run_of({"z": "PF"}),
    "twice": run_of({"a": "P"}, attempts=[attempt("a", 1, "P"), attempt("a", 1, "F")]),
}
"""What the logs of these names say; how logs are read is the affair of other tests."""


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path) -> Run:
        return RUNS[path.stem]

    monkeypatch.setattr("stepprove.eval.records.log.read_run", read)
    monkeypatch.chdir(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["stepprove", "eval", *arguments])
    return status()


def test_the_page_goes_beside_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "report", "good.eval") == 0
    assert Path("good.html").read_text().startswith("<!doctype html>")
    printed = capsys.readouterr().out
    assert "Written to good.html" in printed and "pass@1 75.0 % (" in printed and "pass@2 100.0 %" in printed


def test_the_page_goes_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "report", "good.eval", "-o", "page.html") == 0
    assert Path("page.html").exists() and not Path("good.html").exists()


def test_a_place_that_cannot_be_written_is_the_users_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "report", "good.eval", "-o", "none/page.html") == 2
    assert "none/page.html cannot be written" in capsys.readouterr().err
    assert run(monkeypatch, "report", "good.eval", "-o", "./good.eval") == 2
    assert "is the log itself" in capsys.readouterr().err


def test_markdown_and_json_go_to_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "report", "good.eval", "--markdown") == 0
    assert capsys.readouterr().out.startswith("# minif2f valid core: portfolio\n")
    assert run(monkeypatch, "report", "good.eval", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["scores"]["every"]["pass_at"][0]["value"] == 0.75 and told["exit_code"] == 0
    assert run(monkeypatch, "report", "good.eval", "--json", "--markdown") == 2
    assert run(monkeypatch, "report", "good.eval", "--json", "-o", "x.json") == 2
    assert not list(Path().iterdir())


def test_a_spoiled_run_is_told_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "report", "spoiled.eval") == 3
    assert "Run `stepprove eval retry spoiled.eval`." in capsys.readouterr().out
    assert run(monkeypatch, "report", "spoiled.eval", "--json") == 3
    assert json.loads(capsys.readouterr().out)["exit_code"] == 3


def test_a_log_that_does_not_fit_together_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "report", "twice.eval") == 2
    assert "two attempts 1 at a" in capsys.readouterr().err


def test_a_comparison_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "compare", "good.eval", "better.eval") == 0
    printed = capsys.readouterr().out
    for line in (
        "2 shared problems, 0 only in A, 1 only in B",
        "pass@1    A  75.0 %   B 100.0 %   B - A +25.0 points (+0.0 to +50.0)",
        "by both 2, by neither 0",
        "McNemar's exact test, two-sided: p = 1",
    ):
        assert line in printed
    assert run(monkeypatch, "compare", "good.eval", "better.eval", "--json") == 0
    assert json.loads(capsys.readouterr().out)["comparison"]["differences"][0]["difference"] == 0.25


def test_runs_that_cannot_be_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "compare", "good.eval", "other.eval") == 2
    assert "share no problem" in capsys.readouterr().err
    assert run(monkeypatch, "compare", "good.eval", "spoiled.eval") == 3
    printed = capsys.readouterr().out
    assert "B: No score yet: the infrastructure spoiled 1 attempt." in printed and "McNemar" not in printed


@pytest.mark.nightly
def test_a_real_log_from_run_to_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    claims = {"easy": "2 + 2 = 4", "false": "2 + 2 = 5"}
    lines = [
        json.dumps(
            {"name": name, "split": "valid", "formal_statement": f"theorem {name} : {claim} := by sorry"}
        )
        for name, claim in claims.items()
    ]
    Path("two.jsonl").write_text("\n".join(lines))
    chosen = "minif2f --path two.jsonl --subset core --engine embedded --time-limit 20 --log-dir runs"
    assert run(monkeypatch, "run", *chosen.split()) == 0
    assert run(monkeypatch, "run", *chosen.split(), "--epochs", "2") == 0
    one, two = sorted(Path("runs").glob("*.eval"), key=lambda log: log.stat().st_mtime)
    capsys.readouterr()
    assert run(monkeypatch, "report", str(two), "-o", "page.html") == 0
    assert "pass@1 50.0 % (0.0–100.0), pass@2 50.0 %" in capsys.readouterr().out
    page = Path("page.html").read_text()
    assert "Disproved here, though not listed as broken: false." in page and "2 problems × 2 attempts" in page
    assert run(monkeypatch, "compare", str(one), str(two)) == 0
    printed = capsys.readouterr().out
    assert "by both 1, by neither 1" in printed and "A made 1 attempt at each problem, B 2" in printed
