"""A made-up language for small StepMoEs: names with values, to be read off where the name came before."""

from __future__ import annotations

import random
from collections.abc import Iterator

import torch
from torch import Tensor

LENGTH, TEXTS = 64, 8


def look_ups(rng: random.Random, texts: int = TEXTS, faithful: bool = True) -> dict[str, Tensor]:
    """Texts of three names each, whose value is another in each text and the same wherever the name comes again.

    Not `faithful`: values are drawn anew each time, and there is nothing to look up.
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
    labels[:, ::2] = -100  # names are drawn at random: nothing can be learned of them
    return {"input_ids": ids, "labels": labels}


def endless(seed: int, faithful: bool = True) -> Iterator[dict[str, Tensor]]:
    """Batches without end."""
    rng = random.Random(seed)
    while True:
        yield look_ups(rng, faithful=faithful)
