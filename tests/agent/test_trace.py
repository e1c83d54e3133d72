"""Traces: nothing is lost when a run is killed, and what is shown of them is what was written, never run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from stepprove.agent.trace.page import lean, prose, said, trace_page
from stepprove.agent.trace.proof_graph import MOST_NODES, draw_graph
from stepprove.agent.trace.reader import read_run_trace
from stepprove.agent.trace.trace import Trace, TraceMissing, find_trace, read_trace
from stepprove.cli.main import status

HOSTILE = "<script>alert(1)</script></pre></svg><img src=x onerror=alert(1)>'\"&{{ 7*7 }}\x1b[31m"
"""What a model might write to be more than text."""


def graph(text: str = "n : Nat\n⊢ n + 0 = n ∧ True") -> dict[str, object]:
    return {
        "outcome": "found",
        "steps": 12,
        "seconds": 1.25,
        "found_by": text,
        "nodes": [
            {"kind": "goal", "label": text, "proved": True, "cost": 0.0, "closed_by": ""},
            {"kind": "move", "label": text, "proved": False, "cost": 1.0},
            {"kind": "goal", "label": "⊢ True", "proved": True, "cost": 1.0, "closed_by": text},
            {"kind": "move", "label": "induction n", "proved": False, "cost": 2.0},
            {"kind": "goal", "label": "⊢ False", "proved": False, "cost": 2.0},
        ],
        "edges": [[0, 1], [1, 2], [0, 3], [3, 4]],
    }


def write(parent: Path, text: str = "⊢ 1 = 1", *, ended: bool = True) -> Path:
    """The folder of a run with everything in it; `text` stands wherever a model, Lean or a user wrote something."""
    trace = Trace.create(parent)
    engine = {"lean": "4.28.0", "kind": "embedded", "mathlib": None}
    trace.record(
        "run", version="0", at="2026", file=text, text=text, engine=engine, model=text, policy="auto"
    )
    trace.record("hole", hole=0, line=3, column=2, declaration=text)
    trace.record("graph", hole=0, **graph(text))
    for name, style in (("0.0", "tir"), ("0.1", "chat")):
        trace.record("attempt", attempt=name, hole=0, style=style, seed=1, problem=text, prompt=None)
        sketch = (
            f"Try {text}\n<sketch>\n{text}\n</sketch>" if style == "tir" else f"So:\n```lean4\n{text}\n```\n"
        )
        tokens = {"prompt_tokens": 1200, "completion_tokens": 34}
        trace.record("turn", attempt=name, text=sketch, **tokens, finish="stop", seconds=0.5)
        wrong = '{"messages": [{"severity": "error", "pos": {"line": 2, "column": 1}, "data": "no"}]}'
        feedback = wrong if style == "tir" else text
        trace.record(
            "check", attempt=name, code=text, feedback=feedback, outcome="answered", clean=False, seconds=0.1
        )
        trace.record("partial", attempt=name, code=text, goals=[text])
    trace.record("verdict", attempt="0.0", outcome="rejected", reason=text)
    if ended:
        trace.record("stopped", attempt="0.1", reason=text)
        found = {
            "proof": text,
            "found_by": text,
            "reason": None,
            "goal": text,
            "seconds": 2.0,
            "partial": text,
        }
        trace.record("result", hole=0, outcome="proved", **found)
        trace.record("end", text=text, seconds=3.0, usage={}, dollars=0.01, exit_code=0)
    trace.close()
    assert trace.path is not None
    return trace.path.parent


def page(folder: Path) -> str:
    return trace_page(read_run_trace(read_trace(find_trace(folder))))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["stepprove", *map(str, arguments)])
    return status()


def test_a_record_is_on_the_disk_before_the_next(tmp_path: Path) -> None:
    trace = Trace.create(tmp_path)
    trace.record("turn", text="½ ⊢")
    assert trace.path is not None
    (record,) = read_trace(trace.path)
    assert (record["kind"], record["text"]) == ("turn", "½ ⊢") and record["t"] >= 0


def test_a_killed_run_loses_nothing(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from stepprove.agent.trace.trace import Trace\n"
        "trace = Trace.create(Path(sys.argv[1]))\n"
        "for n in range(500): trace.record('turn', n=n, text='x' * 5000)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=60)
    assert done.returncode == -9
    (folder,) = tmp_path.iterdir()
    assert [record["n"] for record in read_trace(find_trace(folder))] == list(range(500))


def test_a_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    path = find_trace(write(tmp_path))
    whole = list(read_trace(path))
    path.write_bytes(path.read_bytes()[:-20])
    assert list(read_trace(path)) == whole[:-1]


def test_two_runs_never_share_a_file(tmp_path: Path) -> None:
    assert len({Trace.create(tmp_path).path for _ in range(20)}) == 20


def test_without_a_file_nothing_is_kept() -> None:
    trace = Trace()
    trace.record("turn", text="x")
    assert trace.path is None


def test_a_run_is_found_by_its_folder_its_file_or_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    for given in (folder, folder / "trace.jsonl", Path(folder.name)):
        assert find_trace(given).resolve() == (folder / "trace.jsonl").resolve()
    with pytest.raises(TraceMissing, match="is no run"):
        find_trace(Path("none"))


def test_a_trace_is_put_together_again(tmp_path: Path) -> None:
    story = read_run_trace(read_trace(find_trace(write(tmp_path))))
    (hole,) = story.holes
    assert (hole.outcome, story.count("proved"), story.tokens) == ("proved", 1, 2468)
    assert [attempt.outcome for attempt in hole.attempts] == ["rejected", "stopped"]
    assert [event["kind"] for event in hole.attempts[0].events] == ["turn", "check", "partial", "verdict"]


def test_a_run_without_an_end_is_shown_as_such(tmp_path: Path) -> None:
    assert "it was stopped, or still goes on" in page(write(tmp_path, ended=False))


class Elements(HTMLParser):
    """Counts a page's elements, and keeps the attributes that could do something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.active += [name for name, _ in attributes if name.startswith("on") or name in ("src", "srcdoc")]


