"""The overhead of an evaluation: wall-clock time over engine time, and memory for many samples.

    python benchmarks/eval_overhead.py minif2f_valid.jsonl
    python benchmarks/eval_overhead.py --samples 10000

The first command proves the core statements four times each on one Lean process, with a scripted model that answers at once:
the statement with `omega` as its proof. The second makes many attempts at one statement. A server in this process scripts the
model, so its time and memory count towards the harness.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from scripted_prover import ScriptedProver

from stepprove.eval.benchmarks.registry import benchmark_called
from stepprove.eval.records.log import read_run
from stepprove.eval.run import evaluate
from stepprove.eval.setup import Selection, Setup
from stepprove.lean_project import find_engine
from stepprove.lean_project.pool.pool import SyncPool

EASY = {"name": "easy", "formal_statement": "theorem easy (a b : ℕ) : a + b = b + a := by sorry"}


def answer(body: dict[str, Any]) -> tuple[str, float]:
    """Answer at once with the prompt's last statement, proved by `omega`."""
    statement = body["prompt"].split("```lean4\n")[-1].split("\n```")[0]
    return f"</think>\n```lean4\n{statement}\n  omega\n```", 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", nargs="?", help="miniF2F's valid split")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--samples", type=int, help="attempts at one statement instead")
    given = parser.parse_args()
    if (given.path is None) == (given.samples is None):
        parser.error("either a file of statements or --samples")
    server = ScriptedProver()
    model = server.play("quick")
    server.scripts["quick"] = answer
    engine = find_engine(prefer="embedded")
    benchmark = benchmark_called("minif2f")
    assert benchmark is not None
    with tempfile.TemporaryDirectory() as folder, SyncPool(engine, size=1) as pool:
        data = given.path
        if data is None:
            data = str(Path(folder) / "easy.jsonl")
            Path(data).write_text(json.dumps(EASY) + "\n")
        setup = Setup(
            benchmark="minif2f",
            split="valid",
            subset="core",
            path=data,
            policy="model",
            model=model,
            style="tir",
            time_limit=3600.0,
        )
        pool.check("example : True := trivial")  # Lean has started
        before, started = pool.stats.busy_seconds, time.monotonic()
        log = evaluate(
            benchmark, setup, Selection(epochs=given.samples or given.epochs), engine, Path(folder), lent=pool
        )
        clock, busy = time.monotonic() - started, pool.stats.busy_seconds - before
        run = read_run(log)
        proved = sum(attempt.outcome == "proved" for attempt in run.attempts)
        size = log.stat().st_size
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    server.close()
    print(f"{engine.kind} Lean {engine.lean_version}; {len(run.attempts)} attempts, {proved} proved")
    print(f"clock {clock:.1f} s, engine {busy:.1f} s: {clock / busy:.3f} times the engine's own time")
    print(f"most memory of this process {most / 1e6:.0f} MB, log {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
