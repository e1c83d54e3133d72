"""A toy image data set from a seed: glyphs of strokes, shifted and noisy."""

from __future__ import annotations

import torch
from torch import Tensor

SIDE = 12
STROKES, PER_GLYPH = 12, 3


def strokes(rng: torch.Generator) -> Tensor:
    """Return soft straight lines, [STROKES, SIDE, SIDE]."""
    grid = torch.stack(torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij"), -1).float()
    made = []
    for _ in range(STROKES):
        ends = 2 + (SIDE - 5) * torch.rand(2, 2, generator=rng)
        along = torch.linspace(0, 1, 24)[:, None]
        points = ends[0] + along * (ends[1] - ends[0])
        distance = (grid[:, :, None] - points).norm(dim=-1).amin(-1)
        made.append((-(distance**2)).exp())
    return torch.stack(made)


def classes(count: int, rng: torch.Generator) -> Tensor:
    """Return the strokes of each class, [count, PER_GLYPH]."""
    return torch.stack([torch.randperm(STROKES, generator=rng)[:PER_GLYPH] for _ in range(count)])


def draw(
    count: int, strokes: Tensor, classes: Tensor, rng: torch.Generator, noise: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Draw pictures [count, 1, SIDE, SIDE] and labels [count].

    Each stroke shifts by up to a pixel; one more random stroke is faint.
    """
    labels = torch.randint(len(classes), (count,), generator=rng)
    chosen = torch.cat([classes[labels], torch.randint(len(strokes), (count, 1), generator=rng)], 1)
    strength = 0.6 + 0.8 * torch.rand(chosen.shape, generator=rng)
    strength[:, -1] *= 0.5
    pictures = torch.zeros(count, SIDE, SIDE)
    shifts = torch.randint(-1, 2, (*chosen.shape, 2), generator=rng)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            moved = strokes.roll((down, right), (1, 2))
            here = ((shifts == torch.tensor([down, right])).all(-1) * strength)[:, :, None, None]
            pictures += (here * moved[chosen]).sum(1)
    pictures += noise * torch.randn(pictures.shape, generator=rng)
    return pictures[:, None], labels
