"""Attention masks by layer type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache
from transformers.masking_utils import create_causal_mask, create_sliding_window_causal_mask

from stepprove.serving.step_moe.configuration import FULL, SLIDING, StepMoeConfig

MASKS = {FULL: create_causal_mask, SLIDING: create_sliding_window_causal_mask}


def tokens_of(attention_mask: Tensor | dict[str, Tensor] | None) -> Tensor | None:
    """Return the mask of tokens against padding; None where unknown."""
    return attention_mask.bool() if isinstance(attention_mask, Tensor) and attention_mask.dim() == 2 else None


def needs_no_mask(
    layer_types: Sequence[str],
    inputs_embeds: Tensor,
    attention_mask: Tensor | None,
    position_ids: Tensor | None,
    cache: Cache | None,
) -> bool:
    """Return whether our CPU attention needs no mask where transformers would make one.

    It needs none when the cache is empty and no token follows padding or starts another text, or when no cached token is
    padding.
    """
    if inputs_embeds.device.type != "cpu" or (attention_mask is not None and attention_mask.dim() != 2):
        return False
    if position_ids is not None and position_ids.shape[1] > 1 and not bool((position_ids.diff() >= 0).all()):
        return False
    if cache is not None and cache.get_seq_length():
        sliding = [layer_type == SLIDING for layer_type in layer_types]
        in_windows = isinstance(cache, DynamicCache) and cache.is_sliding == sliding
        return in_windows and (attention_mask is None or bool(attention_mask.all()))
    return attention_mask is None or bool((attention_mask[:, 1:] <= attention_mask[:, :-1]).all())


def layer_masks(
    config: StepMoeConfig,
    layer_types: Sequence[str],
    inputs_embeds: Tensor,
    attention_mask: Tensor | dict[str, Tensor] | None,
    position_ids: Tensor | None,
    cache: Cache | None,
    layer_idx: int | None = None,
) -> Mapping[str, Tensor | None]:
    """Return the mask for each of `layer_types`; None where the attention needs none.

    `layer_idx` names the cache layer whose length counts, when layers have cached different numbers of tokens.
    """
    if isinstance(attention_mask, dict):
        return attention_mask
    if config._attn_implementation == "sdpa" and needs_no_mask(
        layer_types, inputs_embeds, attention_mask, position_ids, cache
    ):
        return dict.fromkeys(layer_types)
    return {
        layer_type: MASKS[layer_type](
            config=config,
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            cache=cache,
            position_ids=position_ids,
            layer_idx=layer_idx,
        )
        for layer_type in set(layer_types)
    }
