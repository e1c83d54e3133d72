"""The benchmarks with a name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A published set of statements."""

    name: str
    title: str
    """A description in one line."""
    splits: tuple[str, ...]
    """The first is the default."""
    origin: str
    """The default source of the statements."""
    licence: str
    """As its publisher states it, if at all."""
    header: str = "import Mathlib"
    """The header for a statement without one."""


def benchmark_called(name: str) -> Benchmark | None:
    """Return the benchmark with a name."""
    return next((benchmark for benchmark in BENCHMARKS if benchmark.name == name), None)


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
