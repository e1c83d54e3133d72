"""Many mixed checks through the pool while engines are killed: each job's outcome, and the use of the engines.

    python benchmarks/pool.py [--jobs N] [--engines N] [--kills N]

Of the jobs, 1 % run past their deadline (1.5 s) and 1 % allocate without end; the others are proofs, wrong proofs and texts with
imports. Meanwhile the benchmark kills engines with -9 at random. The pool must answer every job exactly once: runaways with
`timeout`, bombs with `memory`, right texts with `answered` and no error, wrong ones with an error.

The throughput is a ratio to bare engine time. As many plain `Repl`s as the pool has engines, each in its own thread, first work
through a sample of the same mixture. Their mean seconds a job, with and without the process starts that runaways and bombs force,
times all jobs, over engines x elapsed seconds, is the ratio. The difference to 1 is the pool's own work, jobs that a kill cut
short, and (in the second figure) the CPU time of replacing processes.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress

from rich.progress import track

from stepprove.lean_project import CommandResponse, Repl, ReplMemory, ReplTimeout, find_engine
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import Check, SyncPool

DEADLINE = 1.5
MEMORY_LIMIT_MB = 1600
SAMPLE = 800
RUNAWAY = "partial def spin (n : Nat) : IO Unit := spin (n + 1)\n#eval spin {n}\n"
BOMB = (
    "def big : Nat → String → String | 0, s => s | n + 1, s => big n (s ++ s)\n"
    "partial def grow (kept : Array String) (s : String) : IO Unit := do\n"
    '  IO.sleep 50; grow (kept.push (s ++ "{n}")) s\n'
    f'#eval grow #[] (big 18 "{"a" * 64}")\n'
)
RIGHT = (
    "theorem t{n} (a b c : Nat) (h : a < b) : a + c + {n} < b + c + {n} := by omega\n",
    "theorem t{n} (xs : List Nat) : (xs ++ []).length + {n} = xs.length + {n} := by simp\n",
    "theorem t{n} (p q : Prop) (h : p ∧ q) : q ∧ p ∧ {n} = {n} := ⟨h.2, h.1, rfl⟩\n",
    "theorem t{n} (f : Nat → Nat) (a b : Nat) (h : a = b) : f a + {n} = f b + {n} := by grind\n",
    "import Std\ntheorem t{n} (m : Nat) : m + {n} = {n} + m := by omega\n",
    "def f{n} : Nat → Nat | 0 => {n} | k + 1 => f{n} k\ntheorem t{n} (k : Nat) : f{n} k = {n} := by\n"
    "  induction k with\n  | zero => rfl\n  | succ k ih => simpa [f{n}] using ih\n",
)
WRONG = ("theorem t{n} : {n} + 1 = {n} := by omega\n", "theorem t{n} : {n} = {n} + 1 := rfl\n")


def mixed(jobs: int, seed: int) -> list[tuple[str, str]]:
    """Return (expected outcome, text) of each job, in random order."""
    made = [("timeout", RUNAWAY.format(n=n)) for n in range(jobs // 100)]
    made += [("memory", BOMB.replace("{n}", str(n))) for n in range(jobs // 100)]
    for n in range(jobs - len(made)):
        kind, shapes = ("wrong", WRONG) if n % 10 == 0 else ("right", RIGHT)
        made.append((kind, shapes[n % len(shapes)].format(n=n)))
    random.Random(seed).shuffle(made)
    return made


def became(check: Check) -> str:
    """Return a job's outcome in the terms of `mixed`."""
    if check.outcome != "answered":
        return check.outcome
    if not isinstance(check.answer, CommandResponse):
        return "refused"
    return "wrong" if check.answer.has_errors else "right"


def bare_seconds(engine: Engine, sample: list[tuple[str, str]], engines: int) -> tuple[float, float]:
    """Return a job's mean seconds on `engines` concurrent engines without a pool, with and without process starts."""
    busy: list[float] = []

    def work(share: list[tuple[str, str]]) -> float:
        with Repl(engine, memory_limit_mb=MEMORY_LIMIT_MB, timeout=120) as repl:
            repl.command("import Std\n")
            began = time.perf_counter()
            for kind, text in share:
                repl.wait_until_ready()
                started = time.perf_counter()
                with suppress(ReplTimeout, ReplMemory):
                    repl.command(text, timeout=DEADLINE if kind == "timeout" else None)
                busy.append(time.perf_counter() - started)
            return time.perf_counter() - began

    with ThreadPoolExecutor(engines) as workers:
        whole = sum(workers.map(work, [sample[n::engines] for n in range(engines)]))
    return whole / len(sample), sum(busy) / len(sample)


