"""The community REPL's own golden tests, run against a REPL and compared.

A golden is a pair NAME.in, NAME.expected.out: requests and the answers that upstream gives to them, separated
by blank lines. Many goldens share one process here: ids in requests and answers are shifted to where it is.

    python tests/lean_project/repl/goldens.py [FOLDER…]     prints how each golden fares on the embedded engine
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.find import find_engine

Json = Any
Request = Callable[[dict[str, Any]], Any]
Verdict = Literal["exact", "wording", "different"]
FOLDERS = [
    Path(folder)
    for folder in os.environ.get(
        "STEPPROVE_REPL_GOLDEN", str(Path(__file__).parents[2] / "data" / "repl_golden")
    ).split(os.pathsep)
]


@dataclass(frozen=True, slots=True)
class Golden:
    """One golden test; `needs` names the golden that writes the pickles it reads: upstream runs it before."""

    name: str
    folder: Path
    requests: tuple[dict[str, Json], ...]
    answers: tuple[dict[str, Json], ...]
    needs: str | None = None
    lacks_pickle: bool = False
    """It reads a pickle that no golden here writes."""


def _blocks(file: Path, joiner: str) -> list[dict[str, Json]]:
    lines = [line.rstrip() for line in file.read_text(encoding="utf-8").splitlines()]
    blocks = [joiner.join(block.split("\n")) for block in "\n".join(lines).split("\n\n")]
    return [json.loads(block) for block in blocks if block.strip() and not block.startswith(("#", "--"))]


def load(folders: list[Path] | None = None) -> list[Golden]:
    """All goldens of `folders` (default: $STEPPROVE_REPL_GOLDEN or those kept in tests/data), in upstream's order."""
    files = [file for folder in folders or FOLDERS for file in sorted(folder.glob("*.in"))]
    goldens: list[Golden] = []
    wrote: dict[str, str] = {}
    for file in files:
        expected = file.with_suffix(".expected.out")
        if not expected.exists():
            continue
        golden = Golden(file.stem, file.parent, tuple(_blocks(file, "")), tuple(_blocks(expected, "\n")))
        for request in golden.requests:
            for pickle in (request.get(key) for key in ("unpickleEnvFrom", "unpickleProofStateFrom")):
                if pickle is not None and wrote.get(pickle) != file.stem:
                    golden = replace(golden, needs=wrote.get(pickle), lacks_pickle=pickle not in wrote)
            if "pickleTo" in request:
                wrote[request["pickleTo"]] = file.stem
        goldens.append(golden)
    return goldens


# What Lean 4.28 (the embedded engine) and 4.33 (which wrote the goldens) word differently. Only these words
# of messages and of proof statuses are rewritten; positions, severities, goals, ids and the number of
# messages are compared as they are.
_IN_4_28: tuple[tuple[str, str], ...] = (
    (
        r"unused variable `([^`]*)`\n\nNote: This linter",
        r"Variable name `\1` is not explicitly referenced.\n\nHint: The binding can be removed (if unused) "
        r"or named `_` (if used implicitly). Alternatively, prefix the name with `_` to silence this "
        r"warning:\n  [apply] _\1\n\nNote: This linter",
    ),
)
_IN_4_33: tuple[tuple[str, str], ...] = (
    # 4.28's kernel does not say in which expression a free variable is left.
    (r"(\(kernel\) declaration has free variables '[^']*'), expression: \n  .*\Z", r"\1"),
)
ABSENT = "(absent)"
_WORDED = ("data", "message", "proofStatus")


def reworded(answer: Json, rules: tuple[tuple[str, str], ...]) -> Json:
    """The answer with the words of its messages and statuses replaced by `rules`."""
    if isinstance(answer, list):
        return [reworded(item, rules) for item in answer]
    if not isinstance(answer, dict):
        return answer
    result = {key: reworded(value, rules) for key, value in answer.items()}
    for key in _WORDED:
        if isinstance(result.get(key), str):
            for old, new in rules:
                result[key] = re.sub(old, new, result[key], flags=re.DOTALL)
    return result


@dataclass(frozen=True, slots=True)
class Shift:
    """Where a process's ids stand: a golden counts from 0."""

    env: int
    proof_state: int

    def apply(self, value: Json, sign: int) -> Json:
        """Every `env` and `proofState` in a request (+1) or an answer (-1) moved."""
        if isinstance(value, list):
            return [self.apply(item, sign) for item in value]
        if not isinstance(value, dict):
            return value
        by = {"env": sign * self.env, "proofState": sign * self.proof_state}
        return {
            key: item + by[key] if key in by and isinstance(item, int) else self.apply(item, sign)
            for key, item in value.items()
        }


def measure_shift(request: Request) -> Shift:
    """Ask the process for an environment and a proof state, to see which ids come next."""
    answer = request({"cmd": "example : True := by sorry"})
    return Shift(answer["env"] + 1, answer["sorries"][0]["proofState"] + 1)


def play(golden: Golden, request: Request, folder: Path) -> list[Json]:
    """Send the golden's requests, with `folder` for upstream's `test/`; returns the answers, ids from 0."""
    shift = measure_shift(request)
    answers = []
    for wire in golden.requests:
        moved = shift.apply(wire, +1)
        for key in ("path", "pickleTo", "unpickleEnvFrom", "unpickleProofStateFrom"):
            if key in moved:
                moved[key] = str(folder / moved[key].removeprefix("test/"))
        answers.append(shift.apply(request(moved), -1))
    return answers


def prepare(golden: Golden, goldens: list[Golden], request: Request, folder: Path) -> None:
    """Put the .lean files that goldens name into `folder`, and the pickles that this one reads."""
    for file in golden.folder.glob("*.lean"):
        shutil.copy(file, folder)
    for other in goldens:
        if other.name == golden.needs:
            play(other, request, folder)


def judge(golden: Golden, answers: list[Json]) -> Verdict:
    """Whether the answers are upstream's."""
    if answers == list(golden.answers):
        return "exact"
    return "different" if any(differences(golden, answers)) else "wording"


def differences(golden: Golden, answers: list[Json]) -> Iterator[str]:
    """Where the answers differ from upstream's by more than wording, one item a place."""
    yield from _differences(reworded(list(golden.answers), _IN_4_33), reworded(answers, _IN_4_28), "")


def _differences(expected: Json, got: Json, path: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted({*expected, *got}):
            yield from _differences(expected.get(key, ABSENT), got.get(key, ABSENT), f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for number, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from _differences(one, other, f"{path}[{number}]")
    elif expected != got:
        yield f"{path}\n    expected {expected!r}\n    got      {got!r}"


def main(folders: list[str]) -> None:
    """Print one line a golden, the differences, and the counts."""
    goldens = load([Path(folder) for folder in folders])
    counts: dict[str, int] = {}
    with Repl(find_engine(prefer="embedded"), timeout=120) as repl:
        for golden in (golden for golden in goldens if not golden.lacks_pickle):
            with tempfile.TemporaryDirectory() as folder:
                prepare(golden, goldens, repl.request, Path(folder))
                answers = play(golden, repl.request, Path(folder))
            verdict = judge(golden, answers)
            counts[verdict] = counts.get(verdict, 0) + 1
            print(f"{verdict:10} {golden.name}")
            for place in differences(golden, answers):
                print(f"  {place}")
    print(
        ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())),
        f"of {sum(counts.values())}",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
