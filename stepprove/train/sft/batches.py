"""Batches of texts of similar length, as tensors with labels."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

import torch
from torch.utils.data import Dataset
from transformers import (
    PreTrainedTokenizerFast,
)

from stepprove.train.sft.trajectories import TrainingText

IGNORED = -100
"""The label of tokens without a loss."""

_SIMILAR = 32
"""Width of a length bucket, in tokens."""

Encoded = tuple[list[int], list[int]]
"""A text's token ids and labels."""


def encode(text: TrainingText, tokenizer: PreTrainedTokenizerFast) -> Encoded:
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


def fitting_texts(
    texts: Sequence[TrainingText], tokenizer: PreTrainedTokenizerFast, context: float
) -> list[tuple[TrainingText, Encoded]]:
    """Return the texts of at most `context` tokens, encoded. Raises NothingToLearn if there are none."""
    encoded = [(text, encode(text, tokenizer)) for text in texts]
    fitting = [
        (text, ids_and_labels) for text, ids_and_labels in encoded if len(ids_and_labels[0]) <= context
    ]
    if not fitting:
        raise NothingToLearn(f"none of {len(texts)} texts has at most {context} tokens")
    return fitting


class Batches(Dataset[dict[str, torch.Tensor]]):
    """Batches of trajectories of similar length, as (input_ids, labels), each [texts, tokens].

    Padding is on the right and has no loss, so no counted token attends to it, and attention needs no mask.
    """

    def __init__(
        self,
        texts: Sequence[Encoded],
        batch_tokens: int,
        pad: int,
        seed: int,
        other: Callable[[int, random.Random], Encoded] | None = None,
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
    encoded = [ids_and_labels for _, ids_and_labels in fitting_texts(texts, tokenizer, context)]
    assert tokenizer.pad_token_id is not None
    data, rng = Batches(encoded, batch_tokens, int(tokenizer.pad_token_id), seed), random.Random(seed)
    while True:
        for place in rng.sample(range(len(data)), len(data)):
            yield data[place]
