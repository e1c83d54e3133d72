"""Whole evaluations on real Lean: what counts, what is kept, and that a killed run goes on where it was."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from benchmark_files import write_lines
from scripted_prover import ScriptedProver

from stepprove.agent.policies import SCHEDULES, Schedule
from stepprove.eval.bench import Bench
from stepprove.eval.benchmarks.datasets import BadBenchmark, load
from stepprove.eval.benchmarks.registry import benchmark_called
from stepprove.eval.benchmarks.selection import NeedsMathlib
from stepprove.eval.prover import Prover
from stepprove.eval.records.external_samples import Replay
from stepprove.eval.records.journal import Journal, JournalRefused
from stepprove.eval.records.log import read_run
from stepprove.eval.records.record import Attempt, BadLog, BenchmarkProblem, Run
from stepprove.eval.retry import setup_of_log
from stepprove.eval.run import RunListener, evaluate, rescore, score_samples
from stepprove.eval.scoring.scores import score
from stepprove.eval.setup import Selection, Setup
from stepprove.eval.tasks import minif2f
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.outcome import Outcome

STEPPROVE = [sys.executable, "-c", "from stepprove.cli.start import run; run()"]
MINIF2F = benchmark_called("minif2f")
assert MINIF2F is not None
EASY = {"name": "easy", "formal_statement": "theorem easy (a b : ℕ) : a + b = b + a := by"}
FALSE = {"name": "wrong", "formal_statement": "theorem wrong (n : ℕ) : n < 5 := by"}
REAL = {"name": "real", "formal_statement": "theorem real (x : ℝ) : x = x := by"}
TWICE = [EASY, {"name": "easy", "formal_statement": "theorem easy : 2 + 2 = 4 := by"}]


def setup(path: Path, **changes: object) -> Setup:
    return Setup.model_validate(
        {
            "benchmark": "minif2f",
            "split": "valid",
            "subset": "core",
            "path": str(path),
            "time_limit": 20.0,
            **changes,
        }
    )


def outcomes(run: Run) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {problem.name: [] for problem in run.problems}
    for attempt in run.attempts:
        found[attempt.problem].append(attempt.outcome.value)
    return found


def test_a_run_leaves_a_log_that_says_all_of_it(engine: Engine, lean_pool: SyncPool, tmp_path: Path) -> None:
    data = write_lines(tmp_path / "data.jsonl", [*TWICE, REAL, FALSE])
    made: list[Attempt] = []
    log = evaluate(
        MINIF2F,
        setup(data),
        Selection(epochs=2, limit=2),
        engine,
        tmp_path / "runs",
        lent=lean_pool,
        watch=RunListener(attempt=made.append),
    )
    run = read_run(log)
    assert outcomes(run) == {"easy": ["proved"] * 2, "easy#2": ["proved"] * 2}
    assert (run.task, run.policy, run.epochs, run.finished, run.dataset.subset) == (
        "minif2f",
        "portfolio",
        2,
        True,
        "core",
    )
    assert run.dataset.sha256 == load(MINIF2F, None, str(data)).dataset.sha256
    assert all(
        a.candidate and a.candidate.startswith("import Mathlib") and a.interactions for a in run.attempts
    )
    assert sorted(made, key=lambda a: (a.problem, a.epoch)) == list(run.attempts)

    again = evaluate(MINIF2F, setup(data), Selection(epochs=2, limit=2), engine, tmp_path / "runs")
    assert (again, read_run(again)) == (log, run)

    rescored = read_run(rescore(log, engine, lent=lean_pool))
    assert outcomes(rescored) == outcomes(run)

    assert setup_of_log(log) == (setup(data), Selection(epochs=2, limit=2))
    with pytest.raises(BadBenchmark, match="did you mean easy"):
        evaluate(MINIF2F, setup(data), Selection(names=("esay",)), engine, tmp_path / "runs")
    with pytest.raises(BadBenchmark, match="real does not elaborate without Mathlib"):
        evaluate(MINIF2F, setup(data), Selection(names=("real",)), engine, tmp_path / "runs")
    write_lines(data, [EASY])
    with pytest.raises(JournalRefused, match="another dataset"):
        evaluate(MINIF2F, setup(data), Selection(epochs=2), engine, tmp_path / "runs", lent=lean_pool)


def test_statements_for_mathlib_are_not_tried_without_it(engine: Engine, tmp_path: Path) -> None:
    data = write_lines(tmp_path / "data.jsonl", [EASY])
    with pytest.raises(NeedsMathlib, match="--subset core"):
        evaluate(MINIF2F, setup(data, subset=None), Selection(), engine, tmp_path / "runs")


def test_inspects_own_command_does_not_try_them_either(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "data.jsonl", [EASY])
    with pytest.raises(NeedsMathlib, match="--subset core"):
        minif2f(path=str(data))


def test_outside_samples_are_held_against_the_benchmarks_own_statements(
    engine: Engine, lean_pool: SyncPool, tmp_path: Path
) -> None:
    data = write_lines(tmp_path / "data.jsonl", [EASY])
    header = "import Mathlib\nimport Aesop\nset_option maxHeartbeats 400000\nopen Nat\n"
    honest = "theorem easy (a b : ℕ) : a + b = b + a := by\n  omega"
    samples = [
        {"problem_id": "easy_g0", "origin_problem_id": "easy", "full_code": header + honest},
        {"problem_id": "easy_g1", "origin_problem_id": "easy", "full_code": "None"},
        {"name": "easy_corr1_g0", "code": honest, "compilation_result": {"complete": False}},
        {
            "problem_name": "easy",
            "formal_statement": honest.removesuffix("\n  omega"),
            "proof_code": "\n  omega",
        },
        {"name": "easy", "code": header + "theorem easy (a b : ℕ) : a + 0 = a := by\n  rfl"},
        {
            "name": "easy",
            "code": header + honest.replace("omega", "sorry"),
            "compilation_result": {"complete": True},
        },
        {"name": "another", "code": honest},
    ]
    said: list[str] = []
    log = score_samples(
        MINIF2F,
        setup(data, policy="outside"),
        write_lines(tmp_path / "samples.jsonl", samples),
        engine,
        tmp_path / "runs",
        lent=lean_pool,
        watch=RunListener(say=said.append),
    )
    assert outcomes(read_run(log))["easy"] == ["proved", "failed", "proved", "proved", "rejected", "failed"]
    assert any("1 of its attempts are at other statements" in line for line in said)


def test_what_a_log_says_of_a_proof_is_judged_anew(engine: Engine, lean_pool: SyncPool) -> None:
    source = f"import Mathlib\n\n{EASY['formal_statement']} sorry\n"
    problem = BenchmarkProblem(name="easy", source=source)
    claimed = Attempt(
        problem="easy", epoch=1, outcome=Outcome.PROVED, candidate=source.replace("sorry", "rfl"), gated=True
    )
    replay = Replay([claimed], Prover(setup(Path("x"), policy="outside"), engine, lean_pool))

    async def judged() -> Attempt:
        return await replay.judge(problem, await replay.attempt(problem, 1))

    assert asyncio.run(judged()).outcome is Outcome.FAILED


SKETCH = "<sketch>theorem easy : 1 = 1 := rfl</sketch>"


def answer(proof: str) -> str:
    return f"</think>\n```lean4\ntheorem easy (a b : ℕ) : a + b = b + a := by {proof}\n```"


def attempt_of(worker: Prover, record: dict[str, str], journal: Journal | None = None) -> Attempt:
    """An attempt, and the gate's word on it."""
    source = f"import Mathlib\n\n{record['formal_statement']} sorry\n"
    problem = BenchmarkProblem(name=record["name"], source=source)

    async def both() -> Attempt:
        bench = Bench(worker, (problem,), journal)
        return await bench.judge(await bench.attempt(problem.name, 1))

    return asyncio.run(both())


