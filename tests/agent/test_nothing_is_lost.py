"""Whatever goes wrong at one hole, the others go on and the file is written."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stepprove.agent.file import worker as workers
from stepprove.agent.file.assembly import Assembly
from stepprove.agent.file.conclude import isolate_faults
from stepprove.agent.file.hole_search import HoleSearch
from stepprove.agent.file.hole_target import HoleTarget
from stepprove.agent.file.options import ProveEvent, ProveOptions, Working
from stepprove.agent.file.prove import prove_source
from stepprove.agent.file.report import HoleResult, ProveReport
from stepprove.agent.file.worker import Worker
from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.moves import bounds
from stepprove.agent.search.portfolio import Portfolio
from stepprove.agent.stop import Stop
from stepprove.agent.trace.trace import Trace, read_trace
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome

THREE = "theorem a : 1 + 1 = 2 := by sorry\ntheorem b (n : Nat) : n + 0 = n := by sorry\ntheorem c : 2 < 3 := by sorry\n"


def proved(engine: Engine, text: str, **options: object) -> ProveReport:
    report = prove_source(
        parse_source(text),
        engine,
        ProveOptions(time_limit=10.0, remember=False, standby=False, **options),  # type: ignore[arg-type]
    )
    assert len(report.holes) == text.count("sorry")
    return report


def outcomes(report: ProveReport) -> list[Outcome]:
    return [hole.outcome for hole in report.holes]


def failing(at: str, call: Callable[..., object]) -> Callable[..., object]:
    """The same method, that raises for the hole at line 2."""

    def called(self: object, *arguments: object, **named: object) -> object:
        holes = [
            getattr(each, "hole", each)
            for each in (getattr(self, "place", None), getattr(self, "hole", None), *arguments)
        ]
        if any(getattr(hole, "line", 0) == 2 for hole in holes):
            raise OverflowError(f"int too large to convert to float, in \x1b[32m{at}")
        return call(self, *arguments, **named)

    return called


@pytest.mark.parametrize(
    ("owner", "method"),
    [
        (Worker, "inspect_hole"),
        (Worker, "find"),
        (Worker, "recall_proof"),
        (Worker, "keep"),
        (Worker, "objection"),
        (HoleSearch, "run"),
        (HoleTarget, "open"),
        (Assembly, "confirm"),
    ],
)
def test_an_exception_at_one_hole_costs_that_hole_alone(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: type,
    method: str,
) -> None:
    original = getattr(owner, method)
    if method == "objection":

        def called(self: Worker, sorry: object, script: str) -> object:
            if "n + 0" in getattr(sorry, "goal", ""):
                raise RecursionError("maximum recursion depth exceeded")
            return original(self, sorry, script)

        monkeypatch.setattr(owner, method, called)
    else:
        monkeypatch.setattr(owner, method, failing(method, original))

    with caplog.at_level(logging.DEBUG, "stepprove"):
        report = proved(engine, THREE)

    assert outcomes(report) == [Outcome.PROVED, Outcome.INFRASTRUCTURE, Outcome.PROVED]
    assert "an error of StepProve itself" in (report.holes[1].reason or "")
    assert report.text.count("sorry") == 1
    assert "\x1b" not in caplog.text.replace(caplog.records[-1].exc_text or "", "")
    assert any(record.exc_info for record in caplog.records)


def test_an_exception_in_the_judgement_costs_no_other_proof(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Worker.fills

    def fills(self: Worker, results: list[HoleResult]) -> object:
        if any(r.index == 1 and r.outcome is Outcome.PROVED for r in results):
            raise ValueError("two edits overlap at 3")
        return original(self, results)

    monkeypatch.setattr(Worker, "fills", fills)

    report = proved(engine, THREE)

    assert outcomes(report) == [Outcome.PROVED, Outcome.INFRASTRUCTURE, Outcome.PROVED]
    assert report.holes[1].partial


def test_when_nothing_can_be_judged_the_proofs_are_still_told(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gate_filled_file(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("stepprove.agent.file.conclude.gate_filled_file", gate_filled_file)

    report = proved(engine, THREE)

    assert outcomes(report) == [Outcome.INFRASTRUCTURE] * 3
    assert all(hole.partial for hole in report.holes)
    assert report.text == THREE


def test_moves_that_fail_leave_the_others(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(goal: Goal) -> Iterator[Move]:
        yield Move("first_of_all")
        raise OverflowError("int too large to convert to float")

    offered = list(Portfolio((wrong, bounds.moves)).moves(Goal((), "1 = 1")))

    assert {"first_of_all", "grind"} <= {move.tactic for move in offered}


def test_a_listener_and_a_trace_that_fail_cost_nothing(engine: Engine, tmp_path: Path) -> None:
    def listen(event: ProveEvent) -> None:
        raise RuntimeError(repr(event)[:20])

    trace = Trace.create(tmp_path)
    trace.record("odd", text="\ud800", number=10**40)
    report = prove_source(
        parse_source(THREE), engine, ProveOptions(time_limit=10.0, remember=False), listen=listen, trace=trace
    )
    trace.close()

    assert report.complete
    assert trace.path is not None
    kinds = [record["kind"] for record in read_trace(trace.path)]
    assert kinds[0] == "odd" and kinds.count("result") == 3


def test_only_what_spoils_a_step_is_spared() -> None:
    results = [
        HoleResult(index=i, line=i, column=0, declaration=None, outcome=Outcome.PROVED, proof="p")
        for i in range(6)
    ]

    def step(some: list[HoleResult]) -> list[HoleResult]:
        if any(r.index in (1, 4) and r.outcome is Outcome.PROVED for r in some):
            raise KeyError("no such chunk")
        return some

    done = isolate_faults(step, results)  # type: ignore[arg-type]

    assert [r.index for r in done if r.outcome is Outcome.PROVED] == [0, 2, 3, 5]


# Real kills.


def killer(times: int, *, starting: bool) -> tuple[threading.Thread, threading.Event, list[int]]:
    """Kills each new Lean of this process, `times` times: while it starts, or some time later."""
    killed: list[int] = []
    over = threading.Event()

    def leans() -> set[int]:
        listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
        found = set()
        for path in listed:
            try:
                found |= {int(number) for number in path.read_text().split()}
            except OSError:
                continue
        return found

    there = leans()

    def work() -> None:
        while len(killed) < times and not over.is_set():
            for number in leans() - there - set(killed):
                time.sleep(0.4 if starting else 4.0)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
                killed.append(number)
                break
            time.sleep(0.02)

    return threading.Thread(target=work, daemon=True), over, killed


@pytest.mark.parametrize("starting", [True, False])
def test_a_kill_of_the_engine_is_made_good(engine: Engine, starting: bool) -> None:
    thread, over, killed = killer(2, starting=starting)
    thread.start()
    try:
        report = proved(engine, THREE)
    finally:
        over.set()
        thread.join()

    assert killed
    assert report.complete


def test_an_engine_that_never_starts_is_said_to(engine: Engine) -> None:
    thread, over, killed = killer(50, starting=True)
    thread.start()
    try:
        with pytest.raises(workers.ReplFailure):
            proved(engine, THREE)
    finally:
        over.set()
        thread.join()

    assert len(killed) >= 3


def test_the_end_of_a_run_survives_a_kill(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each hole while its proof is confirmed, and once before the gate."""
    left = {"find": 2, "fills": 1}

    def killing(name: str) -> Callable[..., object]:
        original = getattr(Worker, name)

        def called(self: Worker, *arguments: object) -> object:
            if left[name] and isinstance(self.repl, Repl) and self.repl.pid:
                left[name] -= 1
                os.kill(self.repl.pid, signal.SIGKILL)
            return original(self, *arguments)

        return called

    for name in left:
        monkeypatch.setattr(Worker, name, killing(name))

    report = proved(engine, THREE)

    assert report.complete
    assert not any(left.values())


def test_a_stopped_run_is_no_fault(engine: Engine) -> None:
    stop = Stop()

    def listen(event: ProveEvent) -> None:
        if isinstance(event, Working):
            stop.set()

    hopeless = "opaque P : Nat → Prop\n" + "".join(f"theorem t{i} : P {i} := by sorry\n" for i in range(3))
    report = prove_source(
        parse_source(THREE + hopeless),
        engine,
        ProveOptions(time_limit=30.0, remember=False),
        listen=listen,
        stop=stop,
    )

    assert report.count(Outcome.INFRASTRUCTURE) == 0
    assert report.count(Outcome.TIMEOUT) >= 2
