"""The core subset of miniF2F: python benchmarks/core.py STATEMENTS.jsonl [--time-limit S] [--jobs N] [--log
FILE].
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stepprove.agent.core_bench import Row, run_core, table
from stepprove.lean_project.toolchain import find_engine


def show(row: Row) -> None:
    print(
        f"{row.outcome.value:<9} {row.seconds:6.1f} s  {row.name}  {row.found_by or row.reason or ''}"[:160],
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("statements", type=Path)
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds for each statement")
    parser.add_argument("--jobs", type=int, default=2, help="Lean processes at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=(), help="names of statements")
    parser.add_argument("--log", type=Path, default=Path("core.jsonl"), help="a line for each statement")
    options = parser.parse_args()
    report = run_core(
        options.statements,
        find_engine(prefer="embedded"),
        time_limit=options.time_limit,
        jobs=options.jobs,
        seed=options.seed,
        names=options.only,
        log=options.log,
        listen=show,
    )
    print("\n".join(table(report)))


if __name__ == "__main__":
    main()