def elements(text: str) -> Elements:
    found = Elements()
    found.feed(text)
    return found


def test_nothing_that_a_model_wrote_is_more_than_text(tmp_path: Path) -> None:
    tame, hostile = elements(page(write(tmp_path))), elements(page(write(tmp_path, HOSTILE)))
    for tag in ("script", "img", "iframe", "object", "link", "base", "form"):
        assert tag not in hostile.tags
    assert not hostile.active
    assert [t for t in hostile.tags if t != "span"] == [t for t in tame.tags if t != "span"]


@pytest.mark.parametrize("show", [lean, prose, said])
def test_every_way_to_show_text_escapes_it(show: object) -> None:
    assert callable(show)
    for text in (HOSTILE, f"<sketch>{HOSTILE}</sketch>", f'{{"messages": [{{"severity": "{HOSTILE}"}}]}}'):
        shown = elements(show(text))
        assert not {"script", "img"} & set(shown.tags) and not shown.active


def test_what_lean_said_is_told_message_by_message() -> None:
    shown = said('{"messages": [{"severity": "error", "pos": {"line": 2, "column": 0}, "data": "a < b"}]}')
    assert '<b class="error">error</b> line 2<pre>a &lt; b</pre>' in shown
    assert "Lean accepts it" in said("{}")
    assert "cannot return" in said("repl cannot return status in 60 seconds!")


def test_a_long_text_is_cut_on_the_page() -> None:
    assert "950,000 more characters" in prose("x" * 1_000_000)


def test_the_proof_graph_shows_what_is_proved() -> None:
    drawn = str(draw_graph(graph()))
    assert drawn.count('<g class="goal') == 3 and drawn.count('<g class="move') == 2
    assert drawn.count('class="edge proved"') == 2 and drawn.count("<path") == 4
    assert "⊢ True ✓" in drawn


def test_a_large_proof_graph_is_drawn_in_part() -> None:
    goals = [{"kind": "goal", "label": f"⊢ {n}", "proved": n == 400, "cost": float(n)} for n in range(500)]
    drawn = str(draw_graph({"nodes": goals, "edges": [[n, n + 1] for n in range(499)]}))
    assert f"{MOST_NODES} of 500 nodes" in drawn


def test_the_terminal_shows_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "trace", "show", write(tmp_path)) == 0
    shown = capsys.readouterr().out
    for words in ("1 of 1 proved", "2468 tokens", "attempt 2", "error, line 2: no", "the gate: rejected"):
        assert words in shown
    assert run(monkeypatch, "trace", "show", write(tmp_path, HOSTILE), "--full") == 0
    assert "\x1b[31m" not in capsys.readouterr().out


def test_a_run_that_is_not_there_is_the_users_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "trace", "show", "nowhere") == 2
    assert "nowhere is no run" in capsys.readouterr().err


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed to open the page in")
def test_a_browser_opens_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "runs", HOSTILE)
    assert run(monkeypatch, "trace", "html", folder) == 0
    quiet = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    )
    command = [str(CHROMIUM), *quiet.split(), "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"file://{folder / 'trace.html'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    seen = elements(done.stdout)
    assert seen.tags.count("svg") == 1 and seen.tags.count("details") >= 6
    assert not {"script", "img"} & set(seen.tags) and not seen.active
    assert "alert(1)" in done.stdout
