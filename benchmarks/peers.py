"""`Repl` and the pool beside LeanInteract's clients and Kimina Lean Server's pool, all on the same scripted REPL.

    git clone https://github.com/project-numina/kimina-lean-server KIMINA
    python -m venv PEERS
    PEERS/bin/pip install lean-interact==0.11.6 kimina-client==0.2.1 \\
        loguru psutil pydantic-settings rich google-cloud-logging
    python benchmarks/peers.py --peers PEERS/bin/python --kimina KIMINA [--commands N] [--rounds N]

The REPL is the tests' scripted process behind a `lake` that only runs it, so the figures are those of the clients; like
upstream's, it prints an answer over many lines. Sequential: send a command and read its answer, N times; the figure is the median
time beyond that of a bare pipe. Concurrent: N commands through a pool of two REPLs. Each client runs in its own process, the
clients of a round one after another; the medians over the rounds count. Kimina's server runs without its log and database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

SCRIPTED = Path(__file__).parents[1] / "tests" / "lean_project" / "scripted_repl.py"
SIZES = {"100 B": 100, "10 kB": 10_000, "100 kB": 100_000}
ENGINES = 2


def lay_out(folder: Path) -> None:
    """A Lake project with the scripted REPL built, and `lake` on a PATH."""
    (folder / "lean-toolchain").write_text("leanprover/lean4:v4.28.0\n")
    (folder / "lakefile.toml").write_text('name = "REPL"\n')
    for path, text in (
        (
            folder / "bin" / "lake",
            '#!/bin/sh\nif [ "$1" = env ]; then shift; exec "$@"; fi\necho "Lake version 5.0.0"\n',
        ),
        (folder / ".lake" / "build" / "bin" / "repl", f'#!/bin/sh\nexec "{sys.executable}" "{SCRIPTED}"\n'),
    ):
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)


def command(folder: Path) -> list[str]:
    return [str(folder / "bin" / "lake"), "env", str(folder / ".lake" / "build" / "bin" / "repl")]


# One client each: the times of calls one after another, or the time of many at once. `codes` are the commands.


def bare_pipe(folder: Path, codes: list[str]) -> list[float]:
    with subprocess.Popen(command(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        stdin, stdout = process.stdin, process.stdout

        def ask(code: str) -> None:
            stdin.write(json.dumps({"cmd": code}).encode() + b"\n\n")
            stdin.flush()
            while stdout.readline() != b"\n":
                pass

        times = timed(ask, codes)
        process.kill()
    return times


def stepprove_repl(folder: Path, codes: list[str]) -> list[float]:
    from stepprove.lean_project import Repl

    with Repl(command(folder)) as repl:
        return timed(repl.command, codes)


def stepprove_pool(folder: Path, codes: list[str]) -> list[float]:
    from stepprove.lean_project.pool.pool import SyncPool

    with SyncPool(command(folder), size=ENGINES, standby=0) as pool:
        list(pool.check_all(codes[:ENGINES]))
        started = time.perf_counter()
        assert sum(check.outcome == "answered" for _, check in pool.check_all(codes)) == len(codes)
        return [time.perf_counter() - started]


def lean_interact_config(folder: Path) -> Any:
    from lean_interact import LeanREPLConfig

    return LeanREPLConfig(local_repl_path=folder, build_repl=False, lake_path=folder / "bin" / "lake")


def lean_interact_server(folder: Path, codes: list[str]) -> list[float]:
    from lean_interact import Command, LeanServer

    with LeanServer(lean_interact_config(folder)) as server:
        return timed(lambda code: server.run(Command(cmd=code)), codes)


def lean_interact_auto_server(folder: Path, codes: list[str]) -> list[float]:
    from lean_interact import AutoLeanServer, Command

    with AutoLeanServer(lean_interact_config(folder)) as server:
        return timed(lambda code: server.run(Command(cmd=code)), codes)


def lean_interact_pool(folder: Path, codes: list[str]) -> list[float]:
    from lean_interact import Command
    from lean_interact.pool import LeanServerPool

    with LeanServerPool(lean_interact_config(folder), num_workers=ENGINES) as pool:
        pool.run_batch([Command(cmd=code) for code in codes[:ENGINES]])
        started = time.perf_counter()
        answers = pool.run_batch([Command(cmd=code) for code in codes])
        assert len(answers) == len(codes) and not any(isinstance(a, Exception) for a in answers)
        return [time.perf_counter() - started]


def kimina_manager(folder: Path) -> Any:
    os.environ |= {
        "LEAN_SERVER_ENVIRONMENT": "prod",
        "LEAN_SERVER_REPL_PATH": str(folder / ".lake" / "build" / "bin" / "repl"),
        "LEAN_SERVER_PROJECT_DIR": str(folder),
        "LEAN_SERVER_MAX_REPLS": str(ENGINES),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
    }
    sys.path.insert(0, os.environ["KIMINA"])
    if sys.version_info < (3, 12):  # its client's models want the newer TypedDict
        import typing

        import typing_extensions

        typing.TypedDict = typing_extensions.TypedDict  # type: ignore[assignment]
    database = types.ModuleType("server.prisma_client")
    database.prisma = None  # type: ignore[attr-defined]
    sys.modules["server.prisma_client"] = database
    from loguru import logger
    from server.manager import Manager

    logger.remove()
    return Manager()


async def kimina_ask(manager: Any, code: str) -> None:
    """Check one text as the server's route `check` does."""
    from kimina_client import Snippet

    repl = await manager.get_repl("", "id", 600)
    await manager.prep(repl, "id", 60, False)
    answer = await repl.send_timeout(Snippet(id="id", code=code), 60)
    assert answer.response is not None
    await manager.release_repl(repl)


