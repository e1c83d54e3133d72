"""A report's size, the time to make it, and a browser's time to open, sort and search it.

    python benchmarks/report_size.py [--problems 1250] [--attempts 8] [--trace 20000]

The run is synthetic: the benchmark measures the page, not a prover. It needs playwright and an installed Chromium.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from stepprove.eval.records.record import Attempt, BenchmarkProblem, Dataset, Run
from stepprove.eval.report.page import page
from stepprove.eval.report.report import Report
from stepprove.eval.scoring.scores import score
from stepprove.outcome import Outcome

TARGET_SECONDS = 3.0
"""Seconds from the file to a usable page."""


def run_of(problems: int, attempts: int, trace: int) -> Run:
    """Return a run whose attempts each have a proof, an error and a trace of `trace` characters."""
    draw = random.Random(0)
    words = [
        "have",
        "h₀",
        ":",
        "x",
        "≠",
        "0",
        ":=",
        "by",
        "nlinarith",
        "[sq_nonneg",
        "(x",
        "-",
        "1)]",
        "--",
        "so",
        "simp",
    ]
    text = " ".join(draw.choice(words) for _ in range(trace // 4 + 100))
    ends = [Outcome.PROVED, Outcome.FAILED, Outcome.TIMEOUT, Outcome.REJECTED]
    names = [f"mathd_algebra_{n}" for n in range(problems)]

    def attempt(name: str, epoch: int) -> Attempt:
        start = draw.randrange(100)
        cost = draw.randint(1, 32)
        return Attempt(
            problem=name,
            epoch=epoch,
            outcome=draw.choices(ends, (4, 4, 1, 1))[0],
            reason="as Lean said",
            candidate=f"theorem {name} : True := by\n  {text[start : start + 600]}",
            errors=("linarith failed to find a contradiction\nx : ℝ\n⊢ False",),
            interactions=cost,
            tokens=400 * cost,
            seconds=cost * draw.uniform(0.5, 20),
            trace=f"<sketch>\n{text[start : start + trace]}\n</sketch>",
        )

    return Run(
        id="made-up",
        task="report_size",
        dataset=Dataset(
            name="made up", split="all", subset=None, origin="-", revision=None, sha256="0" * 64, licence="-"
        ),
        policy="model",
        model="none",
        budget={"seconds": 300},
        epochs=attempts,
        engine="none",
        versions={},
        started=datetime.now(UTC),
        finished=True,
        problems=tuple(
            BenchmarkProblem(name=name, source=f"theorem {name} : True := by\n  sorry") for name in names
        ),
        attempts=tuple(attempt(name, epoch) for name in names for epoch in range(1, attempts + 1)),
    )


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> None:
    """Make, open and use the page; print the times."""
    arguments = argparse.ArgumentParser(description="The size and the speed of a report.")
    arguments.add_argument("--problems", type=int, default=1250)
    arguments.add_argument("--attempts", type=int, default=8)
    arguments.add_argument("--trace", type=int, default=20_000, help="characters of each attempt's trace")
    chosen = arguments.parse_args()
    run = run_of(chosen.problems, chosen.attempts, chosen.trace)
    print(f"{chosen.problems:,} problems x {chosen.attempts} attempts, traces of {chosen.trace:,} characters")
    began = time.perf_counter()
    scores = score(run)
    counted = time.perf_counter()
    text = page(Report(run, scores, "run.eval"))
    written = time.perf_counter()
    print(
        f"counted in {counted - began:.1f} s, page made in {written - counted:.1f} s, {len(text.encode()) / 1e6:.1f} MB"
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder) / "report.html"
        file.write_text(text, encoding="utf-8")
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        shown = browser.new_page()
        shown.set_default_timeout(120_000)
        count = shown.locator("#shown")

        def find(words: str, left: str) -> None:
            shown.fill("#text", words)
            expect(count).to_have_text(left, timeout=120_000)

        everything = f"{chosen.problems:,} problems"
        opened = seconds(
            lambda: (shown.goto(file.as_uri()), expect(count).to_have_text(everything, timeout=120_000))
        )
        print(f"opened in {opened:.1f} s (target {TARGET_SECONDS:g} s)")
        print(f"sorted in {seconds(lambda: shown.locator('#list th button').nth(2).click()):.1f} s")
        print(f"searched in {seconds(lambda: find('no such words', f'0 of {everything}')):.1f} s")
        find("", everything)
        unfolded = seconds(
            lambda: (
                shown.locator("td.name button").first.click(),
                shown.locator("tr.more pre").first.wait_for(),
            )
        )
        print(f"a problem unfolded in {unfolded:.1f} s")
        browser.close()


if __name__ == "__main__":
    main()
