"""Reports: the numbers with what stands beside them, and pages on which nothing hostile is more than text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import attempt, finished_runs, run_of

from stepprove.eval.records.record import Run
from stepprove.eval.report.markdown import markdown
from stepprove.eval.report.page import PAGE_TEXT, page
from stepprove.eval.report.plots import amount, powers_of_two, round_numbers
from stepprove.eval.report.report import Report, document
from stepprove.eval.scoring.scores import score
from stepprove.visible import encodable, shortened, visible

HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>'\"&{{ 7*7 }}|`\x00\x1b[31m\u202e\ud800\r\n"
"""What a model might write to be more than text."""


def report_of(run: Run, log: str = "runs/a.eval") -> Report:
    return Report(run, score(run, resamples=200), log)


def hostile_run(text: str = HOSTILE) -> Run:
    """A run in which `text` stands wherever a model, Lean, a benchmark or a user may write."""
    run = run_of(
        {text: "PD"},
        broken={text: text},
        attempts=[
            attempt(text, epoch, "PD"[epoch - 1], reason=text, candidate=text, errors=[text], trace=text)
            for epoch in (1, 2)
        ],
        policy=text,
        model=text,
        engine=text,
        versions={"stepprove": text},
        budget={"seconds": text},
    )
    changed = dict.fromkeys(("name", "split", "subset", "origin", "revision", "licence"), text)
    return run.model_copy(
        update={"dataset": run.dataset.model_copy(update=changed), "task": text, "id": text}
    )


class Elements(HTMLParser):
    """A page's elements, the attributes that could do something, and the JSON in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.active: list[str] = []
        self.json: list[str] = []
        self._in_json = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.active += [
            name for name, _ in attributes if name.startswith("on") or name in ("src", "srcdoc", "style")
        ]
        self._in_json = ("type", "application/json") in attributes

    def handle_data(self, data: str) -> None:
        if self._in_json:
            self.json.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_json = False


def test_nothing_hostile_is_more_than_text() -> None:
    tame, hostile = (
        Elements(page(report_of(hostile_run("x"), "x"))),
        Elements(page(report_of(hostile_run(), HOSTILE))),
    )
    assert tame.tags == hostile.tags
    assert not hostile.active and "img" not in hostile.tags
    page(report_of(hostile_run(), HOSTILE)).encode()


def test_the_pages_own_script_and_style_are_all_that_it_admits() -> None:
    text = page(report_of(run_of({"a": "P"})))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None and "unsafe" not in policy[1] and "default-src &#39;none&#39;" in policy[1]
    assert not re.search(r"https?://|url\(|@import", text)


def test_hostile_text_is_shown_with_what_hides_in_it() -> None:
    (data,) = Elements(page(report_of(hostile_run()))).json
    assert not set("<>&\x00\x1b\u202e") & set(data)
    shown = json.loads(data)["attempts"][0]["candidate"]
    assert shown.startswith("</script><script>alert(1)</script>") and shown.endswith("⟨U+202E⟩⟨U+D800⟩\n")


@given(st.text())
def test_visible_text_can_be_written_and_hides_nothing(text: str) -> None:
    shown = visible(text)
    shown.encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]", shown)
    assert visible(shown) == shown


def test_ordinary_lean_is_shown_as_it_is() -> None:
    text = "theorem α₁ (h : ∀ x ∈ ℝ, ‖x‖ ≤ 1) : True := by\n\ttrivial -- ⟨_, 🙂⟩"
    assert visible(text) == text


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    short = shortened("a" * 600 + "b" * 600, 100)
    assert short.startswith("a" * 50 + "\n") and short.endswith("\n" + "b" * 50)
    assert "1,100 characters are left out" in short
    assert shortened("a" * 100, 100) == "a" * 100


def test_a_name_of_any_length_stays_in_its_line() -> None:
    name = "x" * 5_000_000
    report = report_of(run_of({name: "P"}, attempts=[attempt(name, 1, "P", reason=name)]))
    assert max(len(page(report)), len(markdown(report))) < 100_000


