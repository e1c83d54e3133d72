"""One REPL process and all that can happen to it.

What Lean does on demand is tested on real Lean (at the end); what it does not, on `scripted_repl.py`.
"""

from __future__ import annotations

import gc
import math
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stepprove import process
from stepprove.lean_project import (
    CommandResponse,
    ErrorResponse,
    Position,
    ProofStepResponse,
    Repl,
    ReplClosed,
    ReplCrashed,
    ReplFailure,
    ReplMemory,
    ReplProtocolError,
    ReplStateLost,
    ReplTimeout,
)
from stepprove.lean_project.engines.engine import Engine

SCRIPT = Path(__file__).parent / "scripted_repl.py"
COMMAND = (sys.executable, str(SCRIPT))

Scripted = Callable[..., Repl]


def engine_with(*behaviours: str, **options: Any) -> Engine:
    """The scripted process as the toolchain describes an engine."""
    settings = {"kind": "native", "cwd": None, "lean_version": "0"} | options
    return Engine(command=(*COMMAND, *behaviours), **settings)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """Start the scripted process with some behaviours of its start; close it after the test."""
    repls: list[Repl] = []

    def start(*behaviours: str, **options: Any) -> Repl:
        repls.append(Repl((*COMMAND, *behaviours), **options))
        return repls[-1]

    yield start
    for repl in repls:
        repl.close()


def data(repl: Repl, code: str, **request: Any) -> str:
    """What the scripted process says about itself."""
    return str(repl.request({"cmd": code, **request})["data"])


def env(repl: Repl, code: str = "x") -> int:
    response = repl.command(code)
    assert isinstance(response, CommandResponse)
    return response.env


def comes_true(condition: Callable[[], bool]) -> bool:
    """Whether something is so within twenty seconds, which a busy machine may need."""
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def has_ended(pid: int) -> bool:
    """Whether a process is gone before long; a zombie is, too."""

    def gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True

    return comes_true(gone)


# Answers.


def test_a_command_gives_a_command_response(scripted: Scripted) -> None:
    assert scripted().command("x") == CommandResponse(env=0)


def test_an_error_of_the_repl_is_a_value(scripted: Scripted) -> None:
    assert scripted().command("x", env=7) == ErrorResponse(message="Unknown environment.")


def test_a_tactic_gives_a_proof_step_response(scripted: Scripted) -> None:
    step = scripted().tactic(0, "rfl")
    assert isinstance(step, ProofStepResponse)
    assert step.completed


def test_a_raw_request_gives_the_raw_answer(scripted: Scripted) -> None:
    assert scripted().request({"hello": [1, None]}) == {"received": {"hello": [1, None]}}


def test_paths_are_made_absolute_as_lean_may_run_elsewhere(
    scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repl = scripted()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReplProtocolError) as error:
        repl.file("some.lean")
    assert str(tmp_path / "some.lean") in error.value.output


def test_an_answer_may_take_many_lines(scripted: Scripted) -> None:
    assert len(scripted().request({"cmd": "lines 10000"})["lines"]) == 133


def test_an_answer_may_end_in_carriage_returns(scripted: Scripted) -> None:
    repl = scripted()
    assert [env(repl, "crlf"), env(repl, "crlf"), env(repl)] == [0, 1, 2]


def test_lines_before_an_answer_that_are_no_json_are_skipped(scripted: Scripted) -> None:
    assert env(scripted(), "noise") == 0


def test_whole_paragraphs_are_skipped_while_lean_starts(scripted: Scripted) -> None:
    assert env(scripted("noisy-start")) == 0


def test_noise_after_an_answer_does_not_reach_the_next(scripted: Scripted) -> None:
    repl = scripted()
    env(repl, "noise-after")
    assert env(repl) == 1


def test_an_answer_of_ten_megabytes_takes_no_more_than_a_second(scripted: Scripted) -> None:
    repl = scripted()
    repl.wait_until_ready()
    started = time.process_time()
    assert len(data(repl, "size 10000000")) == 10_000_000
    assert time.process_time() - started < 1


def test_a_request_larger_than_the_pipe_goes_through(scripted: Scripted) -> None:
    assert data(scripted(), "text-size", text="λ" * 3_000_000) == "3000000"


def test_a_large_request_does_not_deadlock_with_a_process_that_is_writing(scripted: Scripted) -> None:
    repl = scripted()
    env(repl, "babble")
    assert data(repl, "text-size", text="x" * 3_000_000) == "3000000"


