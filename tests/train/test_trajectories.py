"""Trajectories to learn from: verified, in the protocol's format, kept as they are made."""

from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path

import pytest

from stepprove.agent.models.answer import code_of
from stepprove.agent.models.stepfun import END, build_prompt, final_text, sketch_of
from stepprove.lean_project.gate.verify import verify
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.source.file import parse_source
from stepprove.train.data.proof_search import ScriptSearch, solve
from stepprove.train.data.theorems import Theorem, generate
from stepprove.train.sft.trajectories import TrainingText, make, problem_of, read, trajectory

ADD = Theorem("linear", "t", "", "theorem t (x y : Nat) (h : x < y) : 2 * x + 2 ≤ 2 * y :=")


def searched(pool: SyncPool, theorem: Theorem, seed: int = 0) -> ScriptSearch | None:
    return pool.run(lambda repl: solve(repl, theorem, random.Random(seed)))


def test_what_a_search_finds_closes_the_goal_and_what_failed_does_not(pool: SyncPool) -> None:
    theorem = Theorem("witness", "w", "", "theorem w : ∃ x : Nat, x * x = 49 :=")
    found = searched(pool, theorem)
    assert found is not None and found.found is not None and found.found.text == "exact ⟨7, by decide⟩"
    assert found.failed
    for script in found.failed[:3]:
        answer = pool.check(theorem.source(script.text)).answer
        assert isinstance(answer, CommandResponse) and answer.has_errors


def test_a_false_theorem_is_not_found(pool: SyncPool) -> None:
    found = searched(pool, Theorem("linear", "f", "", "theorem f (x : Nat) : x < 3 :="))
    assert found is not None and found.found is None


def test_a_theorem_that_lean_does_not_read_is_dropped(pool: SyncPool) -> None:
    broken = Theorem("linear", "b", "", "theorem b (x : Nat) : x + :=")
    made = pool.run(lambda repl: trajectory(repl, broken, 0, random.Random(0)))
    assert made == "does not elaborate"


@pytest.fixture(scope="module")
def texts(pool: SyncPool) -> list[tuple[Theorem, TrainingText]]:
    found = []
    for index, theorem in enumerate(islice(generate(11), 12)):
        rng = random.Random(index)
        text = pool.run(lambda repl, t=theorem, i=index, r=rng: trajectory(repl, t, i, r))
        if isinstance(text, TrainingText):
            found.append((theorem, text))
    assert len(found) > 8
    return found


def test_the_prompt_and_what_lean_says_are_not_learned(texts: list[tuple[Theorem, TrainingText]]) -> None:
    for theorem, text in texts:
        pieces = list(text.pieces)
        assert pieces[0] == (build_prompt(problem_of(theorem)), False)
        assert all(learned != piece.startswith("\n<REPL>\n") for piece, learned in pieces[1:])
        assert text.text.endswith(END)


def test_each_sketch_has_leans_own_answer(pool: SyncPool, texts: list[tuple[Theorem, TrainingText]]) -> None:
    assert any(text.rejected for _, text in texts)
    for _, text in texts[:6]:
        spoken = [piece for piece, _ in text.pieces[1:-1]]
        for sketch, feedback in zip(spoken[::2], spoken[1::2], strict=True):
            said = json.loads(feedback.removeprefix("\n<REPL>\n").removesuffix("\n</REPL>"))
            answer = pool.check(sketch_of(sketch)).answer
            assert answer is not None
            wire = json.loads(json.dumps(answer.to_wire()))
            wire.pop("env")
            assert said == wire
        rejected = sum('"error"' in feedback for feedback in spoken[1::2])
        assert rejected == text.rejected == len(spoken) // 2 - 1


def test_the_proof_at_the_end_passes_the_gate(
    pool: SyncPool, texts: list[tuple[Theorem, TrainingText]]
) -> None:
    for theorem, text in texts[:4]:
        said = final_text(text.pieces[-1][0].removesuffix(END))
        assert said is not None
        proof = code_of(said, theorem.name)
        assert proof is not None
        original, candidate = parse_source(theorem.source()), parse_source(proof)
        assert pool.run(lambda repl, o=original, c=candidate: verify(repl, o, c)).accepted


def test_a_killed_run_goes_on_where_it_was(pool: SyncPool, tmp_path: Path) -> None:
    path = tmp_path / "data" / "trajectories.jsonl"
    make(pool, 2, 5, path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:50])  # the next line had been begun
    progress = make(pool, 4, 5, path)
    assert progress.kept == 4
    assert path.read_bytes().startswith(whole)
    assert len({text.index for text in read(path)}) == 4


def test_enough_is_enough(pool: SyncPool, tmp_path: Path) -> None:
    path = tmp_path / "trajectories.jsonl"
    make(pool, 1, 5, path)
    before = path.read_bytes()
    assert make(pool, 1, 5, path).kept == 1
    assert path.read_bytes() == before
