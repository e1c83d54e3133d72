"""Rare successes: which right texts are kept to be learned again."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from pathlib import Path

import pytest
from micro import THEOREM
from transformers import AutoTokenizer

from stepprove.agent.models.stepfun import END, End
from stepprove.agent.models.trajectory import TirOptions
from stepprove.lean_project.pool.pool import Pool, SyncPool
from stepprove.serving.serve.batching import Decoder
from stepprove.serving.step_moe import StepMoeForCausalLM
from stepprove.train.data.rejection_sampling import cut_after, is_clear, rare_texts
from stepprove.train.rl.batches import Group
from stepprove.train.rl.rollout import ProofRollout, roll
from stepprove.train.sft.data import read_file
from stepprove.train.sft.records import line_of, read_records
from stepprove.train.sft.trajectories import problem_of


@pytest.fixture(scope="module")
def right(models: Path, pool: SyncPool) -> ProofRollout:
    """A text with a sketch that Lean turned down, one that it accepted, and the proof."""
    tokenizer = AutoTokenizer.from_pretrained(models / "tiny")
    decoder = Decoder(StepMoeForCausalLM.from_pretrained(models / "tiny").float(), tokenizer)
    options = TirOptions(temperature=0.0, max_seq_len=1024, max_turns=4)
    return asyncio.run(roll(decoder, tokenizer, Pool.over(pool), problem_of(THEOREM), options))


def group(right: ProofRollout, *rewards: float) -> Group:
    return Group((right,) * len(rewards), rewards)


@pytest.mark.parametrize(
    ("rewards", "kept"),
    [
        ((1, 0, 0, 0), 1),
        ((1, 1, 0, 0), 0),  # not rare
        ((0, 0, 0, 0), 0),
        ((1, 0, math.nan, 0), 0),  # one of the three that are known is more than a quarter
        ((1, math.nan, 0, 0, 0), 1),
        ((math.nan, math.nan), 0),
    ],
)
def test_right_texts_are_kept_where_most_are_wrong(
    right: ProofRollout, rewards: tuple[float, ...], kept: int
) -> None:
    assert len(list(rare_texts([group(right, *rewards)], 3, 0.25))) == kept


def test_a_kept_text_is_one_that_fine_tuning_reads(right: ProofRollout, models: Path, tmp_path: Path) -> None:
    (kept,) = rare_texts([group(right, 1, 0, 0, 0)], 3, 0.25)
    path = tmp_path / "rare.jsonl"
    path.write_bytes(line_of(kept))
    (read,) = read_file(path, AutoTokenizer.from_pretrained(models / "tiny"))
    assert read.text == right.trajectory.text + END
    assert [own for _, own in read.pieces] == [False, True, False, True, False, True, True]
    assert (kept.update, kept.name, kept.share) == (3, "by_heart", 0.25)


def test_a_text_is_clear_when_it_asks_nothing_twice_and_ends_on_what_lean_accepted(
    right: ProofRollout,
) -> None:
    text = right.trajectory
    first, second, last = text.turns
    assert is_clear(text)
    assert not is_clear(replace(text, turns=(first, first, second, last)))
    assert not is_clear(replace(text, turns=(first, last)))
    assert not is_clear(replace(text, end=End.TURNS))
    assert is_clear(replace(text, turns=(last,)))  # a proof without a sketch


def test_what_came_after_the_checkpoint_is_taken_back(right: ProofRollout, tmp_path: Path) -> None:
    path = tmp_path / "rare.jsonl"
    (kept,) = rare_texts([group(right, 1, 0, 0, 0)], 0, 0.25)
    rounds = [kept.model_copy(update={"update": number}) for number in (0, 0, 1, 2)]
    path.write_bytes(b"".join(map(line_of, rounds)) + b'{"update": 2, "na')
    cut_after(path, 1)
    assert [text.update for text in read_records(path, type(kept))] == [0, 0]
    cut_after(tmp_path / "none.jsonl", 1)