def test_much_output_on_stderr_does_not_block_lean(scripted: Scripted) -> None:
    repl = scripted()
    assert [env(repl, "stderr 3000000"), env(repl, "stderr 3000000")] == [0, 1]


def test_text_that_json_cannot_carry_is_refused_before_lean_sees_it(scripted: Scripted) -> None:
    repl = scripted()
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        repl.command("\ud800")
    assert (env(repl), repl.generation) == (0, 0)


# Starting.


def test_an_engine_gives_directory_and_variables(tmp_path: Path) -> None:
    engine = engine_with(cwd=tmp_path, environment={"LEAN_THING": "7"})
    with Repl(engine) as repl:
        assert data(repl, "cwd") == str(tmp_path)
        assert data(repl, "variable LEAN_THING") == "7"


def test_secrets_do_not_reach_lean(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hush")
    monkeypatch.setenv("SOME_THING", "loud")
    repl = scripted()
    assert [data(repl, "variable SOME_API_KEY"), data(repl, "variable SOME_THING")] == ["", "loud"]


def test_an_engine_that_says_so_is_waited_for_until_it_is_ready() -> None:
    with Repl(engine_with("ready", ready_line=True)) as repl:
        assert env(repl) == 0


def test_an_engine_that_says_it_cannot_start_is_a_failure() -> None:
    engine = engine_with("not-ready", ready_line=True)
    with Repl(engine) as repl, pytest.raises(ReplProtocolError, match=r"could not start.*no library"):
        repl.command("x")


def test_starting_up_does_not_count_against_the_time_limit_of_a_request(scripted: Scripted) -> None:
    assert env(scripted("slow-start=0.5", timeout=0.3)) == 0


def test_a_process_that_is_never_ready_is_a_timeout_of_its_own(scripted: Scripted) -> None:
    repl = scripted("never-ready", startup_timeout=0.4)
    with pytest.raises(ReplTimeout, match=r"not become ready within 0.4 s.*waiting for the moon") as error:
        repl.command("x")
    assert error.value.seconds == 0.4


def test_a_process_that_dies_while_it_starts_is_quoted(scripted: Scripted) -> None:
    with pytest.raises(ReplCrashed, match=r"exit status 7 before it could become ready.*no such library"):
        scripted("die-at-start").command("x")


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(ReplFailure, match="there is no program 'no-such-lean'"):
        Repl(["no-such-lean", "repl"])


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReplFailure, match=r"cannot be started.*nowhere"):
        Repl(engine_with(cwd=tmp_path / "nowhere"))


def test_a_command_is_a_list_and_not_a_line() -> None:
    with pytest.raises(ValueError, match="must be a list"):
        Repl("lake env repl")


# Time limits.


@pytest.mark.parametrize("behaviour", ["silence", "half-line", "drip", "stderr-flood"])
def test_no_whole_answer_in_time_is_a_timeout(scripted: Scripted, behaviour: str) -> None:
    repl = scripted()
    repl.wait_until_ready()
    started = time.monotonic()
    with pytest.raises(ReplTimeout, match=r"did not answer within 0.3 s") as error:
        repl.command(behaviour, timeout=0.3)
    assert error.value.seconds == 0.3
    assert 0.3 <= time.monotonic() - started < 10
    assert repl.stats.timeouts == 1


def test_a_process_that_does_not_read_is_a_timeout(scripted: Scripted) -> None:
    repl = scripted()
    env(repl, "deaf")
    with pytest.raises(ReplTimeout):
        repl.request({"cmd": "x", "text": "x" * 3_000_000}, timeout=0.3)


def test_the_limit_of_the_repl_holds_where_the_call_sets_none(scripted: Scripted) -> None:
    with pytest.raises(ReplTimeout, match=r"within 0.2 s"):
        scripted(timeout=0.2).command("silence")


def test_the_limit_of_the_call_goes_before_that_of_the_repl(scripted: Scripted) -> None:
    assert isinstance(scripted(timeout=0.2).command("sleep 0.4", timeout=5), CommandResponse)


@pytest.mark.parametrize("limit", [None, math.inf])
def test_there_may_be_no_limit(scripted: Scripted, limit: float | None) -> None:
    assert isinstance(scripted(timeout=limit).command("sleep 0.1"), CommandResponse)


