"""The overhead of `Repl` over a bare pipe, in ms a command, with the tests' scripted process.

    python benchmarks/wrapper.py [--commands N] [--runs N]

The bare pipe writes a request and reads its answer up to a blank line, without parsing it; `PopenSpawn` is
pexpect's own, which `Repl` does not use. `request` also decodes the JSON and applies `Repl`'s guards; `command`
also returns a typed answer. Runs are interleaved, each in its own process, and the medians of all commands
compared. Target: 1 ms a command.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pexpect.popen_spawn import PopenSpawn
from rich.console import Console
from rich.table import Table

from stepprove.lean_project import Repl

COMMAND = [sys.executable, str(Path(__file__).parents[1] / "tests" / "lean_project" / "scripted_repl.py")]
SIZES = {"100 B": 100, "10 kB": 10_000, "1 MB": 1_000_000, "10 MB": 10_000_000}


def timed(ask: Callable[[], object], count: int) -> list[float]:
    """Return the time of each call, in ms, after one that does not count."""
    ask()
    times = []
    for _ in range(count):
        started = time.perf_counter()
        ask()
        times.append((time.perf_counter() - started) * 1000)
    return times


def bare_pipe(code: str, count: int) -> list[float]:
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        stdin, stdout = process.stdin, process.stdout
        request = json.dumps({"cmd": code}).encode() + b"\n\n"

        def ask() -> None:
            stdin.write(request)
            stdin.flush()
            while stdout.readline() != b"\n":
                pass

        times = timed(ask, count)
        process.kill()
    return times


def popen_spawn(code: str, count: int) -> list[float]:
    spawn = PopenSpawn(COMMAND, timeout=60, maxread=1 << 20)
    request = json.dumps({"cmd": code}) + "\n\n"

    def ask() -> None:
        spawn.send(request)
        spawn.expect_exact([b"\n\n"])

    times = timed(ask, count)
    spawn.kill(signal.SIGKILL)
    spawn.wait()
    return times


def raw_request(code: str, count: int) -> list[float]:
    with Repl(COMMAND) as repl:
        return timed(lambda: repl.request({"cmd": code}), count)


def typed_command(code: str, count: int) -> list[float]:
    with Repl(COMMAND) as repl:
        return timed(lambda: repl.command(code), count)


def limited_command(code: str, count: int) -> list[float]:
    with Repl(COMMAND, memory_limit_mb=4000) as repl:
        return timed(lambda: repl.command(code), count)


WAYS = {
    "bare pipe": bare_pipe,
    "PopenSpawn": popen_spawn,
    "request": raw_request,
    "command": typed_command,
    "command, memory limit": limited_command,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--commands", type=int, default=200, help="commands a run; a tenth for 10 MB")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()

    table = Table(title="ms a command, median", caption="in brackets: more than the bare pipe")
    table.add_column("answer")
    for way in WAYS:
        table.add_column(way, justify="right")
    for label, size in SIZES.items():
        count = max(1, options.commands // (10 if size > 1_000_000 else 1))
        times: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(options.runs):
            for way, run in WAYS.items():
                times[way] += run(f"size {size}", count)
        medians = {way: statistics.median(of) for way, of in times.items()}
        bare = medians["bare pipe"]
        table.add_row(
            label, f"{bare:.3f}", *(f"{ms:.3f} ({ms - bare:+.3f})" for ms in list(medians.values())[1:])
        )
    Console().print(table)


if __name__ == "__main__":
    main()
