"""Sampling parameters, the tokens that they give, and the interface of a sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How to sample a sequence, and where to stop."""

    max_tokens: int
    temperature: float = 1.0
    """0: greedy decoding."""
    top_p: float = 1.0
    top_k: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    end_tokens: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Generation:
    """The tokens sampled after a prompt."""

    tokens: tuple[int, ...]
    """The sampled tokens, an end token included."""
    log_probs: tuple[float, ...]
    """Each token's log-probability under the model, at temperature 1, without top-p or top-k."""
    finish: str
    """`stop` or `length`."""
    stopped_by: str | int | None = None
    """The stop string, or the end token."""


class Sampler(Protocol):
    """Samples from a model whose weights can be replaced: a Decoder, or a model on other machines."""

    @property
    def longest(self) -> int:
        """The most tokens of a text, prompt included."""

    async def generate(self, ids: Sequence[int], params: SamplingParams) -> Generation:
        """Sample one continuation.

        Args:
            ids: the prompt's tokens.
            params: how to sample, and where to stop.

        Raises:
            ModelRefused: the prompt does not fit the context.
            ModelFailure: the model failed.
        """

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Replace the weights. Raises ModelFailure, OSError."""
