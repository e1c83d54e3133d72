"""Supervised fine-tuning on trajectories with transformers' Trainer; the loss ignores Lean's feedback."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import torch
from torch.utils.data import Dataset
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
from stepprove.train.sft.trajectories import TrainingText

IGNORED = -100
"""The label of tokens without a loss."""
_ROOM = 128
"""Most tokens of an added docstring."""
_SIMILAR = 32
"""Width of a length bucket, in tokens."""
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


def encode(text: TrainingText, tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[int]]:
    """Return a trajectory's token ids and labels, encoded piece by piece as at inference."""
    ids: list[int] = []
    labels: list[int] = []
    for piece, learned in text.pieces:
        tokens = tokenizer(piece, add_special_tokens=False, verbose=False)["input_ids"]
        ids += tokens
        labels += tokens if learned else [IGNORED] * len(tokens)
    return ids, labels


class NothingToLearn(ValueError):
    """No text fits the context."""


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


class Batches(Dataset[dict[str, torch.Tensor]]):
    """Batches of trajectories of similar length, as (input_ids, labels), each [texts, tokens].

    Padding is on the right and has no loss, so no counted token attends to it, and attention needs no mask.
    """

    def __init__(
        self,
        texts: Sequence[tuple[list[int], list[int]]],
        batch_tokens: int,
        pad: int,
        seed: int,
        other: Callable[[int, random.Random], tuple[list[int], list[int]]] | None = None,
        most: int | None = None,
    ) -> None:
        """Build the batches; `other` augments the text at a place anew in each epoch, `most` limits a batch's texts."""
        rng = random.Random(seed)
        self._seed, self.number = seed, 0
        """The current epoch, which seeds augmentation, so that a resumed run draws the same texts."""
        order = sorted(range(len(texts)), key=lambda i: (len(texts[i][0]) // _SIMILAR, rng.random()))
        self._texts, self._pad, self._other = texts, pad, other
        self._batches: list[list[int]] = []
        width = 0
        for i in order:
            width = max(width, len(texts[i][0]))
            full = not self._batches or len(self._batches[-1]) == most
            if full or (len(self._batches[-1]) + 1) * width > batch_tokens:
                self._batches.append([])
                width = len(texts[i][0])
            self._batches[-1].append(i)

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        batch = self._batches[place]
        rng = random.Random(f"{self._seed}:{self.number}:{place}")
        chosen = [self._texts[i] if self._other is None else self._other(i, rng) for i in batch]
        width = max(len(ids) for ids, _ in chosen)
        ids = [text + [self._pad] * (width - len(text)) for text, _ in chosen]
        labels = [text + [IGNORED] * (width - len(text)) for _, text in chosen]
        return {"input_ids": torch.tensor(ids), "labels": torch.tensor(labels)}


def endless_batches(
    texts: Sequence[TrainingText],
    tokenizer: PreTrainedTokenizerFast,
    context: int,
    batch_tokens: int,
    seed: int,
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield batches without end, each epoch in another order.

    Args:
        texts: the trajectories; those beyond the context are left out.
        tokenizer: the model's.
        context: most tokens of a text.
        batch_tokens: about this many tokens in a batch.
        seed: of the order.

    Raises:
        NothingToLearn: no text fits the context.
    """
    encoded = [each for text in texts if len((each := encode(text, tokenizer))[0]) <= context]
    if not encoded:
        raise NothingToLearn(f"none of {len(texts)} texts has at most {context} tokens")
    assert tokenizer.pad_token_id is not None
    data, rng = Batches(encoded, batch_tokens, int(tokenizer.pad_token_id), seed), random.Random(seed)
    while True:
        for place in rng.sample(range(len(data)), len(data)):
            yield data[place]


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
    fitting = [(text, each) for text in texts if len((each := encode(text, tokenizer))[0]) <= context]
    encoded = [each for _, each in fitting]
    if not encoded:
        raise NothingToLearn(f"none of {len(texts)} texts has at most {context} tokens")
    assert tokenizer.pad_token_id is not None

    pieces = fragments(tokenizer)

    def other(place: int, rng: random.Random) -> tuple[list[int], list[int]]:
        if rng.random() >= options.renamed_share:
            return encoded[place]
        definitions = rng.random() < options.definitions_share
        text = renamed(fitting[place][0], rng, pieces, definitions=definitions)
        if rng.random() < options.remarked_share and len(encoded[place][0]) < context - _ROOM:
            text = remarked(text, rng, pieces)
        return encode(text, tokenizer)

    data = Batches(
        encoded, options.batch_tokens, int(tokenizer.pad_token_id), options.seed, other, options.batch_texts
    )
    arguments = TrainingArguments(
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
        logging_steps=1 if options.save_every else max(1, min(50, int(options.epochs * len(data)) // 20)),
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
    trainer = Trainer(
        model=model,
        args=arguments,
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