def killing(pool: SyncPool, kills: int, every: float, stop: threading.Event, count: list[int]) -> None:
    chance = random.Random(1)
    while count[0] < kills and not stop.wait(chance.uniform(0.5, 1.5) * every):
        pid = chance.choice(pool.pids)
        if pid is not None:
            try:
                os.kill(pid, signal.SIGKILL)
                count[0] += 1
            except ProcessLookupError:
                pass


def watching(pool: SyncPool, stop: threading.Event, peak: list[float]) -> None:
    while not stop.wait(0.5):
        peak[0] = max(peak[0], pool.stats.memory_mb)


def results(pool: SyncPool, jobs: list[tuple[str, str]], engines: int) -> Iterator[tuple[int, Check]]:
    def one(place: int) -> tuple[int, Check]:
        kind, text = jobs[place]
        return place, pool.check(text, timeout=DEADLINE if kind == "timeout" else 120)

    with ThreadPoolExecutor(4 * engines) as callers:
        for future in as_completed([callers.submit(one, place) for place in range(len(jobs))]):
            yield future.result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--engines", type=int, default=2)
    parser.add_argument("--kills", type=int, default=None, help="default: one for 500 jobs")
    arguments = parser.parse_args()
    kills = arguments.jobs // 500 if arguments.kills is None else arguments.kills
    jobs = mixed(arguments.jobs, seed=0)
    engine = find_engine(prefer="embedded")
    with_starts, without_starts = bare_seconds(engine, mixed(SAMPLE, seed=1), arguments.engines)
    stop, killed, peak = threading.Event(), [0], [0.0]
    found: dict[int, str] = {}
    twice = 0
    with SyncPool(
        engine,
        size=arguments.engines,
        memory_limit_mb=MEMORY_LIMIT_MB,
        timeout=120,
        standby=2,
    ) as pool:
        for _ in pool.check_all([""] * (2 * arguments.engines)):
            pass
        before = pool.stats
        helpers = [
            threading.Thread(target=killing, args=(pool, kills, 8.0, stop, killed)),
            threading.Thread(target=watching, args=(pool, stop, peak)),
        ]
        for helper in helpers:
            helper.start()
        started = time.monotonic()
        for place, check in track(
            results(pool, jobs, arguments.engines), total=len(jobs), description="checking"
        ):
            twice += place in found
            found[place] = became(check)
        elapsed = time.monotonic() - started
        stop.set()
        for helper in helpers:
            helper.join()
        stats = pool.stats
    busy = stats.busy_seconds - before.busy_seconds
    spent = arguments.engines * elapsed / len(jobs)
    expected = Counter(kind for kind, _ in jobs)
    wrong = Counter((jobs[i][0], kind) for i, kind in found.items() if kind != jobs[i][0])
    print(f"{len(jobs)} jobs, {arguments.engines} engines, {killed[0]} killed from outside, {elapsed:.0f} s")
    for kind, due in expected.items():
        right = sum(found.get(i) == kind for i, (k, _) in enumerate(jobs) if k == kind)
        print(f"  {kind:<8} {right:6} of {due}")
    print(f"  answered twice {twice}, not answered {len(jobs) - len(found)}, otherwise {dict(wrong) or 0}")
    print(f"  retried {stats.retried}, replaced {stats.replaced}, of these recycled {stats.recycled}")
    print(
        f"  memory of all engines at most {peak[0]:.0f} MB (limit {MEMORY_LIMIT_MB} each, standbys not counted)"
    )
    print(f"  {len(jobs) / elapsed:.1f} jobs a second")
    print(
        f"  bare engine time of a job, with starts {1000 * with_starts:.0f} ms: ratio {with_starts / spent:.3f}"
    )
    print(
        f"  bare engine time of a job, without     {1000 * without_starts:.0f} ms: ratio {without_starts / spent:.3f}"
    )
    print(f"  time of jobs in engines / (engines x elapsed): {busy / arguments.engines / elapsed:.3f}")


if __name__ == "__main__":
    main()
