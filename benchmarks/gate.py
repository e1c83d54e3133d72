"""The cost of the trust gate: its verdict on a candidate against a bare check of the same text.

    python benchmarks/gate.py [--rounds N] [--every N]

The candidates are the honest files without imports in the tests: a mix of terms, `omega`, `simp`, `decide`, `grind`, recursion
and induction. Both sides elaborate the whole candidate, in one process, in turn, in the same round. The benchmark measures the
gate with the original elaborated beforehand (as for many candidates of one original) and with it elaborated each time. A
candidate's ratio divides its medians; p50 is the median candidate's ratio.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from stepprove.lean_project import CommandResponse, Repl, find_engine
from stepprove.lean_project.gate.gate import judge
from stepprove.lean_project.source.file import read_source

HONEST = Path(__file__).parent.parent / "tests" / "data" / "honest"


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def pairs() -> list[tuple[str, str, str]]:
    found = []
    for folder in sorted(HONEST.iterdir()):
        original, candidate = (read_source(folder / f"{name}.lean") for name in ("original", "candidate"))
        if not original.imports and not candidate.imports and "example" not in original.text:
            texts = (source.text.removeprefix(source.mark) for source in (original, candidate))
            found.append((folder.name, *texts))
    return found


def measured(repl: Repl, original: str, candidate: str) -> list[tuple[str, float]]:
    repl.renew_after_programs()  # as before each text of a pool
    base = answered(repl, "")
    before = answered(repl, original, base.env)

    def known() -> None:
        judgement = judge(repl, original, candidate, env=base.env, before=before)
        assert judgement.accepted, judgement.reason

    def whole() -> None:
        repl.command("-- something else", base.env)  # so that the original is not fresh in memory
        judge(repl, original, candidate, env=base.env)

    bare = timed(lambda: repl.command(candidate, base.env, reuse=False))
    return [("bare", bare), ("known", timed(known)), ("whole", timed(whole))]


def answered(repl: Repl, text: str, env: int | None = None) -> CommandResponse:
    answer = repl.command(text, env, reuse=False)
    assert isinstance(answer, CommandResponse)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--every", type=int, default=1, help="measure one candidate in so many")
    arguments = parser.parse_args()
    rounds, cases = arguments.rounds, pairs()[:: arguments.every]
    seconds: dict[tuple[str, str], list[float]] = {}
    with Repl(find_engine(prefer="embedded"), timeout=120) as repl:
        for turn in range(rounds + 1):
            for name, original, candidate in cases:
                for kind, took in measured(repl, original, candidate):
                    if turn:  # the first round warms
                        seconds.setdefault((name, kind), []).append(took)
            if repl.memory_mb() > 1200:
                repl.restart()
    median = {key: statistics.median(values) for key, values in seconds.items()}
    print(f"{'candidate':<28} {'bare ms':>8} {'gate':>6} {'gate, original anew':>20}")
    for name, _, _ in cases:
        bare_ms = 1e3 * median[name, "bare"]
        ratios = [median[name, kind] / median[name, "bare"] for kind in ("known", "whole")]
        print(f"{name:<28} {bare_ms:8.1f} {ratios[0]:6.2f} {ratios[1]:20.2f}")
    for kind, words in (("known", "original elaborated before"), ("whole", "original elaborated each time")):
        each = sorted(median[name, kind] / median[name, "bare"] for name, _, _ in cases)
        total = sum(median[name, kind] for name, _, _ in cases) / sum(
            median[name, "bare"] for name, _, _ in cases
        )
        print(
            f"gate / bare check, {words}: p50 {statistics.median(each):.2f}, p90 {each[int(0.9 * len(each))]:.2f}, "
            f"all together {total:.2f} ({len(cases)} candidates, {rounds} rounds)"
        )


if __name__ == "__main__":
    main()
