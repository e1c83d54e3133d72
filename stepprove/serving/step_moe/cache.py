"""A cache of keys and values that grows in place: a step writes its token, where transformers' copies all tokens before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedConfig
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer


class Room:
    """A buffer with room behind the tokens held in it."""

    def __init__(self) -> None:
        self._buffer: Tensor | None = None

    def append(self, held: Tensor, new: Tensor) -> Tensor:
        """`held` and then `new` along the tokens' axis, in place if `held` is what was given back before, or a part of it.

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
    """The last `count` tokens of `held` (batch, heads, tokens, head_dim), or all if there are fewer."""
    return held[:, :, max(0, held.shape[-2] - count) :]


class GrowingLayer(DynamicLayer):
    """Keys and values of a layer that sees everything."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._rooms = (Room(), Room())

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Add the tokens' keys and values; returns all of them."""
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
    """Keys and values of a layer that sees a window."""

    def __init__(self, sliding_window: int, **kwargs: Any) -> None:
        super().__init__(sliding_window, **kwargs)
        self._rooms = (Room(), Room())

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Add the tokens' keys and values; returns those that one of the tokens may see."""
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
        # `crop` may take back what has been drafted, so all is kept until then where the past is recorded
        kept = keys.shape[-2] if self.record_past else self.sliding_window - 1
        self.keys, self.values = last_tokens(keys, kept), last_tokens(values, kept)
        return last_tokens(keys, self.sliding_window - 1 + new), last_tokens(
            values, self.sliding_window - 1 + new
        )


class GrowingCache(DynamicCache):
    """A cache for all layers of a model, by the types of its layers."""

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config=config)
        self.layers = [
            GrowingSlidingLayer(layer.sliding_window)
            if isinstance(layer, DynamicSlidingWindowLayer)
            else GrowingLayer()
            for layer in self.layers
        ]
