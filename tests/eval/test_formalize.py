"""Evaluations of formalizers on real Lean: what an answer comes to, what is counted, and what is left out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmark_files import write_lines
from runs import run_of
from scripted_formalizer import ScriptedFormalizer

from stepprove.cli.main import status
from stepprove.eval.benchmarks.datasets import BadBenchmark, load
from stepprove.eval.benchmarks.registry import benchmark_called
from stepprove.eval.formalizer import Formalizer, left_out, reference_statement
from stepprove.eval.records.log import read_run
from stepprove.eval.records.record import Attempt, BenchmarkProblem, Run
from stepprove.eval.report.compare import NothingShared, compare
from stepprove.eval.report.markdown import markdown
from stepprove.eval.report.page import page
from stepprove.eval.report.report import Report
from stepprove.eval.run import RunListener, evaluate, rescore
from stepprove.eval.scoring.scores import score
from stepprove.eval.setup import Selection, Setup
from stepprove.eval.tasks import formalize_minif2f
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import SyncPool

MINIF2F = benchmark_called("minif2f")
assert MINIF2F is not None
HEADER = "import Mathlib\n\nset_option maxHeartbeats 0\n\nopen BigOperators Real Nat Topology Rat"
TWICE = {
    "name": "twice",
    "header": f"{HEADER}\n\ndef twice (n : ℕ) : ℕ := 2 * n",
    "informal_prefix": "/-- Twice a number that is above 3 is above 6. -/\n",
    "formal_statement": "theorem twice_gt (n : ℕ) (h : n > 3) : twice n > 6 := by",
}
SILENT = {"name": "silent", "header": HEADER, "formal_statement": "theorem silent : 1 + 1 = 2 := by"}
GOOD = "theorem my_favorite_theorem (k : ℕ) (hk : 3 < k) : 6 < twice k := by sorry"
WEAKER = "theorem my_favorite_theorem (k : ℕ) (hk : 5 < k) : 6 < twice k := by sorry"
ILL_TYPED = "theorem my_favorite_theorem (x : ℝ) (hx : 3 < x) : 6 < 2 * x := by sorry"


@pytest.fixture(scope="module")
def formalizer() -> Iterator[ScriptedFormalizer]:
    server = ScriptedFormalizer()
    yield server
    server.close()


def setup(path: Path, model: str, **changes: object) -> Setup:
    given = {"benchmark": "minif2f", "split": "valid", "subset": "core", "path": str(path), "model": model}
    return Setup.model_validate({**given, "policy": "formalize", "method": "beq", **changes})


def lean(code: str) -> str:
    return f"Let me think.</think>\n```lean4\n{TWICE['header']}\n\n{code}\n```"


def problem_of(record: dict[str, str], tmp_path: Path) -> BenchmarkProblem:
    assert MINIF2F is not None
    (problem,) = load(MINIF2F, None, str(write_lines(tmp_path / "one.jsonl", [record]))).problems
    return problem


def attempt_of(worker: Formalizer, problem: BenchmarkProblem) -> Attempt:
    async def both() -> Attempt:
        return await worker.judge(problem, await worker.attempt(problem, 1))

    return asyncio.run(both())


def test_the_model_sees_words_and_header_but_not_the_theorem(
    engine: Engine, lean_pool: SyncPool, formalizer: ScriptedFormalizer, tmp_path: Path
) -> None:
    form = formalizer.play("StepFun-Formalizer-7B", [lean(GOOD)])
    found = attempt_of(Formalizer(setup(Path("x"), form), engine, lean_pool), problem_of(TWICE, tmp_path))
    assert (found.outcome.value, found.type_checks) == ("equivalent", True), found.reason
    body = formalizer.asked[-1]
    (system, user) = (turn["content"] for turn in body["messages"])
    assert system == "You are an expert in mathematics and Lean 4."
    assert user == (
        "Please autoformalize the following problem in Lean 4 with a header. Use the following theorem names: "
        "my_favorite_theorem.\n\nTwice a number that is above 3 is above 6.\n\nYour code should start with:\n"
        f"```Lean4\n{TWICE['header']}\n```\n"
    )
    assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.6, 0.95, 16384)


@pytest.mark.parametrize(
    ("answer", "outcome", "typed", "said"),
    [
        (lean(WEAKER), "not-equivalent", True, "no step found a proof"),
        (lean(ILL_TYPED), "ill-typed", False, "Lean does not accept it"),
        ("I cannot.```", "ill-typed", False, "there is no Lean code"),
    ],
)
def test_an_answer_is_compared_with_what_was_meant(
    engine: Engine,
    lean_pool: SyncPool,
    formalizer: ScriptedFormalizer,
    tmp_path: Path,
    answer: str,
    outcome: str,
    typed: bool,
    said: str,
) -> None:
    form = formalizer.play("any", [answer])
    found = attempt_of(Formalizer(setup(Path("x"), form), engine, lean_pool), problem_of(TWICE, tmp_path))
    assert (found.outcome.value, found.type_checks, said in found.reason) == (outcome, typed, True), found
    assert found.trace == answer


def test_no_answer_of_lean_in_time_is_no_verdict(
    engine: Engine, lean_pool: SyncPool, formalizer: ScriptedFormalizer, tmp_path: Path
) -> None:
    form = formalizer.play("slow", [lean(GOOD)])
    worker = Formalizer(setup(Path("x"), form, time_limit=0.001), engine, lean_pool)
    found = attempt_of(worker, problem_of(TWICE, tmp_path))
    assert (found.outcome.value, found.type_checks) == ("timeout", None), found


def test_a_model_that_is_not_there_spoils_its_attempts(
    engine: Engine, lean_pool: SyncPool, tmp_path: Path
) -> None:
    worker = Formalizer(setup(Path("x"), "http://127.0.0.1:9/v1#m"), engine, lean_pool)
    assert attempt_of(worker, problem_of(TWICE, tmp_path)).outcome.value == "infrastructure"


def test_a_run_is_counted_resumed_and_scored_again(
    engine: Engine, lean_pool: SyncPool, formalizer: ScriptedFormalizer, tmp_path: Path
) -> None:
    form = formalizer.play("steady", [lean(GOOD)])
    data = write_lines(tmp_path / "data.jsonl", [TWICE, SILENT])
    said: list[str] = []
    wanted = setup(data, form), Selection(epochs=2), engine, tmp_path / "runs"
    assert MINIF2F is not None
    log = evaluate(MINIF2F, *wanted, lent=lean_pool, watch=RunListener(say=said.append))
    run = read_run(log)
    assert (run.task, run.metric, run.epochs, log.name[:19]) == (
        "formalize/minif2f",
        "BEq",
        2,
        "formalize-minif2f-v",
    )
    assert run.left_out == {"silent": "it has no informal statement"}
    assert any("1 statement left out" in line and "silent" in line for line in said)
    scores = score(run)
    assert scores.every is not None and scores.every.typechecked is not None
    assert [rate.value for rate in scores.every.pass_at] == [
        1.0,
        1.0,
    ] and scores.every.typechecked.value == 1.0
    before = formalizer.count["steady"]
    assert evaluate(MINIF2F, *wanted) == log and formalizer.count["steady"] == before
    again = read_run(rescore(log, engine, lent=lean_pool))
    assert again.attempts == run.attempts and formalizer.count["steady"] == before
    with pytest.raises(
        BadBenchmark, match="No model can be asked to state silent: it has no informal statement"
    ):
        evaluate(MINIF2F, *[wanted[0], Selection(names=("silent",)), *wanted[2:]], lent=lean_pool)


# What needs no Lean.


def stated(marks: dict[str, str], **changes: object) -> Run:
    """A run of statements by letters: equivalent, not equivalent, ill-typed (X), timeout, infrastructure."""
    ends = {"E": "equivalent", "N": "not-equivalent", "X": "ill-typed", "T": "timeout", "I": "infrastructure"}
    accepted = {"E": True, "N": True, "X": False}
    made = [
        Attempt.model_validate(
            {
                "problem": name,
                "epoch": epoch,
                "outcome": ends[letter],
                "type_checks": accepted.get(letter),
            }
        )
        for name, letters in marks.items()
        for epoch, letter in enumerate(letters, 1)
    ]
    more = {"method": "beq", "task": "formalize/minif2f", "policy": "formalize", "model": "m", **changes}
    finished = not any("I" in letters for letters in marks.values())
    return run_of(
        {n: "F" * len(m) for n, m in marks.items()}, attempts=made, **{"finished": finished, **more}
    )


def test_beq_and_typecheck_counted_by_hand() -> None:
    """BEq@1 (2/4 + 0) / 2 = 0.25, BEq@4 1/2; typecheck@1 (3/4 + 1/4) / 2 = 0.5."""
    scores = score(stated({"a": "EENX", "b": "NXTX"}))
    assert scores.every is not None and scores.every.typechecked is not None
    assert [rate.value for rate in scores.every.headline] == [0.25, 0.5]
    assert scores.every.typechecked.value == 0.5
    assert {ending.value: number for ending, number in scores.outcomes.items()} == {
        "equivalent": 2, "not-equivalent": 2, "ill-typed": 3, "timeout": 1, "infrastructure": 0
    }  # fmt: skip


def test_what_the_infrastructure_spoiled_blocks_the_score() -> None:
    scores = score(stated({"a": "EI"}))
    assert scores.every is None and scores.blocked is not None and "spoiled 1 attempt" in scores.blocked


def test_its_reports_speak_of_statements() -> None:
    run = stated({"a": "EN", "b": "XT"}, left_out={"c": "it has no informal statement"})
    report = Report(run, score(run), "runs/LOG.eval")
    for text in (markdown(report), page(report)):
        assert "BEq@1" in text and "typecheck@1" in text and "not-equivalent" in text
        assert "it has no informal statement" in text
        assert "pass@" not in text and "disproved</" not in text


def test_proofs_and_statements_are_not_compared() -> None:
    with pytest.raises(NothingShared, match="proofs"):
        compare(run_of({"a": "P"}), stated({"a": "E"}))
    found = compare(stated({"a": "N"}), stated({"a": "E"}))
    assert found.gained == ("a",) and found.differences[0].difference == 1.0


def test_a_statement_in_a_namespace_is_left_out_with_the_reason() -> None:
    source = f"{HEADER}\n\nnamespace A\n\ntheorem t : 1 = 1 := by sorry\n"
    assert "namespace" in str(left_out(BenchmarkProblem(name="t", source=source, informal="One is one.")))


def test_the_comment_above_a_theorem_is_its_words_and_no_part_of_the_header(tmp_path: Path) -> None:
    record = {
        "name": "t",
        "header": "import Mathlib",
        "formal_statement": "/-- Doubles. -/\ndef d (n : ℕ) := 2 * n\n\n/-- Doubling 1 gives 2. -/\ntheorem t : d 1 = 2 := by",
    }
    problem = problem_of(record, tmp_path)
    assert problem.informal == "Doubling 1 gives 2."
    assert "gives 2" not in reference_statement(problem, without_mathlib=True).header


def test_other_words_are_another_dataset(tmp_path: Path) -> None:
    assert MINIF2F is not None
    hashes = set()
    for words in ("a", "b"):
        data = write_lines(tmp_path / "data.jsonl", [{**TWICE, "informal_prefix": words}])
        loaded = load(MINIF2F, None, str(data))
        hashes.add((loaded.pinned(words=False).sha256, loaded.pinned(words=True).sha256))
    assert len({proofs for proofs, _ in hashes}) == 1 and len({words for _, words in hashes}) == 2


def test_a_file_without_words_is_refused_before_anything_is_written(engine: Engine, tmp_path: Path) -> None:
    assert MINIF2F is not None
    data = write_lines(tmp_path / "data.jsonl", [SILENT])
    with pytest.raises(BadBenchmark, match="has no informal statements"):
        evaluate(MINIF2F, setup(data, "tiny"), Selection(), engine, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_log_folder_that_is_a_file_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data, file = write_lines(tmp_path / "data.jsonl", [TWICE]), tmp_path / "file"
    file.touch()
    options = ["--subset", "core", "--path", str(data), "--log-dir", str(file), "--model", "openai:x"]
    monkeypatch.setattr("sys.argv", ["stepprove", "eval", "run", "formalize/minif2f", *options])
    assert status() == 2
    assert "name a folder with --log-dir" in capsys.readouterr().err.replace("\n", " ")


def test_inspects_own_command_has_the_task(tmp_path: Path) -> None:
    with pytest.raises(BadBenchmark, match="no file or folder"):
        formalize_minif2f(model_form="tiny", path=str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("formalize/minif2f",), "Which model is to state the problems?"),
        (("formalize/minif2f", "--model", "openai:x", "--policy", "auto"), "are for proofs"),
        (("minif2f", "--method", "beq"), "--method is for statements"),
        (("formalize/none",), "There is no benchmark 'formalize/none'"),
    ],
)
def test_bad_usage_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr("sys.argv", ["stepprove", "eval", "run", *arguments])
    assert status() == 2
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_the_list_names_both_tasks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["stepprove", "eval", "list", "--json"])
    assert status() == 0
    known = json.loads(capsys.readouterr().out)["benchmarks"]
    assert known[2]["tasks"] == ["proverbench", "formalize/proverbench"]
