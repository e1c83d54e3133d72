"""Time and memory of the formalizer's data stages without model and Lean: the ledger, and building a dataset.

`python benchmarks/formalizer_stream.py [--records N ...]`: for each N, a new process makes N records, runs them
through a stage whose worker answers at once, builds the dataset, and reports its peak memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stepprove.formalizer.dataset.dataset import BuildOptions, build
from stepprove.formalizer.dataset.decontaminate import Benchmarks, KnownProblem
from stepprove.formalizer.dataset.ledger import Ledger
from stepprove.formalizer.dataset.stage import StageResult, run_stage
from stepprove.formalizer.equivalence.pairs import Pair


def record(number: int) -> str:
    """Return a unique pair."""
    problem = f"Let n be a natural number greater than {number}. Show that n + {number % 97} is greater than {number}."
    formal = f"theorem t_{number} (n : Nat) (h : {number} < n) : {number} < n + {number % 97} := by sorry"
    return json.dumps({"name": f"p{number}", "problem": problem, "formal_statement": formal})


def measure(records: int) -> None:
    """Print one row."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with (home / "in.jsonl").open("w") as file:
            file.writelines(record(number) + "\n" for number in range(records))

        async def keep(pair: Pair) -> StageResult:
            return StageResult(pair, "short" if pair.problem.endswith("7.") else None)

        started = time.monotonic()
        with Ledger(home / "l.sqlite", {}) as ledger:
            asyncio.run(run_stage(home / "in.jsonl", Pair, ledger, home / "pairs.jsonl", keep))
        stage = time.monotonic() - started
        benchmarks = Benchmarks()
        benchmarks.add(
            KnownProblem("other", f"b{n}", f"Another problem {n} of many words in a row", None)
            for n in range(1000)
        )
        started = time.monotonic()
        build([home / "pairs.jsonl"], home / "set", benchmarks, BuildOptions())
        made = time.monotonic() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {records:,} | {stage:.0f} s | {made:.0f} s | {memory:.0f} MB |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        measure(options.one)
        return
    print("| records | stage | dataset | most memory |\n|---|---|---|---|", flush=True)
    for records in options.records:
        subprocess.run([sys.executable, __file__, "--one", str(records)], check=True)


if __name__ == "__main__":
    main()
