"""A KV cache that grows in place: a step appends its token, where transformers copies all tokens before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedConfig
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer


class Room:
    """A buffer with room behind its tokens."""

    def __init__(self) -> None:
        self._buffer: Tensor | None = None

    def append(self, held: Tensor, new: Tensor) -> Tensor:
        """Concatenate `held` and `new` along the token axis, in place when `held` is a view of the last result.

        Both are (batch, heads, tokens, head_dim), or `held` is empty.
        """
        tokens = held.shape[-2] if held.numel() else 0
        end = tokens + new.shape[-2]
        buffer = self._buffer
        start = 0
        if buffer is not None and held.untyped_storage().data_ptr() == buffer.untyped_storage().data_ptr():
            start = held.storage_offset() // held.shape[-1]
        else:
            buffer = None
        if buffer is None or start + end > buffer.shape[-2]:
            buffer = new.new_empty(*new.shape[:-2], end + max(end, 64), new.shape[-1])
            if tokens:
                buffer[:, :, :tokens] = held
            self._buffer, start = buffer, 0
        buffer[:, :, start + tokens : start + end] = new
        return buffer[:, :, start : start + end]


def last_tokens(held: Tensor, count: int) -> Tensor:
    """Return the last `count` tokens of `held` (batch, heads, tokens, head_dim), or all if there are fewer."""
    return held[:, :, max(0, held.shape[-2] - count) :]


class GrowingLayer(DynamicLayer):
    """Keys and values of a full-attention layer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._rooms = (Room(), Room())

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Append the tokens' keys and values; return all."""
        if torch.is_grad_enabled():
            both: tuple[Tensor, Tensor] = super().update(key_states, value_states, *args, **kwargs)
            return both
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None and self.values is not None
        self.keys = self._rooms[0].append(self.keys, key_states)
        self.values = self._rooms[1].append(self.values, value_states)
        return self.keys, self.values


class GrowingSlidingLayer(DynamicSlidingWindowLayer):
    """Keys and values of a sliding-window layer."""

    def __init__(self, sliding_window: int, **kwargs: Any) -> None:
        super().__init__(sliding_window, **kwargs)
        self._rooms = (Room(), Room())

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Append the tokens' keys and values; return those within a new token's window."""
        if torch.is_grad_enabled():
            both: tuple[Tensor, Tensor] = super().update(key_states, value_states, *args, **kwargs)
            return both
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None and self.values is not None
        new = key_states.shape[-2]
        self.cumulative_length += new
        keys = self._rooms[0].append(self.keys, key_states)
        values = self._rooms[1].append(self.values, value_states)
        # `crop` may remove drafted tokens, so a recorded past keeps everything until then
        kept = keys.shape[-2] if self.record_past else self.sliding_window - 1
        self.keys, self.values = last_tokens(keys, kept), last_tokens(values, kept)
        return last_tokens(keys, self.sliding_window - 1 + new), last_tokens(
            values, self.sliding_window - 1 + new
        )


class GrowingCache(DynamicCache):
    """The cache of a model, one layer of the right type for each of its layers."""

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config=config)
        self.layers = [
            GrowingSlidingLayer(layer.sliding_window)
            if isinstance(layer, DynamicSlidingWindowLayer)
            else GrowingLayer()
            for layer in self.layers
        ]
