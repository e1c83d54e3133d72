"""The rows of a batch and their KV cache."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache

from stepprove.serving.serve.drawing import draw_tokens
from stepprove.serving.serve.sampler import SamplingParams
from stepprove.serving.step_moe.attention.cache import GrowingLayer


@dataclass(eq=False, slots=True)
class Row:
    """A row of a batch: a prompt and the tokens sampled after it."""

    prompt: Sequence[int]
    params: SamplingParams
    notify: Callable[[Row], None]
    """Called in the decoding thread after every token, and once more when `failure` is set."""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    """The tokens' log-probabilities under the model, at temperature 1, without top-p or top-k."""
    finish: str | None = None
    """`stop` or `length` at the end."""
    stopped_by: str | int | None = None
    """The stop string, or the end token among `params.end_tokens`."""
    failure: Exception | None = None
    cancelled: bool = False
    """Set by the caller to give the row up; it leaves the batch at the next token."""
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.params.seed)

    @property
    def over(self) -> bool:
        """Whether the row takes no more tokens."""
        return self.finish is not None or self.failure is not None or self.cancelled


class DecoderBatch:
    """Rows with their KV cache; `_mask` is 1 for tokens and 0 for the padding left of them."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.rows: list[Row] = []
        self._model = model
        self._cache = _cache()
        self._device = model.device
        self._mask = torch.zeros(0, 0, dtype=torch.long, device=self._device)

    def keep(self, wanted: list[bool]) -> None:
        """Keep the wanted rows, and drop padding that all of them share."""
        if all(wanted):
            return
        self.rows = [row for row, kept in zip(self.rows, wanted, strict=True) if kept]
        kept_rows = torch.tensor(wanted, device=self._device)
        self._mask = self._mask[kept_rows]
        padding = int((self._mask.shape[1] - self._mask.sum(1)).min()) if self.rows else self._mask.shape[1]
        self._mask = self._mask[:, padding:]
        for layer in _layers(self._cache):
            layer.keys = layer.keys[kept_rows, :, padding:]
            layer.values = layer.values[kept_rows, :, padding:]

    def join(self, new: list[Row]) -> None:
        """Add rows: run their prompts and sample each row's first token."""
        width = max(len(row.prompt) for row in new)
        ids = self._tensor([[0] * (width - len(row.prompt)) + list(row.prompt) for row in new])
        mask = self._tensor([[0] * (width - len(row.prompt)) + [1] * len(row.prompt) for row in new])
        cache = _cache()
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        old, self.rows = self.rows, self.rows + new
        self._draw(new, ids, mask, positions, cache)
        if not old:
            self._cache, self._mask = cache, mask
            return
        self._mask = _stacked(self._mask, mask, 1)
        for mine, theirs in zip(_layers(self._cache), _layers(cache), strict=True):
            mine.keys = _stacked(mine.keys, theirs.keys, 2)
            mine.values = _stacked(mine.values, theirs.values, 2)

    def advance(self) -> None:
        """Sample the next token of every row."""
        ids = self._tensor([[row.tokens[-1]] for row in self.rows])
        positions = self._mask.sum(1, keepdim=True)
        self._mask = torch.cat([self._mask, torch.ones_like(ids)], 1)
        self._draw(self.rows, ids, self._mask, positions, self._cache)

    def _tensor(self, values: list[list[int]]) -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=self._device)

    def _draw(self, rows: list[Row], ids: Tensor, mask: Tensor, positions: Tensor, cache: Cache) -> None:
        logits = self._model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            cache=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        tokens = draw_tokens(logits, [row.params for row in rows], [row.chance.random() for row in rows])
        logprobs = logits.float().log_softmax(-1).gather(1, tokens[:, None])[:, 0]
        for row, token, logprob in zip(rows, tokens.tolist(), logprobs.tolist(), strict=True):
            row.tokens.append(token)
            row.logprobs.append(logprob)


def _cache() -> Cache:
    """An empty cache that keeps all tokens in every layer; the masks apply the windows."""
    return Cache(layer_class_to_replicate=GrowingLayer)


def _layers(cache: Cache) -> Any:
    """The cache's layers, each with `keys` and `values` (rows, heads, tokens, width)."""
    return cache.layers


def _stacked(top: Tensor, bottom: Tensor, along: int) -> Tensor:
    """Concatenate two batches; pad the narrower one on the left of dimension `along`."""
    width = max(top.shape[along], bottom.shape[along])
    return torch.cat([_widened(top, width, along), _widened(bottom, width, along)])


def _widened(tensor: Tensor, width: int, along: int) -> Tensor:
    missing = width - tensor.shape[along]
    if not missing:
        return tensor
    shape = list(tensor.shape)
    shape[along] = missing
    return torch.cat([tensor.new_zeros(shape), tensor], along)
