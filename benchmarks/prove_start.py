"""The time of a second, identical `stepprove prove` on an unchanged file with one hole, which is mostly its start.

    python benchmarks/prove_start.py [--runs 5]

Target: 4 s.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Run it once to warm up, then `--runs` times; print the median."""
    arguments = argparse.ArgumentParser(description="The start of a second `stepprove prove`.")
    arguments.add_argument("--runs", type=int, default=5)
    runs = arguments.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "one.lean"
        file.write_text("theorem t (n : Nat) : n + 0 = n := by sorry\n")
        command = [sys.executable, "-c", "from stepprove.cli.main import run; run()", "prove", str(file)]
        times = []
        for number in range(runs + 1):
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if number:
                times.append(time.perf_counter() - began)
    print(f"second and later runs: median {statistics.median(times):.2f} s of {runs} (target 4 s)")


if __name__ == "__main__":
    main()