@pytest.mark.parametrize(
    ("turns", "outcome", "said"),
    [
        ((SKETCH, answer("omega")), "proved", "1 sketch"),
        ((answer("rfl"),), "failed", ""),
        ((answer("sorry"),), "failed", "sorry"),
        (("I give up",), "failed", "without an answer"),
    ],
)
def test_a_models_answer_is_judged(
    engine: Engine, lean_pool: SyncPool, model: ScriptedProver, turns: Sequence[str], outcome: str, said: str
) -> None:
    form = model.play(f"m{abs(hash(turns))}", turns)
    worker = Prover(setup(Path("x"), policy="model", model=form, style="tir"), engine, lean_pool)
    found = attempt_of(worker, EASY)
    assert (found.outcome.value, said in found.reason) == (outcome, True), found
    assert found.interactions == len(turns) - 1 and found.tokens > 0 and turns[-1] in (found.trace or "")


def test_a_model_that_is_not_there_spoils_its_attempts(
    engine: Engine, lean_pool: SyncPool, tmp_path: Path
) -> None:
    worker = Prover(setup(Path("x"), policy="model", model="http://127.0.0.1:9/v1#m"), engine, lean_pool)
    with Journal(tmp_path / "j.jsonl") as journal:
        found = attempt_of(worker, EASY, journal)
        assert found.outcome is Outcome.INFRASTRUCTURE and journal.recall("easy", 1) is None