def kimina_one(folder: Path, codes: list[str]) -> list[float]:
    async def run() -> list[float]:
        manager = kimina_manager(folder)
        await kimina_ask(manager, codes[0])
        times = []
        for code in codes:
            started = time.perf_counter()
            await kimina_ask(manager, code)
            times.append(time.perf_counter() - started)
        await manager.cleanup()
        return times

    return asyncio.run(run())


def kimina_pool(folder: Path, codes: list[str]) -> list[float]:
    async def run() -> list[float]:
        manager = kimina_manager(folder)

        async def all_of(some: list[str]) -> None:
            requests: list[Coroutine[Any, Any, None]] = [kimina_ask(manager, code) for code in some]
            await asyncio.gather(*requests)

        await all_of(codes[:ENGINES])
        started = time.perf_counter()
        await all_of(codes)
        took = time.perf_counter() - started
        await manager.cleanup()
        return [took]

    return asyncio.run(run())


ONE = {
    "bare pipe": bare_pipe,
    "stepprove Repl": stepprove_repl,
    "LeanInteract LeanServer": lean_interact_server,
    "LeanInteract AutoLeanServer": lean_interact_auto_server,
    "Kimina, pool of its server": kimina_one,
}
MANY = {
    "stepprove SyncPool": stepprove_pool,
    "LeanInteract LeanServerPool": lean_interact_pool,
    "Kimina, pool of its server": kimina_pool,
}


def timed(ask: Callable[[str], object], codes: list[str]) -> list[float]:
    ask(codes[0])
    times = []
    for code in codes:
        started = time.perf_counter()
        ask(code)
        times.append(time.perf_counter() - started)
    return times


def run_client(python: str, kimina: str, kind: str, name: str, size: int, count: int) -> list[float]:
    """Return one client's times, in s, measured in its own process."""
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            [python, __file__, "--client", json.dumps([kind, name, folder, size, count])],
            env={**os.environ, "KIMINA": kimina},
            capture_output=True,
            text=True,
            check=False,
        )
    if ended.returncode != 0:
        sys.exit(f"{name}: {ended.stderr[-1500:]}")
    times: list[float] = json.loads(ended.stdout.splitlines()[-1])
    return times


def client(kind: str, name: str, folder: str, size: int, count: int) -> None:
    lay_out(Path(folder))
    ways = ONE if kind == "one" else MANY
    print(json.dumps(ways[name](Path(folder), [f"lines {size} {n}" for n in range(count)])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", help="the Python that has the peers")
    parser.add_argument("--kimina", default="", help="a checkout of kimina-lean-server")
    parser.add_argument("--commands", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--client", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        client(*json.loads(options.client))
        return
    from rich.console import Console
    from rich.table import Table

    def measure(kind: str, name: str, size: int) -> list[float]:
        python = sys.executable if name.startswith(("stepprove", "bare")) else options.peers
        return run_client(python, os.path.abspath(options.kimina), kind, name, size, options.commands)

    one = Table(title="one after another: ms a command beyond the bare pipe (commands a second)")
    many = Table(title=f"through a pool of {ENGINES}: commands a second")
    for table in (one, many):
        table.add_column("client")
        for label in SIZES:
            table.add_column(label, justify="right")
    spent: dict[tuple[str, str], list[float]] = {}
    for label, size in SIZES.items():
        for _ in range(options.rounds):
            for name in ONE:
                spent.setdefault((name, label), []).append(statistics.median(measure("one", name, size)))
    for name in ONE:
        cells = []
        for label in SIZES:
            mean, bare = statistics.median(spent[name, label]), statistics.median(spent["bare pipe", label])
            cells.append(f"{1000 * (mean - bare):.3f} ({1 / mean:.0f})")
        one.add_row(name, *cells)
    rates: dict[tuple[str, str], list[float]] = {}
    for label, size in SIZES.items():
        for _ in range(options.rounds):
            for name in MANY:
                rates.setdefault((name, label), []).append(options.commands / measure("many", name, size)[0])
    for name in MANY:
        many.add_row(name, *(f"{statistics.median(rates[name, label]):.0f}" for label in SIZES))
    console = Console()
    console.print(one)
    console.print(many)


if __name__ == "__main__":
    main()
