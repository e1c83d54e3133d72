"""Extract training data from a traced repository: premises, and goals with their tactics.

The format is LeanDojo's (arXiv 2306.15626; https://github.com/lean-dojo/LeanDojo): `corpus.jsonl`, and for each split a JSON
file of theorems with `traced_tactics` (`tactic`, `annotated_tactic`, `state_before`, `state_after`). An annotated tactic lists
the premises that it names, with their definitions' places. Fine-tuning reads the output (prompt and completion), a retriever's
training reads goal and premises, and the agent reads the premises (`agent/models/library.py`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from stepprove.agent.models.library import Library, Position, Premise
from stepprove.faults import Failure
from stepprove.lean_project.messages import NO_GOALS

CORPUS = "corpus.jsonl"
SPLITS = ("train", "val", "test")
CUTS = (1, 10)
"""Ranks k of recall@k, as in ReProver."""


class BadTrace(Failure, ValueError):
    """The folder is no traced repository; the message is one sentence."""

    exit_code = 2


class CannotTrace(Failure, RuntimeError):
    """The repository is not traced, and tracing is impossible here; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class TacticStep:
    """A tactic with its goal."""

    theorem: str
    path: str
    start: Position
    """The theorem's start; declarations before it are usable."""
    goal: str
    tactic: str
    used: tuple[Premise, ...]
    """The library's premises that the tactic names."""


def steps(file: Path, library: Library) -> Iterator[TacticStep]:
    """Yield the tactics of a split's theorems in order, without tactics on no goal or that only focus one.

    Args:
        file: the split's JSON file.
        library: the premises.

    Raises:
        BadTrace: the file holds no traced theorems.
        OSError: the file cannot be read.
    """
    try:
        theorems = orjson.loads(file.read_bytes())
        for theorem in theorems:
            line, column = theorem["start"]
            for traced in theorem["traced_tactics"]:
                if traced["state_before"] == NO_GOALS or "·" in traced["tactic"]:
                    continue
                _, named = traced.get("annotated_tactic") or ("", [])
                yield TacticStep(
                    theorem["full_name"],
                    theorem["file_path"],
                    (line, column),
                    traced["state_before"],
                    traced["tactic"],
                    tuple(_located(named, library)),
                )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as wrong:
        raise BadTrace(f"{file} holds no theorems of a traced repository ({wrong!r}).") from None


def _located(named: Sequence[dict[str, Any]], library: Library) -> list[Premise]:
    premises: dict[str, Premise] = {}
    for reference in named:
        line, column = reference["def_pos"]
        premise = library.at(reference["def_path"], (line, column))
        if premise is not None:
            premises.setdefault(premise.name, premise)
    return list(premises.values())


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """Counts and recall of a split."""

    theorems: int
    tactics: int
    with_premises: int
    """Tactics that name a premise of the library."""
    reachable: float
    """Share of named premises that stand before the theorem or in imported files."""
    recall: dict[int, float]
    """BM25's recall@k over usable premises: the mean share of a tactic's premises among the first k."""


def prompt(goal: str, helpful: Sequence[Premise] = ()) -> str:
    """Return the prompt for a goal; the completion is the tactic."""
    shown = "".join(f"{one.code}\n\n" for one in helpful)
    return f"{shown}{goal}\n\nTactic:\n"


def extract(
    folder: Path, output: Path, *, split: str | None = None, shown: int = 0, measured: int = 500
) -> dict[str, SplitSummary]:
    """Write a traced repository's data to a folder.

    Args:
        folder: a traced repository with `corpus.jsonl`, or a Lake project to trace first.
        output: the folder for `corpus.jsonl` and, for each split, `NAME.jsonl`: lines with a goal, its tactic (`prompt`,
            `completion`) and the tactic's premises.
        split: the folder of the splits, LeanDojo's `random` or `novel_premises`; None: the only one.
        shown: premises from BM25 put before each goal.
        measured: goals of a split that measure BM25's recall; not those of training.

    Returns:
        Counts and recall of each split.

    Raises:
        BadTrace, BadLibrary: the folder holds no traced repository.
        CannotTrace: tracing needs a program or package that is missing.
        OSError: a file cannot be read or written.
    """
    if not (folder / CORPUS).exists():
        folder = _traced(folder, output / "traced")
    library = Library.read(folder / CORPUS)
    files = _splits(folder, split)
    output.mkdir(parents=True, exist_ok=True)
    summaries = {name: _write(file, library, output, shown, measured) for name, file in files.items()}
    if (folder / CORPUS).resolve() != (output / CORPUS).resolve():
        shutil.copyfile(folder / CORPUS, output / CORPUS)
    about = {name: asdict(summary) for name, summary in summaries.items()}
    (output / "premises.json").write_bytes(
        orjson.dumps(
            {"premises": len(library.premises), "shown": shown, "splits": about},
            option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS,
        )
    )
    return summaries


