"""The `methods` part of recipes: what a run does otherwise because of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import Trainer, TrainingArguments

from stepprove.serving.step_moe import StepMoeConfig
from stepprove.train.methods.angular import mean_angle
from stepprove.train.methods.never_hurt import NeverHurtTraining
from stepprove.train.methods.options import NeverHurtOptions, RlvrMethods
from stepprove.train.recipe import BadRecipe, read_rlvr, read_sft
from stepprove.train.rl.batches import Group, batches
from stepprove.train.rl.rlvr import RlvrOptions
from stepprove.train.rl.rollout import Rollout
from stepprove.train.sft.run import SftProgress, run_sft


def no_lean() -> Any:
    raise AssertionError("Lean was asked for")


def recipe_in(folder: Path, **methods: object) -> Path:
    lines = [
        json.dumps({"prompt": f"theorem t{i} : {i} = {i} := by", "completion": "  rfl"}) for i in range(12)
    ]
    (folder / "pairs.jsonl").write_text("\n".join(lines))
    stage = {"name": "pairs", "data": "pairs.jsonl", "epochs": 4, "learning_rate": 1e-2, "batch_tokens": 200}
    path = folder / "r.yaml"
    path.write_text(json.dumps({"model": "new", "stages": [stage], "save_every": 4, "methods": methods}))
    return path


def test_a_stage_tells_angles_and_is_drawn_to_its_start(tmp_path: Path) -> None:
    path = recipe_in(tmp_path, angular={"every": 2}, never_hurt={"weight": 0.1})
    recipe, text = read_sft(str(path))
    run_sft(recipe, text, "new", tmp_path / "run", no_lean)
    folder = tmp_path / "run" / "1-pairs"
    turns = [json.loads(line) for line in (folder / "angles.jsonl").read_text().splitlines()]
    steps = len((folder / "metrics.jsonl").read_text().splitlines())
    assert {turn["step"] for turn in turns} == set(range(0, steps, 2))
    assert any(turn["name"] == "model.layers.0.self_attn.q_proj.weight" for turn in turns)
    assert all(turn["angle"] is None or 0 <= turn["angle"] <= math.pi for turn in turns)
    assert not (tmp_path / "run" / "model" / "angles.jsonl").exists()


def test_a_new_model_is_chosen_under_the_recipes_budget(tmp_path: Path) -> None:
    choose = {
        "parameters": 1_100_000,
        "windows": [32, 64],
        "experts": [2, 4],
        "first_steps": 1,
        "later_steps": 1,
    }
    recipe, text = read_sft(str(recipe_in(tmp_path, choose=choose)))
    run_sft(recipe, text, "new", tmp_path / "run", no_lean)
    config = StepMoeConfig.from_pretrained(tmp_path / "run" / "model")
    assert config.sliding_window in (32, 64) and config.n_routed_experts == 2


def test_a_stopped_run_goes_on_with_its_methods_as_if_it_had_not_been(tmp_path: Path) -> None:
    choose = {
        "parameters": 2_000_000,
        "windows": [32],
        "experts": [2, 4],
        "first_steps": 1,
        "attention": ["gqa"],
    }
    path = recipe_in(tmp_path, angular={"every": 3}, never_hurt={"weight": 0.1}, choose=choose)
    recipe, text = read_sft(str(path))

    def run(folder: Path, stop_at: int | None = None) -> tuple[str, str]:
        def listen(progress: SftProgress) -> None:
            if progress.done == stop_at:
                raise KeyboardInterrupt

        run_sft(recipe, text, "new", folder, no_lean, listen=listen)
        stage = folder / "1-pairs"
        return (stage / "metrics.jsonl").read_text(), (stage / "angles.jsonl").read_text()

    whole = run(tmp_path / "whole")
    steps = len(whole[0].splitlines())
    assert steps >= 6  # more than a checkpoint after four, and one more
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", stop_at=steps - 1)
    for one, other in zip(whole, run(tmp_path / "parts"), strict=True):
        lines = [[json.loads(line) for line in side.splitlines()] for side in (one, other)]
        assert len(lines[0]) == len(lines[1])
        for first, second in zip(*lines, strict=True):
            assert first == pytest.approx(second, abs=1e-6)


def test_a_budget_that_nothing_fits_is_told_in_one_sentence(tmp_path: Path) -> None:
    recipe, text = read_sft(
        str(recipe_in(tmp_path, choose={"parameters": 10, "experts": [2], "windows": [32]}))
    )
    with pytest.raises(
        BadRecipe, match=r"^methods\.choose: no architecture of the space is within the budget\.$"
    ):
        run_sft(recipe, text, "new", tmp_path / "run", no_lean)


class Slope(nn.Module):
    """Its loss is x times the first of two weights: the gradient is (1, 0) everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0, 1.0]))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": (x * self.w[0]).mean() + 0 * self.w[1]}


@pytest.mark.parametrize(("weight", "second"), [(0.0, 2.0), (0.5, 1.5)])
def test_training_is_drawn_to_where_it_began_and_descends_all_the_same(
    tmp_path: Path, weight: float, second: float
) -> None:
    model = Slope()
    callback = NeverHurtTraining(model, NeverHurtOptions(weight=weight, decay=1.0))
    with torch.no_grad():
        model.w[1] = 2.0  # has been moved away from the beginning since
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=1,
        learning_rate=1.0,
        lr_scheduler_type="constant",
        optim="sgd",
        weight_decay=0.0,
        max_grad_norm=0.0,
        report_to=[],
        disable_tqdm=True,
        save_strategy="no",
        use_cpu=True,
        dataloader_pin_memory=False,
    )
    data = [{"x": torch.ones(1)}] * 8
    Trainer(model=model, args=arguments, train_dataset=data, callbacks=[callback]).train()
    assert model.w.tolist() == pytest.approx([0.0, second])


def group(*rewards: float) -> Group:
    rollouts = tuple(
        Rollout(ids=(1, 2), log_probs=(math.nan, -1.0), truncated=False, checks=0, lean_seconds=0.0)
        for _ in rewards
    )
    return Group(rollouts, rewards)


def test_a_learned_baseline_teaches_by_problems_whose_texts_all_did_alike() -> None:
    options = RlvrOptions(group=3, scale_rewards=False)
    groups = [group(1.0, 0.0, 1.0), group(0.0, 0.0, math.nan), group(0.0)]
    (plain,) = batches(groups, options, 0)
    assert sorted(plain.advantages.tolist()) == pytest.approx([-2 / 3, 1 / 3, 1 / 3])
    (learned,) = batches(groups, options, 0, RlvrMethods(baseline="learned"))
    assert len(learned.advantages) == 5  # what is not known and the canary teach nothing
    assert float(learned.advantages.min()) < 0 < float(learned.advantages.max())
    assert batches([group(1.0, 1.0, 1.0)], options, 0, RlvrMethods(baseline="learned")) == []


def test_the_mean_angle_is_that_of_matrices() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.Linear(2, 1))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    with torch.no_grad():
        model[0].weight.copy_(before["0.weight"] @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
        model[1].weight.mul_(3.0)
        model[1].bias.neg_()
    assert mean_angle(before, model) == pytest.approx(math.pi / 4)


def test_a_method_that_is_not_known_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("methods: {baseline: neural}")
    with pytest.raises(BadRecipe, match=r"methods\.baseline"):
        read_rlvr(str(tmp_path / "r.yaml"))