@pytest.mark.parametrize("limit", [0, -1, -0.0, math.nan])
def test_a_limit_that_is_not_above_zero_is_refused(scripted: Scripted, limit: float) -> None:
    expected = rf"timeout must be a number above 0, or None for no limit, not {limit}"
    for option in ("timeout", "startup_timeout"):
        with pytest.raises(ValueError, match=expected):
            scripted(**{option: limit})
    repl = scripted()
    with pytest.raises(ValueError, match=expected):
        repl.command("x", timeout=limit)
    assert env(repl) == 0


def test_waiting_costs_no_processor_time(scripted: Scripted) -> None:
    repl = scripted()
    repl.wait_until_ready()
    before = time.process_time()
    repl.command("sleep 1")
    assert time.process_time() - before < 0.05


# Crashes and nonsense.


def test_a_death_in_the_middle_of_an_answer_names_the_signal(scripted: Scripted) -> None:
    with pytest.raises(ReplCrashed, match="killed by SIGKILL in the middle of its answer") as error:
        scripted().command("die-midway")
    assert error.value.exit_status == -signal.SIGKILL


def test_a_death_before_an_answer_names_the_exit_status_and_quotes_stderr(scripted: Scripted) -> None:
    with pytest.raises(ReplCrashed, match=r"exit status 3 .*the last words") as error:
        scripted().command("die 3")
    assert (error.value.exit_status, error.value.stderr) == (3, "the last words")


def test_only_the_end_of_stderr_is_kept(scripted: Scripted) -> None:
    repl = scripted()
    env(repl, "stderr 3000000")
    with pytest.raises(ReplCrashed) as error:
        repl.command("die 3")
    assert error.value.stderr.endswith("the end of stderr\nthe last words")
    assert len(error.value.stderr) <= 16_384
    assert len(str(error.value)) < 1000


def test_a_process_that_closes_its_output_has_crashed(scripted: Scripted) -> None:
    with pytest.raises(ReplCrashed, match="closed its output") as error:
        scripted().command("close-output")
    assert error.value.exit_status is None


@pytest.mark.parametrize(
    ("behaviour", "complaint"), [("garbage", "no JSON: .*what"), ("broken-json", "broken JSON .*oops")]
)
def test_garbage_is_quoted(scripted: Scripted, behaviour: str, complaint: str) -> None:
    repl = scripted()
    repl.wait_until_ready()
    with pytest.raises(ReplProtocolError, match=f"(?s){complaint}"):
        repl.command(behaviour)
    assert repl.generation == 1


def test_an_answer_of_the_wrong_shape_is_refused(scripted: Scripted) -> None:
    with pytest.raises(ReplProtocolError, match=r"unknown shape.*nonsense"):
        scripted().command("shape")


def test_an_answer_of_the_wrong_kind_is_refused(scripted: Scripted) -> None:
    with pytest.raises(ReplProtocolError, match="ProofStepResponse where a CommandResponse was due"):
        scripted().command("step")


def test_a_flood_is_cut_off_at_the_limit(scripted: Scripted) -> None:
    repl = scripted(answer_limit_mb=5)
    with pytest.raises(ReplProtocolError, match="more than 5 MB without finishing an answer") as error:
        repl.command("flood")
    assert len(error.value.output) < 1000
    assert env(repl) == 0


def test_an_answer_that_nobody_asked_for_is_never_taken_for_another(scripted: Scripted) -> None:
    repl = scripted()
    first = env(repl, "twice")
    with pytest.raises(ReplStateLost, match="an answer that nobody had asked for"):
        repl.command("x", env=first)
    assert (env(repl), repl.generation) == (0, 1)


# Life after a failure.


@pytest.mark.parametrize("behaviour", ["silence", "die 3", "garbage"])
def test_the_next_request_starts_a_new_process(scripted: Scripted, behaviour: str) -> None:
    repl = scripted()
    old = int(data(repl, "pid"))
    with pytest.raises(ReplFailure):
        repl.command(behaviour, timeout=0.3)
    assert has_ended(old)
    assert repl.generation == 1
    assert int(data(repl, "pid")) != old


def test_an_environment_of_a_lost_process_is_refused(scripted: Scripted) -> None:
    repl = scripted()
    lost = [env(repl) for _ in range(4)][-1]
    with pytest.raises(ReplTimeout):
        repl.command("silence", timeout=0.2)
    assert [env(repl) for _ in range(5)][-1] == 4
    expected = r"environment 3 was lost when Lean restarted \(it did not answer within 0.2 s\)"
    with pytest.raises(ReplStateLost, match=expected):
        repl.command("x", env=lost)
    with pytest.raises(ReplStateLost, match=expected):
        repl.pickle_env(lost, "file")


