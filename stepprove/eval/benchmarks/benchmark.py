"""The benchmarks that are known by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A published set of statements."""

    name: str
    title: str
    """What it is, in a line."""
    splits: tuple[str, ...]
    """The first is what is taken when none is named."""
    origin: str
    """Where its statements are read from when no place is named."""
    licence: str
    """As far as its publisher states one."""
    header: str = "import Mathlib"
    """Stands above a statement whose record has no header."""


def benchmark_called(name: str) -> Benchmark | None:
    """The benchmark of a name."""
    return next((each for each in BENCHMARKS if each.name == name), None)


BENCHMARKS = (
    Benchmark(
        "minif2f",
        "miniF2F in Lean 4: competition problems and the MATH data set",
        ("valid", "test"),
        "https://github.com/yangky11/miniF2F-lean4",
        "MIT",
        "import Mathlib\n\nset_option maxHeartbeats 0\n\nopen BigOperators Real Nat Topology Rat",
    ),
    Benchmark(
        "formalmath_lite",
        "FormalMATH-Lite: high-school and undergraduate problems",
        ("all",),
        "SphereLab/FormalMATH-Lite",
        "not stated for the data set (the code is Apache-2.0)",
    ),
    Benchmark(
        "proverbench",
        "ProverBench: AIME 24 and 25, and textbook problems",
        ("all",),
        "deepseek-ai/DeepSeek-ProverBench",
        "not stated",
    ),
)
