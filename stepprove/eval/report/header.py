"""The setting of a run in words, for the space beside each number."""

from __future__ import annotations

from collections.abc import Mapping

from stepprove.eval.records.record import Dataset, Run
from stepprove.visible import in_line


def title(run: Run) -> str:
    """Return the title of a run: `minif2f valid core: portfolio`, `formalize/minif2f valid core: MODEL`."""
    by = run.policy if run.method is None else None
    return in_line(f"{_task(run)}: {', '.join(filter(None, (by, run.model)))}")


def caption(run: Run, problems: int) -> str:
    """Return the caption of a number in one line: n, budget, engine, dataset hash and versions."""
    return in_line(
        f"{count(problems, 'problem')} × {count(run.epochs, 'attempt')} · budget: {pairs(run.budget) or 'none'} · "
        f"{run.engine} · dataset sha256 {run.dataset.sha256[:12]} · {pairs(run.versions)}"
    )


def run_facts(run: Run, log: str) -> list[tuple[str, str]]:
    """Return all facts about a run's setting by name; `log` is its path."""
    dataset, attempts = run.dataset, run.attempts
    revision = f" at {dataset.revision}" if dataset.revision else ""
    seconds = sum(attempt.seconds for attempt in attempts)
    interactions = sum(attempt.interactions for attempt in attempts)
    tokens = sum(attempt.tokens for attempt in attempts)
    facts = [
        ("dataset", f"{_benchmark(dataset)}, from {dataset.origin}{revision}, licence {dataset.licence}"),
        ("dataset sha256", dataset.sha256),
        ("attempts", f"{count(len(run.problems), 'problem')}, {count(run.epochs, 'attempt')} at each"),
        _by(run),
        ("budget of an attempt", pairs(run.budget) or "none"),
        (
            "spent by all attempts",
            f"{seconds:,.1f} s, {count(interactions, 'interaction')}, {count(tokens, 'token')}",
        ),
        ("engine", run.engine),
        ("versions", pairs(run.versions)),
        ("run", f"{run.task} {run.id}, started {run.started:%Y-%m-%d %H:%M %Z}, log {log}"),
    ]
    return [(name, in_line(value)) for name, value in facts]


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 problem`, `1,000 problems`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _by(run: Run) -> tuple[str, str]:
    if run.method is not None:
        return "formalizer", f"model {run.model}, its statements compared by {run.metric}"
    return "prover", f"policy {run.policy}, {f'model {run.model}' if run.model else 'no model'}"


def _task(run: Run) -> str:
    task = run.dataset.name if run.method is None else run.task
    return " ".join(filter(None, (task, run.dataset.split, run.dataset.subset)))


def _benchmark(dataset: Dataset) -> str:
    return " ".join(filter(None, (dataset.name, dataset.split, dataset.subset)))


def pairs(mapping: Mapping[str, object]) -> str:
    """Return a budget or versions in one line: `seconds 300, tokens 20480`."""
    return ", ".join(
        f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}" for key, value in mapping.items()
    )
