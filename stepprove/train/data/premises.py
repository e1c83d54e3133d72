"""Data of a traced repository: its premises, and every goal with the tactic that was used on it.

The format is LeanDojo's (arXiv 2306.15626; https://github.com/lean-dojo/LeanDojo): `corpus.jsonl`, and for each split a JSON
file of theorems with `traced_tactics` (`tactic`, `annotated_tactic`, `state_before`, `state_after`). An annotated tactic says
which premises it names and where they are defined. What comes out is read by fine-tuning (prompt and completion), by whoever
trains a retriever (goal and premises), and by the agent (`agent/file/library.py`).
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

from stepprove.agent.file.library import Library, Position, Premise

CORPUS = "corpus.jsonl"
SPLITS = ("train", "val", "test")
CUTS = (1, 10)
"""At which a retriever's recall is counted, as ReProver's is."""
_DONE = "no goals"


class BadTrace(ValueError):
    """The folder is no traced repository; the message is one sentence."""


class CannotTrace(RuntimeError):
    """The repository is not traced yet, and cannot be here; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class TacticStep:
    """A tactic in its place."""

    theorem: str
    path: str
    start: Position
    """Of the theorem: what stands before it can be used."""
    goal: str
    tactic: str
    used: tuple[Premise, ...]
    """The premises that the tactic names, those of the library."""


def steps(file: Path, library: Library) -> Iterator[TacticStep]:
    """The tactics of a split's theorems, in order; a tactic that has no goal before it, or only focuses one, is left out.

    Raises BadTrace, OSError.
    """
    try:
        theorems = orjson.loads(file.read_bytes())
        for theorem in theorems:
            line, column = theorem["start"]
            for traced in theorem["traced_tactics"]:
                if traced["state_before"] == _DONE or "·" in traced["tactic"]:
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
    found: dict[str, Premise] = {}
    for each in named:
        line, column = each["def_pos"]
        premise = library.at(each["def_path"], (line, column))
        if premise is not None:
            found.setdefault(premise.name, premise)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """What became of a split."""

    theorems: int
    tactics: int
    with_premises: int
    """Tactics that name a premise of the library."""
    reachable: float
    """Of the premises that are named, the share that stands before the theorem or in what its file imports."""
    recall: dict[int, float]
    """Of BM25 over what can be used: the mean share of a tactic's premises that is among the first so many."""


def prompt(goal: str, helpful: Sequence[Premise] = ()) -> str:
    """What a model is given of a goal; its answer is the tactic."""
    shown = "".join(f"{one.code}\n\n" for one in helpful)
    return f"{shown}{goal}\n\nTactic:\n"


def extract(
    folder: Path, output: Path, *, split: str | None = None, shown: int = 0, measured: int = 500
) -> dict[str, SplitSummary]:
    """Write a traced repository's data to a folder; what became of each split.

    Args:
        folder: with a `corpus.jsonl`; one that is a Lake project is traced first.
        output: gets `corpus.jsonl`, and for each split `NAME.jsonl`: in each line a goal with its tactic (`prompt`,
            `completion`) and the premises that the tactic names.
        split: the folder with the splits: LeanDojo's `random` or `novel_premises`; None: where there is but one.
        shown: premises that BM25 finds are put before each goal, so many.
        measured: goals of a split on which BM25's recall is counted; those of training are not measured.

    Raises BadTrace, BadLibrary, CannotTrace, OSError.
    """
    if not (folder / CORPUS).exists():
        folder = _traced(folder, output / "traced")
    library = Library.read(folder / CORPUS)
    files = _splits(folder, split)
    output.mkdir(parents=True, exist_ok=True)
    found = {name: _write(file, library, output, shown, measured) for name, file in files.items()}
    if (folder / CORPUS).resolve() != (output / CORPUS).resolve():
        shutil.copyfile(folder / CORPUS, output / CORPUS)
    about = {name: asdict(part) for name, part in found.items()}
    (output / "premises.json").write_bytes(
        orjson.dumps(
            {"premises": len(library.premises), "shown": shown, "splits": about},
            option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS,
        )
    )
    return found


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
    """Trace a Lake project with LeanDojo and write what it found in LeanDojo's format; returns the folder with it."""
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
    """Write a `TracedRepo` of LeanDojo as its benchmark's files: all theorems in `train.json`, and last `corpus.jsonl`."""
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
