"""Read inspect's log of an evaluation as a `Run`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zipfile import BadZipFile

from inspect_ai.log import EvalLog, EvalSample, read_eval_log, read_eval_log_samples
from pydantic import ValidationError

from stepprove.eval.records.record import Attempt, BadLog, BenchmarkProblem, Run
from stepprove.eval.setup import Manifest, Selection
from stepprove.eval.solvers import ATTEMPT
from stepprove.eval.tasks import MANIFEST, SELECTION
from stepprove.outcome import Outcome


def read_run(path: Path) -> Run:
    """Read the evaluation of a log; raise BadLog."""
    log = read_header(path)
    manifest = manifest_of(log, path)
    problems: dict[str, BenchmarkProblem] = {}
    attempts: list[Attempt] = []
    for sample in _samples(path):
        problem = _problem(sample)
        problems[problem.name] = problem
        if (attempt := _attempt(sample)) is not None:
            attempts.append(attempt)
    ids = [str(name) for name in log.eval.dataset.sample_ids or problems]
    wanted = tuple(problems.get(name) or BenchmarkProblem(name=name, source="") for name in ids)
    place = {name: number for number, name in enumerate(ids)}
    attempts.sort(key=lambda a: (place.get(a.problem, len(place)), a.epoch))
    epochs = log.eval.config.epochs or 1
    ended = sum(a.outcome is not Outcome.INFRASTRUCTURE for a in attempts)
    return Run(
        id=log.eval.run_id,
        task=manifest.setup.task,
        dataset=manifest.dataset,
        policy=manifest.setup.policy,
        model=manifest.setup.model,
        method=manifest.setup.method,
        budget=manifest.setup.budget,
        epochs=epochs,
        engine=manifest.engine,
        versions=manifest.versions,
        started=datetime.fromisoformat(log.eval.created),
        finished=ended == epochs * len(wanted),
        problems=wanted,
        attempts=tuple(attempts),
        left_out=manifest.left_out,
    )


def read_header(path: Path) -> EvalLog:
    """Read a log without its samples; raise BadLog."""
    if path.is_dir():
        raise BadLog(f"{path} is a folder: name a log in it, a file that ends in .eval.")
    if not path.is_file():
        raise BadLog(f"There is no file {path}.")
    if path.suffix not in (".eval", ".json"):
        raise BadLog(f"{path} is no log of an evaluation: those end in .eval.")
    try:
        return read_eval_log(str(path), header_only=True)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, NotImplementedError, RecursionError):
        raise BadLog(
            f"{path} cannot be read as a log: it is damaged, or was still being written when its run was ended."
        ) from None


def manifest_of(log: EvalLog, path: Path) -> Manifest:
    """Return the manifest of a log's attempts; raise BadLog."""
    try:
        return Manifest.model_validate((log.eval.metadata or {})[MANIFEST])
    except (KeyError, ValidationError):
        raise BadLog(f"{path} is the log of another program, not of `stepprove eval`.") from None


def selection_of(log: EvalLog) -> Selection:
    """Return the selection of a log's run; all its attempts if inspect's own command ran it."""
    selection = (log.eval.metadata or {}).get(SELECTION)
    if selection is not None:
        return Selection.model_validate(selection)
    names = tuple(str(name) for name in log.eval.dataset.sample_ids or ())
    return Selection(epochs=log.eval.config.epochs or 1, names=names)


def _samples(path: Path) -> Iterator[EvalSample]:
    try:
        yield from read_eval_log_samples(
            str(path), all_samples_required=False, exclude_fields={"events", "messages"}
        )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, json.JSONDecodeError):
        raise BadLog(f"{path} is damaged: not all of its samples can be read.") from None


def _problem(sample: EvalSample) -> BenchmarkProblem:
    metadata = sample.metadata
    source = sample.input if isinstance(sample.input, str) else ""
    return BenchmarkProblem(
        name=str(sample.id), source=source, informal=metadata.get("informal"), broken=metadata.get("broken")
    )


def _attempt(sample: EvalSample) -> Attempt | None:
    """Return a sample's attempt; None if the sample was cut short before it."""
    stored = sample.store.get(ATTEMPT)
    if sample.error is not None or stored is None:
        reason = sample.error.message if sample.error is not None else "it was not made"
        blank = {"problem": str(sample.id), "epoch": sample.epoch}
        spoiled = {"outcome": Outcome.INFRASTRUCTURE, "reason": reason.partition("\n")[0]}
        return Attempt.model_validate({**(stored or blank), **spoiled})
    score = next(iter((sample.scores or {}).values()), None)
    if score is None or score.metadata is None:
        return None
    scored = {key: score.metadata.get(key) for key in ("outcome", "errors", "type_checks")}
    return Attempt.model_validate({**stored, **scored, "reason": score.explanation or ""})