def test_attempts_that_are_spoiled_three_times_leave_bounds_and_are_made_once_the_model_is_there(
    engine: Engine, lean_pool: SyncPool, model: ScriptedProver, tmp_path: Path
) -> None:
    form = model.play("refuses at first", limit=1)
    data = write_lines(tmp_path / "data.jsonl", [EASY])
    wanted = setup(data, policy="model", model=form, style="tir"), Selection(), engine, tmp_path / "runs"
    for number in (1, 2, 3):
        log = evaluate(MINIF2F, *wanted, lent=lean_pool)
        (spoiled,) = read_run(log).attempts
        assert (spoiled.outcome, spoiled.tries, spoiled.lost) == (Outcome.INFRASTRUCTURE, number, number == 3)
    scores = score(read_run(log))
    assert scores.bounds is not None and scores.blocked is None
    assert (scores.bounds.failed.solved, scores.bounds.succeeded.solved) == (0, 1)
    model.play("refuses at first", (answer("omega"),))
    assert outcomes(read_run(evaluate(MINIF2F, *wanted, lent=lean_pool))) == {"easy": ["proved"]}


def test_a_model_that_is_slow_has_a_timeout(
    engine: Engine, lean_pool: SyncPool, model: ScriptedProver
) -> None:
    form = model.play("slow", ("x",), slow=5.0)
    worker = Prover(setup(Path("x"), policy="model", model=form, time_limit=0.5), engine, lean_pool)
    assert attempt_of(worker, EASY).outcome is Outcome.TIMEOUT


def test_a_search_comes_before_the_model(engine: Engine, lean_pool: SyncPool, model: ScriptedProver) -> None:
    form = model.play("never asked", ("x",))
    worker = Prover(setup(Path("x"), policy="auto", model=form, time_limit=60.0), engine, lean_pool)
    found = attempt_of(worker, EASY)
    assert (found.outcome, found.tokens) == (Outcome.PROVED, 0)


