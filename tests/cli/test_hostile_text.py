"""Names, paths, messages and model texts reach a terminal as they are, and move, hide or colour nothing on it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stepprove.agent.trace.trace import FILE_NAME
from stepprove.cli.terminal.console import VisibleConsole, shown, shown_lines
from stepprove.visible import in_json, in_line, visible

FORGED = "\x1b[2K\x1b[1G\x1b[32maccepted\x1b[0m\x1b[8m"
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
"""What must not come out, written down apart from the code under test."""
_HOSTILE = st.text(
    st.characters(codec=None) | st.sampled_from("\x1b\x9b\r\n\t\u202e\u200b\u2066[]\\/:#@redbold")
) | st.sampled_from(
    [
        FORGED,
        "[red]x[/red]",
        "[/]",
        "\\[red]",
        "a\\\\[bold]b",
        "[link=file:///etc/passwd]x[/link]",
        ":heart:",
        "[@click=a]b",
    ]
)


@given(_HOSTILE)
def test_nothing_hidden_is_left(text: str) -> None:
    for seen in (visible(text), in_line(text)):
        assert not HIDDEN.search(seen)
        assert visible(seen) == seen
    assert "\n" not in in_line(text) and "\t" not in in_line(text)
    in_line(text).encode()


@given(
    st.text(
        st.characters(
            categories=["L", "M", "N", "P", "S", "Zs"],
            exclude_characters="\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0",
        )
    )
)
@example("∀ (ε : ℝ), 0 < ε → ∃ δ > 0, ‖x - a‖ < δ")
@example("שלום, мир, 数学, ✅️")
def test_honest_text_stays(text: str) -> None:
    assert in_line(text) == re.sub(
        "[\u180b-\u180f\U000e0100-\U000e01ef]", lambda m: f"⟨U+{ord(m[0]):04X}⟩", text
    )


@given(_HOSTILE, _HOSTILE)
@example("[red", "]x")
@example("x\\[red]", "[/red]")
def test_foreign_text_is_never_taken_for_markup(one: str, other: str) -> None:
    page = io.StringIO()
    console = VisibleConsole(file=page, highlight=False, soft_wrap=True, emoji=False, force_terminal=False)

    console.print(f"{shown(one)} and [bold]{shown(other)} [/]")

    # Backslashes before a bracket that opens no tag may be doubled; nothing else may change.
    def flat(text: str) -> str:
        return text.replace("\\", "")

    assert flat(page.getvalue()) == flat(f"{in_line(one)} and {in_line(other)} \n")


@given(_HOSTILE)
def test_a_console_writes_no_control_character_even_where_nobody_thought_of_it(text: str) -> None:
    page = io.StringIO()

    VisibleConsole(file=page, highlight=False, soft_wrap=True).print(text, markup=False)

    assert not HIDDEN.search(page.getvalue())


def test_a_line_of_a_message_does_not_pose_as_one_of_ours() -> None:
    assert shown_lines("unexpected\naccepted\n", 4) == "unexpected\n    accepted"


@given(st.recursive(_HOSTILE, lambda inner: st.lists(inner) | st.dictionaries(_HOSTILE, inner), max_leaves=5))
def test_json_holds_the_same_data_without_a_hidden_byte(value: object) -> None:
    try:
        document = orjson.dumps(value).decode()
    except TypeError:  # half a character
        return

    assert not HIDDEN.search(in_json(document))
    assert json.loads(in_json(document)) == json.loads(document)


# Commands, on files whose every name and message is hostile.

NAME = f"«{FORGED}\u202e[red]»"
ORIGINAL = f"theorem wrong : (0 : Nat) = 1 := by sorry\ntheorem {NAME} : 1 = 1 := by sorry\n"
CANDIDATE = f"theorem wrong : (0 : Nat) = 1 := {NAME}\ntheorem {NAME} : 1 = 1 := by exact {NAME}\n"
LOOSE = f'theorem loud : 1 = 2 := by\n  fail "{FORGED}\u202e\nstepprove: all proved"\n'


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "[red]x\x1b[31m\n\u202e"
    folder.mkdir()
    (folder / "original.lean").write_text(ORIGINAL)
    (folder / "candidate.lean").write_text(CANDIDATE)
    (folder / "loose.lean").write_text(LOOSE)
    (folder / os.fsdecode(b"half\xff.lean")).write_text("theorem t : 1 = 1 := by sorry\n")
    return folder


def ran(folder: Path, *arguments: str) -> tuple[int, str]:
    """A command as a user runs it, in a folder: its exit code, and all that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "stepprove", *arguments],
        cwd=folder,
        capture_output=True,
        timeout=200,
        check=False,
    )
    text = (done.stdout + done.stderr).decode()
    assert not HIDDEN.search(text), text
    assert "Traceback" not in text
    return done.returncode, text


