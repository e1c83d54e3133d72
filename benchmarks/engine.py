"""Measure the embedded engine: start, warm checks, memory, replacement after a kill.

    python benchmarks/engine.py [--checks 500] [--starts 5]

Targets: spawn to first answer 3 s; warm check p50 40 ms, p95 200 ms over 500 mixed checks; resident memory 0.9 GB
after them; a killed engine's replacement answers within 1 s.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import time

from rich.console import Console
from rich.table import Table

from stepprove.lean_project import Repl, ReplFailure
from stepprove.lean_project.engines.find import find_engine

# One of each kind of work; the number makes each text new.
CHECKS = (
    "theorem t{0} (p q : Prop) (hp : p) (hq : q) : p ∧ q := ⟨hp, hq⟩",
    "theorem t{0} : {0} + 0 = {0} := rfl",
    "theorem t{0} (a b : Nat) (h : a < b + {0}) : a ≤ b + {0} := by omega",
    "theorem t{0} (xs : List Nat) : (xs ++ []).length + {0} = xs.length + {0} := by simp",
    "theorem t{0} (a b : Int) : (a + b) * (a - b) = a * a - b * b + {0} - {0} := by grind",
    "theorem t{0} : (2 ^ 10 + {0}) % 7 = (1024 + {0}) % 7 := by decide",
    "def f{0} : Nat → Nat | 0 => {0} | n + 1 => f{0} n + 2\n"
    "theorem t{0} (n : Nat) : f{0} n = 2 * n + {0} := by\n"
    "  induction n with\n  | zero => rfl\n  | succ n ih => simp [f{0}, ih]; omega",
    "theorem t{0} (n : Nat) : n < {0} := by omega",
    "theorem t{0} (p q r : Prop) : (p → q) → (q → r) → p → r := by intro f g x; exact g (f x)",
    "example (n : Nat) (h : n % 4 = {0} % 4) : n % 2 = {0} % 2 := by omega",
)


def main() -> None:
    """Measure and print one table."""
    arguments = argparse.ArgumentParser(description="The embedded engine's figures.")
    arguments.add_argument("--checks", type=int, default=500)
    arguments.add_argument("--starts", type=int, default=5)
    options = arguments.parse_args()
    engine = find_engine(prefer="embedded")

    starts = []
    for _ in range(options.starts):
        began = time.perf_counter()
        with Repl(engine) as repl:
            repl.command("example : 1 = 1 := rfl")
            starts.append(time.perf_counter() - began)

    with Repl(engine, standby=True) as repl:
        repl.command("example : 1 = 1 := rfl")
        fresh = repl.memory_mb()
        times = []
        for number in range(options.checks):
            code = CHECKS[number % len(CHECKS)].replace("{0}", str(number))
            began = time.perf_counter()
            repl.command(code)
            times.append(1000 * (time.perf_counter() - began))
        used = repl.memory_mb()
        times.sort()
        replaced = []
        for _ in range(3):
            time.sleep(6)  # let the standby become ready
            if repl.pid is not None:
                os.kill(repl.pid, signal.SIGKILL)
            began = time.perf_counter()
            with contextlib.suppress(ReplFailure):  # the request that notices the death
                repl.command("example : 1 = 1 := rfl")
            repl.command("example : 1 = 1 := rfl")
            replaced.append(time.perf_counter() - began)

    table = Table(title=f"embedded engine, Lean {engine.lean_version}, {os.cpu_count()} cores")
    table.add_column("figure")
    table.add_column("measured", justify="right")
    table.add_column("target", justify="right")
    start = statistics.median(starts)
    table.add_row(f"spawn to first answer, median of {len(starts)}", f"{start:.2f} s", "3 s")
    table.add_row(f"warm check p50 of {len(times)}", f"{times[len(times) // 2]:.0f} ms", "40 ms")
    table.add_row(f"warm check p95 of {len(times)}", f"{times[int(len(times) * 0.95)]:.0f} ms", "200 ms")
    table.add_row("memory after the first check", f"{fresh:.0f} MB", "")
    table.add_row(f"memory after {len(times)} checks", f"{used:.0f} MB", "900 MB")
    table.add_row("killed, next answer, median of 3", f"{statistics.median(replaced):.2f} s", "1 s")
    Console().print(table)


if __name__ == "__main__":
    main()