def test_a_proof_state_of_a_lost_process_is_refused(scripted: Scripted) -> None:
    repl = scripted()
    step = repl.tactic(0, "rfl")
    assert isinstance(step, ProofStepResponse)
    repl.restart()
    with pytest.raises(ReplStateLost, match=r"proof state 1 was lost .*restart\(\) was called"):
        repl.tactic(step.proof_state, "rfl")


def test_a_bare_number_is_refused_while_only_a_lost_process_gave_it_out(scripted: Scripted) -> None:
    repl = scripted()
    for _ in range(3):
        env(repl)
    repl.restart()
    with pytest.raises(ReplStateLost, match="environment 1 was lost"):
        repl.request({"cmd": "x", "env": 1})
    assert [env(repl), env(repl)] == [0, 1]
    assert repl.request({"cmd": "x", "env": 1}) == {"env": 2}


def test_an_environment_of_another_repl_is_refused(scripted: Scripted) -> None:
    one, other = scripted(), scripted()
    env(other)
    with pytest.raises(ValueError, match="environment 0 belongs to another Repl"):
        other.command("x", env=env(one))


def test_a_death_between_requests_is_noticed_at_the_next(scripted: Scripted) -> None:
    repl = scripted()
    pid = int(data(repl, "pid"))
    old = env(repl, "die-after")
    assert has_ended(pid)
    with pytest.raises(ReplStateLost, match=r"ended with exit status 3 between two requests"):
        repl.command("x", env=old)
    assert (repl.generation, repl.stats.crashes) == (1, 1)


def test_a_death_between_requests_does_not_matter_to_one_that_needs_no_state(scripted: Scripted) -> None:
    repl = scripted()
    pid = int(data(repl, "pid"))
    env(repl, "die-after")
    assert has_ended(pid)
    assert (env(repl), repl.generation) == (0, 1)


def test_restarting_gives_a_new_process(scripted: Scripted) -> None:
    repl = scripted()
    old = int(data(repl, "pid"))
    repl.restart()
    assert has_ended(old)
    assert (int(data(repl, "pid")) != old, repl.generation) == (True, 1)


def test_the_stats_count_what_happened(scripted: Scripted) -> None:
    repl = scripted()
    repl.command("sleep 0.2")
    for behaviour, seconds in (("silence", 0.2), ("die 1", 20), ("garbage", 20)):
        with pytest.raises(ReplFailure):
            repl.command(behaviour, timeout=seconds)
    repl.restart()
    repl.command("x")
    stats = repl.stats
    assert (stats.commands, stats.timeouts, stats.crashes, stats.restarts) == (2, 1, 2, 3)
    assert 0.4 <= stats.seconds < 20


def test_restarts_leak_no_descriptors(scripted: Scripted) -> None:
    repl = scripted(standby=True)

    def count() -> int:
        env(repl)
        return len(os.listdir("/proc/self/fd"))

    before = count()
    for _ in range(5):
        repl.restart()
        assert count() == before


# The standby.


def standby_of(repl: Repl) -> int:
    """The number of the standby's process, once it has started."""
    worker = int(data(repl, "pid"))

    def found() -> list[int]:
        others = [pid for pid in descendants() if pid != worker]
        return [pid for pid in others if Path(f"/proc/{pid}/comm").read_text() == "started\n"]

    assert comes_true(lambda: bool(found())), "there is no standby"
    [standby] = found()
    return standby


def test_the_standby_takes_over_as_it_stands(scripted: Scripted) -> None:
    repl = scripted("slow-start=0.3", standby=True)
    standby = standby_of(repl)
    with pytest.raises(ReplTimeout):
        repl.command("silence", timeout=0.1)
    assert int(data(repl, "pid")) == standby


def test_a_standby_can_be_asked_for_later(scripted: Scripted) -> None:
    repl = scripted("slow-start=0.3")
    env(repl)
    repl.keep_standby()
    standby = standby_of(repl)
    repl.restart()
    assert int(data(repl, "pid")) == standby