def test_auto_runs_the_model_beside_the_search(
    engine: Engine, lean_pool: SyncPool, model: ScriptedProver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where both fail, the outcome is merged from both, as in `prove`."""
    monkeypatch.setitem(SCHEDULES, "auto", Schedule(search_seconds=60.0, head_start=0.1))
    form = model.play("beside", ("I give up",))
    worker = Prover(
        setup(Path("x"), policy="auto", model=form, style="tir", time_limit=100.0), engine, lean_pool
    )
    hopeless = {"name": "hopeless", "formal_statement": "opaque P : ℕ → Prop\ntheorem hopeless : P 3 := by"}
    found = attempt_of(worker, hopeless)
    assert (found.outcome, found.reason) == (
        Outcome.FAILED,
        "the model: the model's text ended without an answer (finished); "
        "the search: nothing that was tried proves it",
    )
    assert found.interactions and found.tokens


def test_a_model_that_is_not_there_leaves_the_search_its_proofs(
    engine: Engine, lean_pool: SyncPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SCHEDULES, "auto", Schedule(search_seconds=60.0, head_start=0.0))
    nowhere = "http://127.0.0.1:9/v1#m"
    worker = Prover(setup(Path("x"), policy="auto", model=nowhere, time_limit=60.0), engine, lean_pool)
    assert attempt_of(worker, EASY).outcome is Outcome.PROVED


def test_a_false_statement_is_disproved(engine: Engine, lean_pool: SyncPool) -> None:
    found = attempt_of(Prover(setup(Path("x"), time_limit=10.0), engine, lean_pool), FALSE)
    assert (found.outcome, found.candidate) == (Outcome.DISPROVED, None)
    assert "n = 5" in found.reason


# Being killed.


def command(data: Path, runs: Path, epochs: int) -> list[str]:
    options = [
        "--subset",
        "core",
        "--path",
        str(data),
        "--log-dir",
        str(runs),
        "--jobs",
        "1",
        "--epochs",
        str(epochs),
    ]
    return [*STEPPROVE, "eval", "run", "minif2f", *options, "--json"]


def made(runs: Path) -> list[Attempt]:
    """The attempts of the one journal, in their order; a torn end is none."""
    journals = list(runs.glob("*.jsonl"))
    if not journals:
        return []
    lines = [json.loads(line) for line in journals[0].read_bytes().split(b"\n")[:-1]]
    return [Attempt.model_validate(line["attempt"]) for line in lines if "attempt" in line]


def kill_after(words: list[str], runs: Path, attempts: int, seconds: float) -> None:
    """Run a command, and kill it so long after it has made so many attempts more."""
    before = len(made(runs))
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and len(made(runs)) < before + attempts:
            time.sleep(0.01)
        time.sleep(seconds)
        process.kill()


def interrupt_after(words: list[str], runs: Path, attempts: int) -> tuple[int, str]:
    """Press Ctrl-C on a command when it has made so many attempts: its exit code, and what it said."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and len(made(runs)) < attempts:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        return process.wait(), process.communicate()[1]


def finish(words: list[str], runs: Path, kept: Sequence[Attempt]) -> dict[str, list[str]]:
    """Run a command to its end: what was made before is in its log as it was, and nothing was made twice."""
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    attempts = made(runs)
    assert max(Counter((a.problem, a.epoch) for a in attempts).values()) == 1
    run = read_run(Path(document["log"]))
    assert run.finished and len(run.attempts) == len(attempts)
    told = {(a.problem, a.epoch): a for a in run.attempts}
    assert all(told[a.problem, a.epoch] == a for a in [*kept, *attempts])
    assert not list(runs.glob(".*.unfinished"))
    return outcomes(run)


@pytest.mark.nightly
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    data, runs = write_lines(tmp_path / "data.jsonl", TWICE), tmp_path / "runs"
    words = command(data, runs, 8)
    code, said = interrupt_after(words, runs, 1)
    assert (code, "Traceback" in said, "the same command goes on" in said) == (130, False, True), said
    kill_after(words, runs, 1, 0.0)
    kept = made(runs)
    assert 2 <= len(kept) < 16
    assert finish(words, runs, kept) == {"easy": ["proved"] * 8, "easy#2": ["proved"] * 8}


@pytest.mark.nightly
def test_what_a_missing_model_left_is_made_again_by_retry(model: ScriptedProver, tmp_path: Path) -> None:
    data, runs = write_lines(tmp_path / "data.jsonl", [EASY]), tmp_path / "runs"
    form = model.play("busy at first", busy=1000)
    words = [*command(data, runs, 2), "--policy", "model", "--model", form, "--style", "tir"]
    spoiled = subprocess.run(words, capture_output=True, text=True, check=False)
    assert spoiled.returncode == 3
    log = json.loads(spoiled.stdout)["log"]
    assert outcomes(read_run(Path(log))) == {"easy": ["infrastructure"] * 2}
    model.play("busy at first", (answer("omega"),))
    again = subprocess.run(
        [*STEPPROVE, "eval", "retry", log, "--jobs", "1", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert outcomes(read_run(Path(log))) == {"easy": ["proved"] * 2}


@pytest.mark.nightly
@pytest.mark.timeout(3000)
def test_runs_killed_at_random_twenty_times(tmp_path: Path) -> None:
    statements = [
        {"name": f"p{n}", "formal_statement": f"theorem p{n} (a b : ℕ) (h : a < b) : a + {n} < b + {n} := by"}
        for n in range(12)
    ]
    data = write_lines(tmp_path / "data.jsonl", statements)
    expected = finish(command(data, tmp_path / "whole", 4), tmp_path / "whole", [])
    rng = random.Random(5)
    runs, kept, kills = tmp_path / "runs", list[Attempt](), 0
    while kills < 20:
        kill_after(command(data, runs, 4), runs, rng.choice((0, 0, 1, 2)), rng.random() * 3)
        kills += 1
        now = made(runs)
        assert now[: len(kept)] == kept
        kept = now
    assert finish(command(data, runs, 4), runs, kept) == expected


def test_a_damaged_log_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "half.eval").write_bytes(b"PK\x03\x04" + b"\0" * 100)
    (tmp_path / "text.eval").write_text("no zip")
    for name, said in (
        ("half.eval", "cannot be read"),
        ("text.eval", "cannot be read"),
        ("none.eval", "no file"),
        (".", "is a folder"),
    ):
        with pytest.raises(BadLog, match=said):
            read_run(tmp_path / name)
