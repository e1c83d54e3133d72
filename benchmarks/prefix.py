"""A file of 60 theorems checked one hole at a time, through the pool, against re-checking from the top.

    python benchmarks/prefix.py [--theorems N] [--runs N]

For k = 1, 2, … it checks the text up to theorem k with holes 1 to k filled, as when a search fills holes in order. `embedded`
lets the engine reuse elaborated commands; `chunks` treats the same Lean as a community REPL, for which the pool keeps the
environments; `from the top` elaborates every command each time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace

from stepprove.lean_project import CommandResponse, Engine, Repl, find_engine
from stepprove.lean_project.pool.pool import SyncPool

SHAPES = (
    "theorem t{n} (a b c : Nat) (h : a < b) : a + c + {n} < b + c + {n} := by\n  omega\n",
    "theorem t{n} (xs : List Nat) : (xs ++ []).length + {n} = xs.length + {n} := by\n  simp\n",
    "theorem t{n} (p q : Prop) (h : p ∧ q) : q ∧ p ∧ {n} = {n} := by\n  exact ⟨h.2, h.1, rfl⟩\n",
    "theorem t{n} (f : Nat → Nat) (a b : Nat) (h : a = b) : f a + {n} = f b + {n} := by\n  grind\n",
)


def texts(count: int) -> list[str]:
    theorems = [SHAPES[n % len(SHAPES)].format(n=n) for n in range(count)]
    return ["import Std\n\n" + "\n".join(theorems[: k + 1]) for k in range(count)]


def through_pool(engine: Engine, files: list[str]) -> float:
    with SyncPool(engine, size=1, timeout=120) as pool:
        pool.check("import Std\n")
        started = time.perf_counter()
        for text in files:
            check = pool.check(text)
            assert isinstance(check.answer, CommandResponse), check
            assert not check.answer.has_errors, check.answer.messages
        return time.perf_counter() - started


def from_the_top(engine: Engine, files: list[str]) -> float:
    with Repl(engine, timeout=120) as repl:
        repl.command("import Std\n")
        started = time.perf_counter()
        for text in files:
            answer = repl.command(text, reuse=False)
            assert isinstance(answer, CommandResponse)
            assert not answer.has_errors
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--theorems", type=int, default=60)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    engine = find_engine(prefer="embedded")
    files = texts(arguments.theorems)
    seconds: dict[str, list[float]] = {"from the top": [], "embedded": [], "chunks": []}
    for _ in range(arguments.runs):
        seconds["from the top"].append(from_the_top(engine, files))
        seconds["embedded"].append(through_pool(engine, files))
        seconds["chunks"].append(through_pool(replace(engine, supports_inspect=False), files))
    top = statistics.median(seconds["from the top"])
    print(f"{len(files)} theorems, one hole at a time, medians of {arguments.runs} runs")
    for name, taken in seconds.items():
        print(
            f"{name:<14} {statistics.median(taken):8.2f} s   {top / statistics.median(taken):6.1f} times as fast"
        )


if __name__ == "__main__":
    main()
