"""The cost of giving up an engine process after a text ran a program in it.

    python benchmarks/domains.py [--texts 300] [--rounds 3]

A pool of one engine checks texts one after another, with the rule and without it in turn: first the mixed checks of
`engine.py`, which run no program; then with a macro in one text of ten. Without the rule the pool keeps such a process.
Targets: at most 3 % of the throughput where no text runs a program.
"""

from __future__ import annotations

import argparse
import statistics
import time

from engine import CHECKS
from rich.console import Console
from rich.table import Table

from stepprove.lean_project import Repl, find_engine
from stepprove.lean_project.pool.pool import SyncPool

MACRO = 'macro "go{0}" : tactic => `(tactic| rfl)\ntheorem t{0} : {0} + 0 = {0} := by go{0}'


def texts(count: int, every: int | None) -> list[str]:
    """Return mixed checks, with a macro in one of every so many."""
    return [
        (MACRO if every and n % every == 0 else CHECKS[n % len(CHECKS)]).format(n)
        for n in range(1, count + 1)
    ]


class Kept(Repl):
    """A Repl that never reports a program run."""

    @property
    def ran_programs(self) -> bool:
        """Report none."""
        return False


class KeepingPool(SyncPool):
    """A pool without the rule."""

    def _start(self) -> Repl:
        return Kept(self._engine, timeout=self._timeout, memory_limit_mb=self._limit)


def throughput(pool: SyncPool, work: list[str]) -> float:
    """Return the texts per second."""
    started = time.perf_counter()
    for text in work:
        assert pool.check(text, timeout=60).outcome == "answered"
    return len(work) / (time.perf_counter() - started)


def main() -> None:
    """Measure and print one table."""
    arguments = argparse.ArgumentParser(description="What clean engines cost.")
    arguments.add_argument("--texts", type=int, default=300)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    engine = find_engine(prefer="embedded")
    table = Table("texts", "without the rule, a second", "with it, a second", "ratio", "processes replaced")
    with KeepingPool(engine, size=1) as kept, SyncPool(engine, size=1) as clean:
        for pool in kept, clean:
            throughput(pool, texts(20, 10))  # warm, and the standby started
        for name, every in (("proofs", None), ("one in ten with a macro", 10)):
            work = texts(options.texts, every)
            before = clean.stats.touched
            pairs = [(throughput(kept, work), throughput(clean, work)) for _ in range(options.rounds)]
            ratio = statistics.median(b / a for a, b in pairs)
            without, with_it = (statistics.median(column) for column in zip(*pairs, strict=True))
            replaced = clean.stats.touched - before
            table.add_row(name, f"{without:.1f}", f"{with_it:.1f}", f"{ratio:.3f}", str(replaced))
    Console().print(table)


if __name__ == "__main__":
    main()