def _splits(folder: Path, split: str | None) -> dict[str, Path]:
    homes = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    if split is not None:
        homes = [folder / split]
    homes = [home for home in homes if any((home / f"{name}.json").exists() for name in SPLITS)]
    if not homes:
        where = f"{folder / split}" if split is not None else f"{folder}, nor a folder in it,"
        raise BadTrace(f"{where} holds none of train.json, val.json and test.json.")
    if len(homes) > 1:
        names = ", ".join(home.name for home in homes)
        raise BadTrace(f"{folder} holds several splits: say which with --split ({names}).")
    paths = {name: homes[0] / f"{name}.json" for name in SPLITS}
    return {name: path for name, path in paths.items() if path.exists()}


def _write(file: Path, library: Library, output: Path, shown: int, measured: int) -> SplitSummary:
    theorems: set[tuple[str, str]] = set()
    tactics = named = reachable = with_premises = 0
    hits: dict[int, list[float]] = {cut: [] for cut in CUTS}
    new = output / f"{file.stem}.jsonl.new"
    with new.open("wb") as lines:
        for step in steps(file, library):
            theorems.add((step.path, step.theorem))
            tactics += 1
            with_premises += bool(step.used)
            named += len(step.used)
            usable = partial(library.usable, path=step.path, position=step.start)
            reachable += sum(map(usable, step.used))
            counted = bool(step.used) and file.stem != "train" and len(hits[CUTS[0]]) < measured
            wanted = max(shown, CUTS[-1] if counted else 0)
            ranked = library.near(step.goal, wanted, usable) if wanted else []
            if counted:
                for cut in CUTS:
                    right = sum(one in ranked[:cut] for one in step.used)
                    hits[cut].append(right / len(step.used))
            row = {
                "prompt": prompt(step.goal, ranked[:shown]),
                "completion": step.tactic,
                "goal": step.goal,
                "theorem": step.theorem,
                "file": step.path,
                "premises": [one.name for one in step.used],
            }
            lines.write(orjson.dumps(row) + b"\n")
    new.replace(output / f"{file.stem}.jsonl")
    return SplitSummary(
        len(theorems),
        tactics,
        with_premises,
        reachable / named if named else 0.0,
        {cut: sum(each) / len(each) for cut, each in hits.items() if each},
    )


def _traced(folder: Path, output: Path) -> Path:
    """Trace a Lake project with LeanDojo, and write the trace in LeanDojo's format; return its folder."""
    if (output / CORPUS).exists():
        return output
    if not any((folder / name).exists() for name in ("lakefile.lean", "lakefile.toml")):
        raise BadTrace(f"{folder} is neither a traced repository (it has no {CORPUS}) nor a Lake project.")
    if shutil.which("lake") is None:
        raise CannotTrace(
            f"{folder} is not traced yet, and tracing needs `lake`, which is not on the PATH: install elan, "
            f"or name a folder that has been traced elsewhere."
        )
    if find_spec("lean_dojo") is None:
        raise CannotTrace(
            f"{folder} is not traced yet, and lean-dojo, which does it, is not installed: run `pip install lean-dojo`."
        )
    from lean_dojo import LeanGitRepo, trace

    repo = trace(LeanGitRepo.from_path(folder))
    output.mkdir(parents=True, exist_ok=True)
    write_traced(repo, output)
    return output


def write_traced(repo: Any, output: Path) -> None:
    """Write LeanDojo's `TracedRepo` in its benchmark format: all theorems to `train.json`, then `corpus.jsonl`."""
    import networkx as nx

    theorems = [
        {
            "url": repo.repo.url,
            "commit": repo.repo.commit,
            "file_path": str(theorem.theorem.file_path),
            "full_name": theorem.theorem.full_name,
            "start": list(theorem.start),
            "end": list(theorem.end),
            "traced_tactics": [
                {
                    "tactic": tactic.tactic,
                    "annotated_tactic": tactic.get_annotated_tactic(),
                    "state_before": tactic.state_before,
                    "state_after": tactic.state_after,
                }
                for tactic in theorem.get_traced_tactics()
            ],
        }
        for theorem in repo.get_traced_theorems()
    ]
    (output / "train.json").write_bytes(orjson.dumps(theorems))
    graph = repo.traced_files_graph
    new = output / f"{CORPUS}.new"
    with new.open("wb") as lines:
        for path in reversed(list(nx.topological_sort(graph))):
            row = {
                "path": str(path),
                "imports": [str(other) for other in graph.successors(path)],
                "premises": graph.nodes[path]["traced_file"].get_premise_definitions(),
            }
            lines.write(orjson.dumps(row) + b"\n")
    new.replace(output / CORPUS)
