"""The program as a whole: its help, its start and its shell completion."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stepprove.cli import main
from stepprove.cli.main import COMMANDS, program
from stepprove.cli.on_demand import CommandPlace
from stepprove.faults import Failure
from stepprove.lean_project.engines.errors import LeanNotFound
from stepprove.lean_project.source.file import SourceError

START = "from stepprove.cli.start import run; run()"


def stepprove(*arguments: str, **environment: str) -> str:
    """The output of a command that ends well."""
    command = [sys.executable, "-c", START, *arguments]
    run = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("place", COMMANDS, ids=lambda place: place.name)
def test_the_list_says_of_a_command_what_its_own_help_says(place: CommandPlace) -> None:
    command = program().commands[place.name]
    assert (command.help or "").partition("\n\n")[0] == place.help


def test_the_help_names_every_exit_code() -> None:
    exits = re.search(r"Exit codes of every command.*?\n\s*\n", stepprove("--help", COLUMNS="200"), re.DOTALL)
    assert exits and {*re.findall(r"\b\d+\b", exits[0])} == {"0", "1", "2", "3", "130"}


def test_the_help_imports_no_command() -> None:
    script = (
        "import sys\nsys.argv = ['stepprove', '--help']\n"
        "from stepprove.cli import main\nassert main.status() == 0\n"
        "print([name for name in sys.modules if name.startswith(('stepprove.agent', 'stepprove.lean_project'))])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


class Unfit(Failure):
    """The test's own failure."""

    exit_code = 1


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (SourceError("x.lean does not exist."), 2),
        (LeanNotFound("No Lean is here."), 3),
        (Unfit("It does not fit."), 1),
    ],
)
def test_a_failure_ends_a_command_with_its_sentence_and_its_code(
    failure: Failure, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise failure

    monkeypatch.setattr(main, "app", fails)

    assert main.status() == code
    assert capsys.readouterr().err == f"stepprove: {failure}\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [("stepprove pro", "prove"), ("stepprove eval ret", "retry"), ("stepprove prove --pol", "--policy")],
)
def test_the_shell_completes_commands_and_options(tmp_path: Path, words: str, expected: str) -> None:
    executable = tmp_path / "stepprove"
    executable.write_text(f"#!{sys.executable}\n{START}\n")
    executable.chmod(0o755)
    completing = {"_STEPPROVE_COMPLETE": "complete_bash", "COMP_WORDS": words}
    place = {"COMP_CWORD": str(words.count(" "))}
    run = subprocess.run(
        [executable], capture_output=True, text=True, env={**os.environ, **completing, **place}, timeout=120
    )
    assert run.stdout.split() == [expected]
