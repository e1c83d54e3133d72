"""Train the built-in small model, or a larger one, from scratch: theorems, verified trajectories, a tokenizer, a StepMoE.

A seed fixes everything except effects of the clock: time-outs of scripts, and the theorems finished when there are enough. A
killed run resumes, because each trajectory goes to disk at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson
import torch
from transformers import PreTrainedTokenizerFast, set_seed

from stepprove import __version__
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM
from stepprove.serving.step_moe.experts.balance import RouterBalancing
from stepprove.train.data.renaming import nameless
from stepprove.train.sft.sft import SftOptions, fine_tune
from stepprove.train.sft.tokenizer import train_tokenizer
from stepprove.train.sft.trajectories import TextProgress, make, read

CONTEXT = 1024
VOCABULARY = 768
"""Small, so that each token occurs often enough in names for the model to copy it."""


Size = Literal["tiny", "medium"]
"""`tiny` is for a CPU, `medium` for a GPU."""


@dataclass(frozen=True, slots=True)
class TinyOptions:
    """Options for training the small model."""

    trajectories: int = 5000
    seed: int = 0
    sft: SftOptions = field(default_factory=SftOptions)
    size: Size = "tiny"


def medium_training(gpu: bool) -> SftOptions:
    """Return the training options of a medium model: fewer and larger steps than for a tiny one."""
    return SftOptions(epochs=10.0, learning_rate=8e-4, batch_tokens=8192, bf16=gpu)


def medium_config(vocabulary: int) -> StepMoeConfig:
    """Return a configuration of 120 million parameters, 35 million per token, in few wide layers for a GPU."""
    return StepMoeConfig(
        vocab_size=vocabulary,
        hidden_size=768,
        intermediate_size=2048,
        num_hidden_layers=8,
        num_attention_heads=12,
        num_key_value_heads=4,
        head_dim=64,
        sliding_window=512,
        n_routed_experts=16,
        num_experts_per_tok=2,
        moe_intermediate_size=384,
        share_expert_dim=384,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
    )


def tiny_config(vocabulary: int) -> StepMoeConfig:
    """Return a configuration of six million parameters, two million per token."""
    return StepMoeConfig(
        vocab_size=vocabulary,
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=5,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=32,
        sliding_window=512,
        n_routed_experts=16,
        num_experts_per_tok=2,
        moe_intermediate_size=128,
        share_expert_dim=128,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
    )


@dataclass(frozen=True, slots=True)
class TinyStage:
    """A progress report: `done` of `total` of a stage, and a remark in words."""

    name: str
    done: int
    total: int
    words: str = ""


def train_tiny(
    folder: Path,
    engine: Engine,
    options: TinyOptions = TinyOptions(),
    *,
    jobs: int | None = None,
    listen: Callable[[TinyStage], None] = lambda stage: None,
) -> dict[str, Any]:
    """Train the small model and write weights, tokenizer and `training.json` to a folder.

    Args:
        folder: for the model.
        engine: Lean.
        options: size, trajectories and seed.
        jobs: Lean processes; None: one for each core.
        listen: called with each progress report.

    Returns:
        The content of `training.json`.

    Raises:
        ReplFailure: Lean is not available.
        OSError: a file cannot be read or written.
    """
    started = time.monotonic()
    data = folder / "data" / f"trajectories-{options.seed}.jsonl"

    def report(progress: TextProgress) -> None:
        dropped = sum(progress.dropped.values())
        listen(TinyStage("trajectories", progress.kept, progress.wanted, f"{dropped} theorems dropped"))

    with SyncPool(engine, size=jobs) as pool:
        made = make(pool, options.trajectories, options.seed, data, listen=report)
    texts = read(data)[: options.trajectories]
    made_seconds = time.monotonic() - started
    tokenizer = train_tokenizer(map(nameless, texts), VOCABULARY, CONTEXT)
    set_seed(options.seed)
    model = _new_model(options.size, tokenizer)
    figures = fine_tune(
        model,
        tokenizer,
        texts,
        folder,
        options.sft,
        callbacks=[RouterBalancing()],
        listen=lambda step, steps, loss: listen(TinyStage("training", step, steps, f"loss {loss:.3f}")),
    )
    record = {
        "stepprove": __version__,
        "lean": engine.lean_version,
        "torch": torch.__version__,
        "options": asdict(options),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "trajectories": {
            "kept": len(texts),
            "with_rejected_sketches": sum(text.rejected > 0 for text in texts),
            "dropped": dict(made.dropped),
            "seconds": round(made_seconds, 1),
        },
        "training": figures,
        "seconds": round(time.monotonic() - started, 1),
    }
    (folder / "training.json").write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2))
    return record


def _new_model(size: Size, tokenizer: PreTrainedTokenizerFast) -> StepMoeForCausalLM:
    """A model with random weights."""
    config = {"tiny": tiny_config, "medium": medium_config}[size]
    model = StepMoeForCausalLM(config(len(tokenizer)))
    model.config.bos_token_id = tokenizer.bos_token_id
    model.config.eos_token_id = tokenizer.eos_token_id
    model.config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model
