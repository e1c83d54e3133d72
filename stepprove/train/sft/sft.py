"""Supervised fine-tuning on trajectories with transformers' Trainer; the loss ignores Lean's feedback."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import torch
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerFast,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer import TRAINER_STATE_NAME, TRAINING_ARGS_NAME

from stepprove.train.data.renaming import fragments, remarked, renamed
from stepprove.train.sft.batches import IGNORED, Batches, Encoded, encode, fitting_texts
from stepprove.train.sft.trajectories import TrainingText

_ROOM = 128
"""Most tokens of an added docstring."""
_WORKERS = 8
"""Data-loader processes that rename and tokenize texts for a GPU, which outpaces one of them."""
_ROUNDING = 1e-6
"""Tolerance for the Trainer's fractional epochs."""


@dataclass(frozen=True, slots=True)
class SftOptions:
    """Options of fine-tuning."""

    epochs: float = 5.0
    """Epochs; 0: the weights do not change."""
    learning_rate: float = 2e-3
    batch_tokens: int = 2048
    """About this many tokens in a batch, padding included."""
    warmup_share: float = 0.05
    weight_decay: float = 0.01
    renamed_share: float = 1.0
    """Share of an epoch's texts whose theorem gets a new name."""
    definitions_share: float = 0.3
    """Share of these whose definitions get new names too."""
    remarked_share: float = 0.3
    """Share of these with a docstring above the problem, where it fits."""
    seed: int = 0
    seconds: float | None = None
    """Time limit of training, which cuts the learning-rate schedule off."""
    batch_texts: int | None = None
    """Most texts in a batch."""
    accumulate: int = 1
    """Batches in one optimiser step."""
    bf16: bool = False
    """Compute in bfloat16; the weights keep their type."""
    recompute: bool = False
    """Activation checkpointing."""
    context: int | None = None
    """Most tokens of a text, longer ones are left out; None: the model's limit."""
    save_every: int | None = None
    """Steps between checkpoints, from which a run resumes; every step's loss is then logged. None: no checkpoints."""


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the newest complete checkpoint: the Trainer writes its state file last."""
    whole = []
    for path in folder.glob("checkpoint-*"):
        try:
            state = orjson.loads((path / TRAINER_STATE_NAME).read_bytes())
        except (OSError, orjson.JSONDecodeError):
            continue
        whole.append((int(state["global_step"]), path))
    return max(whole)[1] if whole else None


class _Passes(TrainerCallback):
    """Passes the epoch's number to the batches."""

    def __init__(self, data: Batches) -> None:
        self._data = data

    def on_epoch_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._data.number = int((state.epoch or 0.0) + _ROUNDING)


class _Watch(TrainerCallback):
    """Reports progress, and stops at the time limit."""

    def __init__(self, seconds: float | None, listen: Callable[[int, int, float], None]) -> None:
        self._seconds, self._listen = seconds, listen
        self._started = math.nan

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._started = time.monotonic()

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        if self._seconds is not None and time.monotonic() - self._started > self._seconds:
            control.should_training_stop = True
        return control

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        if logs and "loss" in logs:
            self._listen(state.global_step, state.max_steps, float(logs["loss"]))


def fine_tune(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[TrainingText],
    folder: Path,
    options: SftOptions = SftOptions(),
    *,
    listen: Callable[[int, int, float], None] = lambda step, steps, loss: None,
    callbacks: Sequence[TrainerCallback] = (),
) -> dict[str, float]:
    """Train a model on trajectories, and save it with its tokenizer to `folder`.

    Args:
        model: changed in place.
        tokenizer: the model's.
        texts: the trajectories; those beyond the context are left out.
        folder: for the model, and with `save_every` for the checkpoints to resume from.
        options: epochs, rates, batches and augmentation.
        listen: called with (step, steps, loss).
        callbacks: further Trainer callbacks.

    Returns:
        The Trainer's figures (`train_loss`, `train_runtime` in seconds), if it took steps, and ours: `tokens` of an epoch,
        `learned` of these, texts `left_out`.

    Raises:
        NothingToLearn: no text fits the context.
    """
    context = min(options.context or math.inf, model.config.max_position_embeddings)
    fitting = fitting_texts(texts, tokenizer, context)
    encoded = [ids_and_labels for _, ids_and_labels in fitting]
    assert tokenizer.pad_token_id is not None
    data = Batches(
        encoded,
        options.batch_tokens,
        int(tokenizer.pad_token_id),
        options.seed,
        _augmented(fitting, tokenizer, context, options),
        options.batch_texts,
    )
    trainer = Trainer(
        model=model,
        args=_arguments(folder, options, len(data)),
        train_dataset=data,
        data_collator=lambda batches: batches[0],
        callbacks=[_Passes(data), _Watch(options.seconds, listen), *callbacks],
    )
    trainer.remove_callback(PrinterCallback)  # stdout belongs to the caller
    figures: dict[str, float] = {}
    if options.epochs > 0:
        start = newest_checkpoint(folder) if options.save_every else None
        figures = dict(trainer.train(resume_from_checkpoint=None if start is None else str(start)).metrics)
    trainer.save_model(str(folder))
    if trainer.is_world_process_zero():
        (folder / TRAINING_ARGS_NAME).unlink(missing_ok=True)  # holds folder names of this machine
        tokenizer.save_pretrained(folder)
    trainer.accelerator.wait_for_everyone()  # later code reads the files of rank 0
    figures["tokens"] = float(sum(len(ids) for ids, _ in encoded))
    figures["left_out"] = float(len(texts) - len(encoded))
    figures["learned"] = float(sum(label != IGNORED for _, labels in encoded for label in labels))
    return figures


def _augmented(
    fitting: Sequence[tuple[TrainingText, Encoded]],
    tokenizer: PreTrainedTokenizerFast,
    context: float,
    options: SftOptions,
) -> Callable[[int, random.Random], Encoded]:
    """A function that renames and remarks the text at a place, by the options' shares, as its random generator decides."""
    pieces = fragments(tokenizer)

    def other(place: int, rng: random.Random) -> Encoded:
        plain, encoded = fitting[place]
        if rng.random() >= options.renamed_share:
            return encoded
        definitions = rng.random() < options.definitions_share
        text = renamed(plain, rng, pieces, definitions=definitions)
        if rng.random() < options.remarked_share and len(encoded[0]) < context - _ROOM:
            text = remarked(text, rng, pieces)
        return encode(text, tokenizer)

    return other


def _arguments(folder: Path, options: SftOptions, batches: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=1,
        learning_rate=options.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=options.warmup_share,
        weight_decay=options.weight_decay,
        adam_beta2=0.95,
        max_grad_norm=1.0,
        gradient_accumulation_steps=options.accumulate,
        bf16=options.bf16,
        activation_checkpointing=options.recompute,
        logging_steps=1 if options.save_every else max(1, min(50, int(options.epochs * batches) // 20)),
        save_strategy="steps" if options.save_every else "no",
        save_steps=options.save_every or 1,
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        seed=options.seed,
        use_cpu=not torch.cuda.is_available(),
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        dataloader_num_workers=_WORKERS if torch.cuda.is_available() else 0,
    )
