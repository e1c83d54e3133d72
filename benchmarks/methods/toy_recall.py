"""A toy recall language for small StepMoEs: a name's value repeats wherever the name does."""

from __future__ import annotations

import random
from collections.abc import Iterator

import torch
from torch import Tensor

LENGTH, TEXTS = 64, 8


def look_ups(rng: random.Random, texts: int = TEXTS, faithful: bool = True) -> dict[str, Tensor]:
    """Return texts of three names each; a name keeps its value within a text.

    Without `faithful`, values are random each time, and there is nothing to recall.
    """
    rows = []
    for _ in range(texts):
        values = {name: rng.randrange(20, 40) for name in range(1, 20)}
        names = rng.sample(range(1, 20), 3)
        row: list[int] = []
        for _ in range(LENGTH // 2):
            name = rng.choice(names)
            row += [name, values[name] if faithful else rng.randrange(20, 40)]
        rows.append(row)
    ids = torch.tensor(rows)
    labels = ids.clone()
    labels[:, ::2] = -100  # random names cannot be learned
    return {"input_ids": ids, "labels": labels}


def endless(seed: int, faithful: bool = True) -> Iterator[dict[str, Tensor]]:
    """Yield batches without end."""
    rng = random.Random(seed)
    while True:
        yield look_ups(rng, faithful=faithful)
