"""Rollouts of a model that knows one theorem by heart, on real Lean."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from micro import THEOREM
from transformers import AutoTokenizer

from stepprove.agent.models.stepfun import End
from stepprove.agent.models.trajectory import TirOptions
from stepprove.lean_project.pool.pool import Pool, SyncPool
from stepprove.outcome import Outcome
from stepprove.serving.client.exchange import Sampling
from stepprove.serving.serve.batching import Decoder
from stepprove.serving.step_moe import StepMoeForCausalLM
from stepprove.train.rl.batches import Group, batches
from stepprove.train.rl.figures import Update
from stepprove.train.rl.rewards import RewardHack
from stepprove.train.rl.rlvr import Checkpoint, RlvrOptions, train
from stepprove.train.rl.rollout import ProofRollout, Writer, roll
from stepprove.train.rl.samplers.proof_sampler import proofs, reward_of, sample_round
from stepprove.train.rl.update import log_probs, update
from stepprove.train.sft.trajectories import problem_of

GREEDY = TirOptions(temperature=0.0, max_seq_len=1024, max_turns=4)
PROBLEM = problem_of(THEOREM)


@pytest.fixture(scope="module")
def model(models: Path) -> StepMoeForCausalLM:
    return StepMoeForCausalLM.from_pretrained(models / "tiny").float()


@pytest.fixture(scope="module")
def tokenizer(models: Path) -> Any:
    return AutoTokenizer.from_pretrained(models / "tiny")


@pytest.fixture(scope="module")
def decoder(models: Path, tokenizer: Any) -> Decoder:
    return Decoder(StepMoeForCausalLM.from_pretrained(models / "tiny").float(), tokenizer)


@pytest.fixture(scope="module")
def rollout(decoder: Decoder, tokenizer: Any, pool: SyncPool) -> ProofRollout:
    return asyncio.run(roll(decoder, tokenizer, Pool.over(pool), PROBLEM, GREEDY))


def test_a_rollout_is_the_agents_own_trajectory_with_its_tokens(
    rollout: ProofRollout, tokenizer: Any
) -> None:
    assert rollout.trajectory.accepted and rollout.trajectory.end is End.FINISHED
    assert len(rollout.trajectory.sketches) == 2  # the first one Lean turned down
    assert tokenizer.decode(rollout.ids) == rollout.trajectory.text + tokenizer.eos_token
    assert len(rollout.ids) == len(rollout.log_probs)


def test_prompt_and_feedback_are_not_the_models_own(rollout: ProofRollout, tokenizer: Any) -> None:
    own = "".join(piece for piece, mine in rollout.trajectory.segments() if mine)
    written = [token for token, mine in zip(rollout.ids, rollout.own, strict=True) if mine]
    assert tokenizer.decode(written) == own + tokenizer.eos_token


def test_log_probabilities_are_those_of_the_model_that_drew(
    rollout: ProofRollout, model: StepMoeForCausalLM
) -> None:
    with torch.no_grad():
        found = log_probs(model, torch.tensor([rollout.ids]))[0]
    own = torch.tensor(rollout.own)
    assert torch.allclose(found[own], torch.tensor(rollout.log_probs)[own], atol=1e-3)


def test_feedback_has_no_part_in_the_loss(rollout: ProofRollout, model: StepMoeForCausalLM) -> None:
    failed = replace(rollout, trajectory=replace(rollout.trajectory, judgement=None))
    parts = batches([Group((rollout, failed), (1.0, 0.0))], RlvrOptions(), 0)
    assert len(parts) == 1
    read = torch.tensor(rollout.own) == 0
    for loss in ("grpo", "dapo", "mis-po"):
        grown = log_probs(model, parts[0].ids).detach().requires_grad_()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("stepprove.train.rl.update.log_probs", lambda model, ids, grown=grown: grown * 1.0)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
            update(model, optimizer, parts, RlvrOptions(loss=loss))
        assert grown.grad is not None
        assert not grown.grad[:, read].any() and grown.grad[:, ~read].any()


def test_a_text_that_does_not_go_on_as_it_was_drawn_is_read_anew(decoder: Decoder, tokenizer: Any) -> None:
    writer = Writer(decoder, tokenizer)
    prompt = "theorem"
    asyncio.run(writer.complete(prompt, Sampling(max_tokens=4, temperature=0.0)))
    asyncio.run(writer.complete(prompt + " other", Sampling(max_tokens=1, temperature=0.0)))
    known = tokenizer(" other", add_special_tokens=False)["input_ids"]
    assert writer.ids[1 : 1 + len(known)] == known and len(writer.ids) == 1 + len(known) + 1
    assert [value == value for value in writer.log_probs] == [False] * (1 + len(known)) + [True]


def test_a_round_has_a_group_for_each_problem(decoder: Decoder, tokenizer: Any, pool: SyncPool) -> None:
    options = RlvrOptions(group=2, canaries=1, max_tokens=600, max_turns=2)
    (group,) = asyncio.run(sample_round(decoder, tokenizer, Pool.over(pool), [PROBLEM], options, 0))
    assert group.rollouts[0].trajectory.problem == PROBLEM and len(group.rollouts) == len(group.rewards) == 2


def test_a_proof_of_a_false_theorem_stops_the_round(
    rollout: ProofRollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepprove.train.rl.rewards.CANARIES", (PROBLEM,))  # as if the gate could be fooled
    with pytest.raises(RewardHack, match="by_heart was accepted"):
        reward_of(rollout)


def test_a_text_without_an_answer_earns_nothing_unless_lean_left_a_sketch_unanswered(
    rollout: ProofRollout,
) -> None:
    text = replace(rollout.trajectory, judgement=None)
    assert reward_of(replace(rollout, trajectory=text)) == 0.0
    first = text.turns[0]
    assert first.checked is not None
    late = replace(first, checked=replace(first.checked, outcome="timeout"))
    unknown = reward_of(replace(rollout, trajectory=replace(text, turns=(late, *text.turns[1:]))))
    assert unknown != unknown


def test_what_lean_could_not_tell_is_left_out_of_the_batch(rollout: ProofRollout) -> None:
    assert rollout.trajectory.judgement is not None
    late = rollout.trajectory.judgement.model_copy(update={"outcome": Outcome.TIMEOUT})
    unknown = replace(rollout, trajectory=replace(rollout.trajectory, judgement=late))
    reward = reward_of(unknown)
    assert reward != reward
    group = Group((rollout, unknown, rollout, rollout), (1.0, reward, 0.0, 0.0))
    (part,) = batches([group], RlvrOptions(), 0)
    assert len(part.ids) == 3
    assert batches([Group((rollout, unknown), (1.0, reward))], RlvrOptions(), 0) == []


def trained(models: Path, tokenizer: Any, pool: SyncPool) -> list[Update]:
    """What training does to a model that has half forgotten its theorem."""
    told: list[Update] = []
    model = StepMoeForCausalLM.from_pretrained(models / "tiny").float()
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.add_(0.3 * weight.std() * torch.randn(weight.shape, generator=rng))
    options = RlvrOptions(
        updates=3, problems=1, canaries=1, max_tokens=600, max_turns=3, learning_rate=1e-3, seed=3
    )
    lean = Pool.over(pool)

    def keep(update: Update, checkpoint: Checkpoint | None) -> None:
        told.append(update)

    asyncio.run(
        train(
            model,
            tokenizer,
            Decoder(copy.deepcopy(model).train(False), tokenizer),
            proofs(tokenizer, lean, lambda number: [PROBLEM], options),
            options,
            keep=keep,
        )
    )
    return told


def test_training_on_leans_word_makes_proofs_more_frequent(
    models: Path, tokenizer: Any, pool: SyncPool
) -> None:
    told = trained(models, tokenizer, pool)
    assert [update.number for update in told] == [0, 1, 2]
    assert told[0].reward < told[-1].reward


@pytest.mark.nightly
def test_the_same_seed_trains_alike(models: Path, tokenizer: Any, pool: SyncPool) -> None:
    first, second = (trained(models, tokenizer, pool) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert (one.loss, one.reward, one.tokens) == pytest.approx(
            (other.loss, other.reward, other.tokens), abs=1e-6
        )