def test_check_shows_what_is_there(files: Path) -> None:
    code, text = ran(files, "check", str(files / "candidate.lean"), str(files / "loose.lean"))

    assert code == 1
    assert "⟨U+001B⟩[32maccepted⟨U+001B⟩[0m" in text
    assert "[red]x⟨U+001B⟩[31m⟨U+000A⟩⟨U+202E⟩" in text
    assert not any(line.startswith("stepprove: all proved") for line in text.splitlines())


def test_verify_shows_what_is_there(files: Path) -> None:
    code, text = ran(files, "verify", "original.lean", "candidate.lean")

    assert code == 1
    assert "rejected" in text


def test_prove_and_its_trace_show_what_is_there(files: Path) -> None:
    code, text = ran(files, "prove", str(files / "original.lean"), "--trace", "runs", "--time-limit", "10")

    assert code == 1
    assert "1 of 2 proved" in text
    (run,) = (files / "runs").iterdir()
    code, text = ran(files, "trace", "show", str(run))
    assert code == 0
    assert "⟨U+001B⟩[32maccepted" in text
    code, text = ran(files, "trace", "html", str(run))
    page = next(run.glob("*.html")).read_text()
    assert not HIDDEN.search(page) and "⟨U+001B⟩" in page


def test_a_refusal_shows_what_is_there(files: Path) -> None:
    code, text = ran(files, "prove", str(files / "loose.lean"))

    assert code == 2
    assert [line for line in text.splitlines() if line.startswith("stepprove:")] == [text.splitlines()[0]]


def test_equivalent_shows_what_is_there(files: Path) -> None:
    code, text = ran(files, "equivalent", str(files / "original.lean"), str(files / "original.lean"))

    assert code == 0
    assert "[red]x⟨U+001B⟩" in text


@pytest.mark.parametrize("command", [("check",), ("prove",), ("verify", "original.lean"), ("trace", "show")])
def test_a_path_that_is_not_there_is_shown_as_it_is(files: Path, command: tuple[str, ...]) -> None:
    code, text = ran(files, *command, "\x1b[2Knowhere\u202e[bold].lean")

    assert code == 2
    assert "⟨U+001B⟩[2Knowhere⟨U+202E⟩[bold]" in text


def test_an_option_that_is_wrong_is_shown_as_it_is(files: Path) -> None:
    code, text = ran(files, "prove", "original.lean", "--engine", "\x1b[31mfast")

    assert code == 2
    assert "[31mfast" in text


def test_a_name_that_is_no_text_is_no_trouble(files: Path) -> None:
    code, text = ran(files, "check", os.fsdecode(b"half\xff.lean"), "--json")

    assert code == 1
    assert json.loads(text)["exit_code"] == 1


def test_a_trace_by_others_is_shown_as_it_is(files: Path) -> None:
    records = [
        {
            "kind": "run",
            "t": 0,
            "file": f"{FORGED}.lean",
            "at": FORGED,
            "engine": {"lean": FORGED, "kind": FORGED},
        },
        {"kind": "hole", "t": 0, "hole": 0, "line": FORGED, "column": 0, "declaration": FORGED + "\n"},
        {
            "kind": "graph",
            "hole": 0,
            "nodes": [
                {"kind": "goal", "label": f"⊢ {FORGED}", "proved": True, "closed_by": FORGED},
                {"kind": "move", "label": FORGED, "proved": False},
            ],
            "edges": [[0, 1]],
        },
        {
            "kind": "attempt",
            "attempt": "0.0",
            "hole": 0,
            "style": FORGED,
            "seed": FORGED,
            "problem": FORGED,
            "prompt": None,
        },
        {
            "kind": "turn",
            "attempt": "0.0",
            "text": FORGED,
            "completion_tokens": 1,
            "prompt_tokens": 1,
            "finish": FORGED,
        },
        {
            "kind": "check",
            "attempt": "0.0",
            "code": FORGED,
            "feedback": FORGED,
            "outcome": "answered",
            "clean": False,
            "seconds": 1,
        },
        {"kind": "partial", "attempt": "0.0", "code": FORGED, "goals": [FORGED]},
        {"kind": "verdict", "attempt": "0.0", "outcome": FORGED, "reason": FORGED},
        {"kind": "result", "hole": 0, "outcome": "failed", "reason": FORGED, "proof": FORGED},
    ]
    (files / FILE_NAME).write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))

    code, text = ran(files, "trace", "show", str(files), "--full")

    assert code == 0
    assert text.count("⟨U+001B⟩[32maccepted") > 10