def test_a_page_stays_within_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepprove.eval.report.page.PAGE_TEXT", 40_000)
    run = run_of(
        {"a": "P" * 20}, attempts=[attempt("a", n, "P", trace="x" * 5_000_000) for n in range(1, 21)]
    )
    text = page(report_of(run))
    assert len(text) < 100_000 < PAGE_TEXT and "more than 1,000 characters are shortened" in text


def test_everything_beside_a_number() -> None:
    report = report_of(run_of({"a": "PF", "b": "FF"}))
    beside = "2 problems × 2 attempts · budget: seconds 300 · Lean 4.28.0 (embedded, no Mathlib) · dataset sha256 abababababab"
    assert page(report).count(beside) >= 4
    assert beside in markdown(report)
    told = document(report)
    assert told["run"]["dataset"]["sha256"] == "ab" * 32 and told["run"]["budget"] == {"seconds": 300}


def test_a_blocked_run_has_no_headline_but_a_command() -> None:
    report = report_of(run_of({"a": "PPI", "b": "PP-"}))
    for text in (page(report), markdown(report)):
        assert "No score yet: the infrastructure spoiled 1 attempt and 1 attempt was never made." in text
        assert "stepprove eval retry runs/a.eval" in text
        assert "pass@" not in text and "%" not in text.partition("<main>")[2].partition("<script")[0]
    told = document(report)
    assert told["scores"]["every"] is None and told["problems"][1]["attempts"][2] is None


def test_broken_statements_stand_in_both_rows() -> None:
    text = markdown(report_of(run_of({"a": "P", "b": "F", "c": "P"}, broken={"b": "false"})))
    assert "| all problems | 3 | 2 | 66.7 % (" in text
    assert "| without 1 known to be broken | 2 | 2 | 100.0 % | 0 |" in text
    assert "b (broken: false)" in text


def test_no_mark_of_a_name_does_anything_in_markdown() -> None:
    text = markdown(report_of(hostile_run()))
    assert "<script>" not in text.replace(r"\<script\>", "")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
    assert cells[-3:] == [cells[-1]] * 3


def test_the_json_form_can_be_written_whatever_is_in_it() -> None:
    json.dumps(document(report_of(hostile_run(), HOSTILE)), ensure_ascii=False).encode()
    assert encodable({"\ud800": ("\udfff", 1, None)}) == {"?": ["?", 1, None]}


@settings(max_examples=20)
@given(finished_runs())
def test_every_finished_run_has_a_report_in_each_form(run: Run) -> None:
    report = report_of(run)
    assert page(report).count('<script type="application/json"') == len(run.problems)
    assert len(document(report)["problems"]) == len(run.problems)
    assert markdown(report).startswith("# minif2f valid core: portfolio\n")


def test_the_marks_of_an_axis_are_round() -> None:
    assert powers_of_two(20) == [1, 2, 4, 8, 16, 32]
    assert round_numbers(0.3, 4) == [0.2, 0.5, 1, 2, 5]
    assert round_numbers(3, 3) == [2, 5]
    assert len(round_numbers(1e-3, 1e6)) <= 10
    assert [amount(n) for n in (0.05, 2, 1500, 20_000, 3e6)] == ["0.05", "2", "1.5 k", "20 k", "3 M"]


@given(st.floats(1e-4, 1e9), st.floats(1, 1e9))
def test_the_marks_of_an_axis_enclose_what_is_on_it(least: float, factor: float) -> None:
    marks = round_numbers(least, least * factor)
    assert marks == sorted(marks) and len(marks) <= 16
    assert marks[-1] >= least * factor * (1 - 1e-9)


def test_lost_attempts_leave_two_bounds_and_no_other_figure() -> None:
    run = run_of({"a": "PP"}, attempts=[attempt("a", 1, "P"), attempt("a", 2, "I", tries=3)], finished=False)
    for text in (markdown(report_of(run)), page(report_of(run))):
        for said in (
            "t least, with 1 lost attempt counted as failed",
            "t most, with 1 lost attempt counted as solved",
        ):
            assert said in text
        assert "50.0 %" in text and "100.0 %" in text and "No score yet" not in text
