"""A model of a few thousand parameters that knows one theorem by heart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from stepprove.agent.models.stepfun import END, SKETCH, SKETCH_END, build_prompt, repl_block
from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM
from stepprove.train.data.theorems import Theorem
from stepprove.train.sft.sft import SftOptions, fine_tune
from stepprove.train.sft.tokenizer import train_tokenizer
from stepprove.train.sft.trajectories import TrainingText, problem_of

THEOREM = Theorem("linear", "by_heart", "", "theorem by_heart (x y : Nat) (h : x < y) : 2 * x + 2 ≤ 2 * y :=")


def config(vocabulary: int, **more: int) -> StepMoeConfig:
    """A very small StepMoE."""
    return StepMoeConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        n_routed_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=32,
        share_expert_dim=32,
        max_position_embeddings=1024,
        **more,
    )


def trajectory(feedback: str) -> TrainingText:
    """`simp`, which Lean turns down with `feedback`, then `omega`."""
    wrong, right = THEOREM.source("simp"), THEOREM.source("omega")
    return TrainingText(
        index=0,
        family="linear",
        rejected=1,
        pieces=(
            (build_prompt(problem_of(THEOREM)), False),
            (f"Plan: simp.\n{SKETCH}\n{wrong}{SKETCH_END}", True),
            (repl_block(feedback), False),
            (f"\nPlan: omega.\n{SKETCH}\n{right}{SKETCH_END}", True),
            (repl_block("{}"), False),
            (f"\nLean accepts it.\n</think>\n\n```lean4\n{right}```{END}", True),
        ),
    )


def step_moe(vocabulary: int, **ids: int) -> PreTrainedModel:
    """A very small StepMoE with random weights."""
    return StepMoeForCausalLM(config(vocabulary, **ids))


def qwen(vocabulary: int, **ids: int) -> PreTrainedModel:
    """A very small model of an architecture that vLLM has."""
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=vocabulary,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=1024,
            tie_word_embeddings=False,
            **ids,
        )
    )


def train(folder: Path, feedback: str, make: Callable[..., PreTrainedModel] = step_moe) -> None:
    """Make the model in a folder."""
    text = trajectory(feedback)
    tokenizer = train_tokenizer([text.text] * 4, 420, 1024)
    torch.manual_seed(0)
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    model = make(len(tokenizer), **ids)
    options = SftOptions(epochs=150, learning_rate=1e-2, renamed_share=0.0)
    fine_tune(model, tokenizer, [text], folder, options)
