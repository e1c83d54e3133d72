"""Generate verified tool-integrated trajectories as training data.

A search finds a proof of a generated theorem. The trajectory shows failed scripts as sketches with Lean's real answers before
the script that works, in the format of StepFun-Prover (`agent/models/stepfun.py`). It is kept only if the final proof passes
the trust gate.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from stepprove.agent.models.problem import Problem
from stepprove.agent.models.stepfun import (
    END,
    SKETCH,
    SKETCH_END,
    THINK_END,
    answer_text,
    build_prompt,
    repl_block,
)
from stepprove.lean_project.gate.verify import verify
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome
from stepprove.train.data.proof_search import solve
from stepprove.train.data.tactic_scripts import Script
from stepprove.train.data.theorems import Theorem, for_training
from stepprove.train.sft.records import cut_broken_end, line_of, read_records

SHARE_OF_REJECTIONS = (0.5, 0.35, 0.15)
"""Shares of trajectories with zero, one and two scripts before the one that works; scripts that also work are left out."""
_NEXT = 6
"""Untried scripts that may stand before the one that works."""
_EXCERPT = 60
"""Characters of Lean's error that a thought quotes."""


class TrainingText(BaseModel):
    """One trajectory."""

    model_config = ConfigDict(frozen=True)

    index: int
    """The index of its theorem in the generator's order."""
    family: str
    rejected: int
    """Sketches with errors."""
    pieces: tuple[tuple[str, bool], ...]
    """The text in order, each piece with whether the model learns it: not the prompt, not Lean's feedback."""

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(piece for piece, _ in self.pieces)


@dataclass(frozen=True, slots=True)
class Sketch:
    """A theorem with a script as its proof, and Lean's answer."""

    script: Script
    code: str
    answer: CommandResponse | ErrorResponse

    @property
    def faulty(self) -> bool:
        """Whether Lean reports an error."""
        return isinstance(self.answer, ErrorResponse) or self.answer.has_errors


def problem_of(theorem: Theorem) -> Problem:
    """Return the theorem as a prover's problem."""
    return Problem(header="", statement=theorem.source().strip(), name=theorem.name)


def pieces(theorem: Theorem, rejected: list[Sketch], accepted: Sketch) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a trajectory, each with whether the model learns it."""
    yield build_prompt(problem_of(theorem)), False
    feedback = ""
    for sketch in [*rejected, accepted]:
        yield f"{feedback}Plan: {sketch.script.plan}.\n{SKETCH}\n{sketch.code}{SKETCH_END}", True
        yield repl_block(answer_text(sketch.answer)), False
        feedback = f"\nLean: {excerpt(sketch.answer)}\n"
    yield f"\nLean accepts it.\n{THINK_END}\n\n```lean4\n{accepted.code}```{END}", True


def excerpt(answer: CommandResponse | ErrorResponse) -> str:
    """Return the beginning of Lean's first error."""
    if isinstance(answer, ErrorResponse):
        error = answer.message
    else:
        error = next((m.data for m in answer.messages if m.severity == "error"), "")
    return (error.splitlines() or [""])[0][:_EXCERPT]


def trajectory(repl: Repl, theorem: Theorem, index: int, rng: random.Random) -> TrainingText | str:
    """Make a trajectory for a theorem.

    Args:
        repl: Lean.
        theorem: the theorem.
        index: its index in the generator's order.
        rng: chooses scripts and failed sketches.

    Returns:
        The trajectory, or the reason for its absence.

    Raises:
        ReplFailure: Lean is not available.
    """
    search = solve(repl, theorem, rng)
    if search is None:
        return "does not elaborate"
    if search.found is None:
        return "no proof found"
    accepted = _sketch(repl, theorem, search.found)
    judgement = verify(repl, parse_source(theorem.source()), parse_source(accepted.code))
    if judgement.outcome in (Outcome.TIMEOUT, Outcome.INFRASTRUCTURE):
        return f"the gate could not tell: {judgement.reason}"
    if not judgement.accepted:
        return f"turned away by the gate: {judgement.reason}"
    (count,) = rng.choices(range(len(SHARE_OF_REJECTIONS)), SHARE_OF_REJECTIONS)
    others = [*search.failed, *search.untried[:_NEXT]]
    sketches = (_sketch(repl, theorem, script) for script in rng.sample(others, min(count, len(others))))
    rejected = [sketch for sketch in sketches if sketch.faulty]
    return TrainingText(
        index=index,
        family=theorem.family,
        rejected=len(rejected),
        pieces=tuple(pieces(theorem, rejected, accepted)),
    )


def _sketch(repl: Repl, theorem: Theorem, script: Script) -> Sketch:
    code = theorem.source(script.text)
    return Sketch(script, code, repl.command(code))


@dataclass
class TextProgress:
    """Progress of generating trajectories."""

    wanted: int
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """Dropped theorems by reason."""


def make(
    pool: SyncPool,
    count: int,
    seed: int,
    path: Path,
    *,
    listen: Callable[[TextProgress], None] = lambda progress: None,
) -> TextProgress:
    """Write `count` trajectories of training theorems to a JSONL file, each as soon as Lean has verified it.

    A second run with the same seed keeps the file's trajectories and continues.

    Args:
        pool: runs Lean.
        count: trajectories in the file at the end.
        seed: of theorems and scripts.
        path: the file.
        listen: called after each theorem.

    Raises:
        OSError: the file cannot be read or written.
        PoolClosed: the pool was closed.
    """
    progress = TextProgress(count)
    finished = set()
    if path.exists():
        cut_broken_end(path)
        finished = {text.index for text in read(path)}
    progress.kept = len(finished)
    if progress.kept >= count:
        return progress
    todo = ((index, theorem) for index, theorem in enumerate(for_training(seed)) if index not in finished)
    lock = threading.Lock()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file, ThreadPoolExecutor(2 * pool.stats.engines) as threads:

        def one(index: int, theorem: Theorem) -> None:
            rng = random.Random(f"{seed}:{index}")
            try:
                result = pool.run(lambda repl: trajectory(repl, theorem, index, rng))
            except ReplFailure:
                result = "Lean could not be asked"
            with lock:
                if isinstance(result, str):
                    progress.dropped[result.partition(":")[0]] += 1
                elif progress.kept < count:
                    file.write(line_of(result))
                    file.flush()
                    progress.kept += 1
                listen(progress)

        running: set[Future[None]] = set()
        while progress.kept < count:
            running |= {
                threads.submit(one, index, theorem)
                for index, theorem in islice(todo, 4 * pool.stats.engines - len(running))
            }
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
    return progress


def read(path: Path) -> list[TrainingText]:
    """Read the trajectories of a file, in the order of theorems. Raises OSError, ValueError."""
    return sorted(read_records(path, TrainingText), key=lambda text: text.index)
