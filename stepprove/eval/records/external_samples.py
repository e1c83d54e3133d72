"""Attempts of other harnesses: read and write their files; this gate judges the attempts.

Goedel-Prover-V2's `to_inference_codes` has `problem_id` (a name with `_g0` for the first attempt), `origin_problem_id`,
`lean4_code` (the statement) and `full_code`, which is "None" if the model wrote none; its `code_compilation` has `name` and
`code`, without the lines that import, open and set options. DeepSeek-Prover-V1.5's summaries have `problem_name`,
`formal_statement` and `proof_code`, which follows it; its candidates, `statement_proposal`, are whole. A harness's own verdict
is ignored: the gate judges each proof against the benchmark's statement.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from stepprove.eval.bench import AttemptMaker
from stepprove.eval.benchmarks.datasets import read_json
from stepprove.eval.records.record import Attempt, BenchmarkProblem, Run
from stepprove.faults import Failure
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome

Form = Literal["goedel", "deepseek"]

_NAMES = ("origin_problem_id", "problem_name", "problem_id", "name")
_WHOLE = ("full_code", "statement_proposal", "code")
_SUFFIX = re.compile(r"(_corr\d+)?_g\d+$")


class BadSamples(Failure, ValueError):
    """A file has no attempts to judge; the message is one sentence."""

    exit_code = 2


class Replay:
    """Returns existing attempts, which the gate judges anew, whatever it said of them before."""

    def __init__(self, attempts: Iterable[Attempt], judging: AttemptMaker) -> None:
        self._attempts = {
            (attempt.problem, attempt.epoch): attempt.model_copy(update={"gated": False})
            for attempt in attempts
        }
        self._judging = judging

    async def attempt(self, problem: BenchmarkProblem, epoch: int) -> Attempt:
        """Return the existing attempt."""
        sample = self._attempts.get((problem.name, epoch))
        if sample is not None:
            return sample
        spoiled = Outcome.INFRASTRUCTURE
        return Attempt(problem=problem.name, epoch=epoch, outcome=spoiled, reason="there is no such attempt")

    async def judge(self, problem: BenchmarkProblem, attempt: Attempt) -> Attempt:
        """Return the attempt with the gate's verdict."""
        return await self._judging.judge(problem, attempt)


def read_samples(path: Path, problems: Sequence[BenchmarkProblem]) -> tuple[tuple[Attempt, ...], int]:
    """Read the attempts of a harness's file (JSONL, or one JSON list).

    Returns:
        The attempts at these problems, and the number of attempts at others.

    Raises:
        BadSamples: the file has no attempts.
        BadBenchmark: the file is not JSON.
    """
    by_name = {problem.name: problem for problem in problems}
    count: Counter[str] = Counter()
    attempts, others = [], 0
    for number, record in enumerate(read_json(path), 1):
        if not isinstance(record, Mapping):
            raise BadSamples(f"{path}, record {number}: that is no object with fields.")
        name = _name(record, by_name)
        if name is None:
            raise BadSamples(f"{path}, record {number}: it has none of the fields {', '.join(_NAMES)}.")
        if name not in by_name:
            others += 1
            continue
        count[name] += 1
        attempts.append(_attempt(by_name[name], count[name], record, f"{path}, record {number}"))
    if not attempts:
        raise BadSamples(f"{path} has no attempt at any of these {len(problems)} statements.")
    return tuple(attempts), others


def samples(run: Run, form: Form) -> Iterator[dict[str, Any]]:
    """Yield the attempts of a run as a harness's records."""
    problems = {problem.name: problem for problem in run.problems}
    record = {"goedel": _goedel, "deepseek": _deepseek}[form]
    for attempt in run.attempts:
        yield record(run, problems[attempt.problem], attempt)


def write_samples(run: Run, form: Form, write: Callable[[str], object]) -> int:
    """Write the attempts of a run as JSON lines; return their number."""
    number = 0
    for number, record in enumerate(samples(run, form), 1):  # noqa: B007 - it is returned
        write(json.dumps(record, ensure_ascii=False) + "\n")
    return number


def _goedel(run: Run, problem: BenchmarkProblem, attempt: Attempt) -> dict[str, Any]:
    name = f"{attempt.problem}_g{attempt.epoch - 1}"
    return {
        "problem_id": name,
        "origin_problem_id": attempt.problem,
        "id_maps": [{"origin_problem_id": attempt.problem}, {"generation_id": name}],
        "lean4_code": problem.source,
        "model_input": "",
        "messages_history_list": [],
        "model_output": attempt.trace or "",
        "full_code": attempt.candidate or "None",
    }


def _deepseek(run: Run, problem: BenchmarkProblem, attempt: Attempt) -> dict[str, Any]:
    source = parse_source(problem.source)
    before = source.text.rstrip().removesuffix("sorry").rstrip()
    candidate = attempt.candidate or ""
    proof = candidate[len(before) :] if candidate.startswith(before) else ""
    proved = attempt.outcome is Outcome.PROVED
    return {
        "problem_name": attempt.problem,
        "sample_info": {
            "algorithm": run.policy,
            "datetime": f"{run.started:%Y%m%d_%H%M%S}",
            "cost": attempt.epoch,
        },
        "header": source.text[: source.header_end],
        "formal_statement": before[source.header_end :],
        "proof_code": proof,
        "statement_proposal": candidate,
        "result": {"pass": proved, "complete": proved, "errors": list(attempt.errors)},
    }


def _name(record: Mapping[str, Any], problems: Mapping[str, BenchmarkProblem]) -> str | None:
    """Return the problem that a record names, if it can be identified."""
    for field in _NAMES:
        value = record.get(field)
        if isinstance(value, str) and value:
            bare = _SUFFIX.sub("", value)
            return value if value in problems or bare not in problems else bare
    return None


def _attempt(problem: BenchmarkProblem, epoch: int, record: Mapping[str, Any], where: str) -> Attempt:
    code = next((record[field] for field in _WHOLE if isinstance(record.get(field), str)), None)
    proof, statement = record.get("proof_code"), record.get("formal_statement")
    if code is None and isinstance(proof, str) and isinstance(statement, str):
        code = statement + proof
    if code is None:
        raise BadSamples(f"{where}: it has none of the fields {', '.join(_WHOLE)}, proof_code.")
    if not code.strip() or code.strip() == "None":
        none = "there is no Lean code in the answer"
        return Attempt(problem=problem.name, epoch=epoch, outcome=Outcome.FAILED, reason=none)
    return Attempt(
        problem=problem.name,
        epoch=epoch,
        outcome=Outcome.FAILED,
        reason="made elsewhere",
        candidate=_under_header(problem, code.encode("utf-8", "replace").decode()),
    )


def _under_header(problem: BenchmarkProblem, code: str) -> str:
    """Put a code without imports under the text above the benchmark's theorem."""
    if parse_source(code).imports:
        return code
    source = parse_source(problem.source)
    holed = [d for d in source.declarations if d.holes]
    return f"{source.text[: holed[-1].start].rstrip()}\n\n{code}" if holed else code