def test_there_is_a_new_standby_after_each_takeover(scripted: Scripted) -> None:
    repl = scripted("slow-start=0.3", standby=True)
    seen = set()
    for _ in range(3):
        standby = standby_of(repl)
        repl.restart()
        assert int(data(repl, "pid")) == standby
        seen.add(standby)
    assert len(seen) == 3


def test_a_standby_that_died_is_not_used(scripted: Scripted) -> None:
    repl = scripted(standby=True)
    env(repl)
    for pid in descendants():
        if pid != int(data(repl, "pid")):
            os.kill(pid, signal.SIGKILL)
            assert has_ended(pid)
    repl.restart()
    assert env(repl) == 0
    assert repl.stats.crashes == 0


def test_closing_ends_the_standby_too(scripted: Scripted) -> None:
    repl = scripted(standby=True)
    env(repl)
    assert comes_true(lambda: len(descendants()) == 2)
    pids = descendants()
    repl.close()
    assert all(has_ended(pid) for pid in pids)


def descendants() -> list[int]:
    """The scripted processes that this program has started."""
    time.sleep(0.2)  # one that starts has no command line for a moment
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return [int(pid) for pid in children if SCRIPT.name in Path(f"/proc/{pid}/cmdline").read_text()]


# Memory.


def test_a_call_that_comes_while_another_thread_closes_finds_it_closed(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    repl = scripted()
    closing, go_on, end_all = threading.Event(), threading.Event(), repl._end_all

    def slowly() -> None:
        closing.set()
        go_on.wait(10)
        end_all()

    monkeypatch.setattr(repl, "_end_all", slowly)
    closer = threading.Thread(target=repl.close)
    closer.start()
    closing.wait(10)
    try:
        with pytest.raises(ReplClosed):
            repl.command("1")
    finally:
        go_on.set()
        closer.join()


def test_memory_counts_descendants(scripted: Scripted) -> None:
    repl = scripted()
    env(repl)
    alone = repl.memory_mb()
    assert 5 < alone < 100
    env(repl, "grandchild")
    assert alone < repl.memory_mb() < 100


@pytest.mark.skipif(shutil.which("ps") is None, reason="there is no ps")
def test_memory_is_the_same_by_ps_and_by_proc(scripted: Scripted) -> None:
    repl = scripted()
    pid = int(data(repl, "pid"))
    env(repl, "grandchild")
    assert process._memory_from_ps(pid) == pytest.approx(process._memory_from_proc(pid), rel=0.2)


def test_a_process_that_has_grown_too_big_is_given_up_after_its_answer(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_MEMORY_INTERVAL", 60)  # seconds: not during the request
    repl = scripted(memory_limit_mb=70)
    pid = int(data(repl, "pid"))
    time.sleep(0.2)
    big = env(repl, "grow 80")
    assert (big, repl.generation) == (1, 0)
    assert has_ended(pid)
    with pytest.raises(
        ReplStateLost, match=r"environment 1 was lost .*it used \d+ MB, and the limit is 70 MB"
    ):
        repl.command("x", env=big)
    assert (env(repl), repl.generation) == (0, 1)


def test_a_request_that_passes_the_memory_limit_is_cut_short(scripted: Scripted) -> None:
    repl = scripted(memory_limit_mb=150)
    with pytest.raises(ReplMemory, match=r"it used \d+ MB, and the limit is 150 MB"):
        repl.command("grow-for-ever", timeout=30)
    assert (env(repl), repl.generation) == (0, 1)


def test_lean_that_the_system_gives_no_more_memory_ran_out_of_it(scripted: Scripted) -> None:
    repl = scripted()
    with pytest.raises(ReplMemory, match="ran out of memory; its last words: INTERNAL PANIC: out of memory"):
        repl.command("die 1 INTERNAL PANIC: out of memory")
    assert repl.stats.crashes == 0


def test_a_memory_limit_that_is_not_above_zero_is_refused(scripted: Scripted) -> None:
    with pytest.raises(ValueError, match="memory_limit_mb must be a number above 0"):
        scripted(memory_limit_mb=0)


# Nothing is left behind.


def test_closing_ends_the_process(scripted: Scripted) -> None:
    repl = scripted()
    pid = int(data(repl, "pid"))
    repl.close()
    assert has_ended(pid)


@pytest.mark.parametrize("behaviour", ["grandchild", "stubborn-grandchild"])
def test_closing_ends_what_the_process_started(scripted: Scripted, behaviour: str) -> None:
    repl = scripted()
    grandchild = int(data(repl, behaviour))
    repl.close()
    assert has_ended(grandchild)


def test_a_process_that_ignores_sigterm_is_killed(scripted: Scripted) -> None:
    repl = scripted()
    pid = int(data(repl, "pid"))
    env(repl, "ignore-sigterm")
    started = time.monotonic()
    repl.close()
    assert has_ended(pid)
    assert time.monotonic() - started < 10


def test_a_timeout_ends_what_the_process_started(scripted: Scripted) -> None:
    repl = scripted()
    grandchild = int(data(repl, "stubborn-grandchild"))
    with pytest.raises(ReplTimeout):
        repl.command("silence", timeout=0.1)
    assert has_ended(grandchild)


def test_an_exception_in_a_with_block_ends_the_process() -> None:
    with pytest.raises(ZeroDivisionError), Repl(COMMAND) as repl:
        pid = int(data(repl, "pid"))
        _ = 1 // 0
    assert has_ended(pid)


def test_a_repl_that_is_forgotten_ends_its_process() -> None:
    repl = Repl(COMMAND, memory_limit_mb=500)
    pid = int(data(repl, "pid"))
    del repl
    gc.collect()
    assert has_ended(pid)


def test_closing_twice_is_harmless(scripted: Scripted) -> None:
    repl = scripted()
    repl.close()
    repl.close()


def test_a_closed_repl_refuses_requests(scripted: Scripted) -> None:
    repl = scripted()
    repl.close()
    with pytest.raises(ReplClosed, match="the Repl is closed"):
        repl.command("x")


def outside(code: str) -> subprocess.Popen[str]:
    """Run code that has a `repl` in a Python of its own; it prints the process's number first."""
    setup = f"""
        import os, signal, sys, threading, time
        from stepprove.lean_project import Repl
        repl = Repl({COMMAND!r})
        print(repl.request({{"cmd": "pid"}})["data"], flush=True)
    """
    program = textwrap.dedent(setup) + textwrap.dedent(code)
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("end", ["pass", "sys.exit(3)", "1 / 0", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_the_process_does_not_outlive_the_interpreter(end: str) -> None:
    program = outside(f"sys.stderr = open(os.devnull, 'w')\n{end}")
    pid = int(program.communicate(timeout=30)[0])
    assert has_ended(pid)


def test_a_busy_process_ends_when_its_owner_is_killed() -> None:
    program = outside("repl.command('silence')")
    assert program.stdout is not None
    pid = int(program.stdout.readline())
    time.sleep(0.3)
    program.kill()
    program.communicate()
    assert has_ended(pid)


def test_the_process_outlives_the_thread_that_started_it(scripted: Scripted) -> None:
    repls: list[Repl] = []
    thread = threading.Thread(target=lambda: repls.append(scripted()))
    thread.start()
    thread.join()
    time.sleep(0.2)
    assert (env(repls[0]), repls[0].generation) == (0, 0)


def test_a_fork_neither_uses_nor_ends_the_process(scripted: Scripted) -> None:
    repl = scripted()
    env(repl)
    fork = os.fork()
    if fork == 0:
        try:
            repl.command("x")
        except RuntimeError:
            repl._child.end()  # type: ignore[union-attr]  # what the garbage collector would do
            os._exit(42)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 42
    assert (env(repl), repl.generation) == (1, 0)


# Interruptions and threads.


def test_an_interrupt_ends_the_process_and_is_passed_on(scripted: Scripted) -> None:
    repl = scripted()
    pid = int(data(repl, "pid"))
    timer = threading.Timer(0.3, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        repl.command("silence")
    assert has_ended(pid)
    assert (env(repl), repl.generation) == (0, 1)


def test_closing_from_another_thread_cuts_a_request_short(scripted: Scripted) -> None:
    repl = scripted()
    repl.wait_until_ready()
    threading.Timer(0.3, repl.close).start()
    started = time.monotonic()
    with pytest.raises(ReplClosed, match="closed during the call"):
        repl.command("silence")
    assert time.monotonic() - started < 10


def test_an_interrupt_from_another_thread_ends_a_request_and_lean_comes_back(scripted: Scripted) -> None:
    repl = scripted()
    repl.wait_until_ready()
    threading.Timer(0.3, repl.interrupt).start()
    started = time.monotonic()
    with pytest.raises(ReplCrashed):
        repl.command("silence")
    assert time.monotonic() - started < 10
    assert (env(repl), repl.generation) == (0, 1)


def test_closing_from_a_signal_handler_cuts_a_request_short(scripted: Scripted) -> None:
    repl = scripted()
    pid = int(data(repl, "pid"))
    previous = signal.signal(signal.SIGUSR1, lambda *_: repl.close())
    try:
        threading.Timer(0.3, signal.pthread_kill, (threading.get_ident(), signal.SIGUSR1)).start()
        with pytest.raises(ReplClosed):
            repl.command("silence")
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert has_ended(pid)


def test_a_second_thread_is_turned_away_and_the_first_gets_its_answer(scripted: Scripted) -> None:
    repl = scripted()
    repl.wait_until_ready()
    answers: list[object] = []
    first = threading.Thread(target=lambda: answers.append(repl.command("sleep 2")))
    first.start()
    assert comes_true(lambda: repl._caller is not None)
    with pytest.raises(RuntimeError, match="busy in another call"):
        repl.command("x")
    first.join()
    assert answers == [CommandResponse(env=0)]


def test_two_repls_work_in_two_threads(scripted: Scripted) -> None:
    repls = [scripted(), scripted()]
    numbers: list[list[int]] = [[], []]

    def work(which: int) -> None:
        numbers[which] = [env(repls[which], "size 100000") for _ in range(100)]

    threads = [threading.Thread(target=work, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers == [list(range(100))] * 2


# Real Lean.


def elaborated(repl: Repl, code: str, env: int | None = None) -> CommandResponse:
    response = repl.command(code, env)
    assert isinstance(response, CommandResponse)
    return response


def test_lean_builds_on_an_environment_and_can_go_back(repl: Repl) -> None:
    two = elaborated(repl, "def f := 2").env
    three = elaborated(repl, "def f := 3").env
    assert not elaborated(repl, "example : f = 2 := rfl", two).has_errors
    assert not elaborated(repl, "example : f = 3 := rfl", three).has_errors
    assert elaborated(repl, "example : f = 2 := rfl", three).has_errors


def test_lean_says_where_an_error_is(repl: Repl) -> None:
    (error,) = elaborated(repl, "example : 1 = 2 :=\n  rfl").errors
    assert (error.pos, error.end_pos) == (Position(line=2, column=2), Position(line=2, column=5))


def test_lean_knows_no_environment_that_it_did_not_give(repl: Repl) -> None:
    assert repl.command("example : True := trivial", env=99_999) == ErrorResponse(
        message="Unknown environment."
    )


def test_a_hole_is_closed_step_by_step(repl: Repl) -> None:
    (hole,) = elaborated(repl, "example (p q : Prop) (hp : p) (hq : q) : p ∧ q := by sorry").sorries
    assert hole.goal == "p q : Prop\nhp : p\nhq : q\n⊢ p ∧ q"
    assert hole.proof_state is not None
    split = repl.tactic(hole.proof_state, "constructor")
    assert isinstance(split, ProofStepResponse)
    assert [len(split.goals), split.completed] == [2, False]
    done = repl.tactic(split.proof_state, "all_goals assumption")
    assert isinstance(done, ProofStepResponse)
    assert [len(done.goals), done.completed] == [0, True]


def test_a_tactic_that_fails_is_an_error_of_lean_and_not_of_the_machinery(repl: Repl) -> None:
    (hole,) = elaborated(repl, "example (a b : Nat) : a = b := by sorry").sorries
    assert hole.proof_state is not None
    answer = repl.tactic(hole.proof_state, "rfl")
    assert isinstance(answer, ErrorResponse)
    assert answer.message.startswith("Lean error:")


def test_text_of_any_kind_reaches_lean_whole(repl: Repl) -> None:
    text = "λ ∀ 𝔸 \t\n\n \\ {} \u007f" + "x" * 200_000
    (answer,) = elaborated(repl, f'#eval r##"{text}"##.length').messages
    assert answer.data == str(len(text))


def test_code_that_runs_for_ever_is_cut_short_and_lean_comes_back(repl: Repl) -> None:
    lost = elaborated(repl, "def before := 1").env
    with pytest.raises(ReplTimeout):
        repl.command("partial def spin (n : Nat) : IO Unit := spin (n + 1)\n#eval spin 0", timeout=2)
    with pytest.raises(ReplStateLost, match="did not answer within 2 s"):
        repl.command("#eval before", env=lost)
    assert elaborated(repl, "#eval 6 * 7").messages[0].data == "42"
