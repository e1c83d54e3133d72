"""StepMoE as transformers classes: the stack of layers, and the language model on top of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, GenerationMixin, PreTrainedModel, initialization
from transformers.cache_utils import Cache, DynamicCache
from transformers.masking_utils import create_causal_mask, create_sliding_window_causal_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import MoeCausalLMOutputWithPast, MoeModelOutputWithPast
from transformers.utils.generic import can_return_tuple, merge_with_config_defaults
from transformers.utils.output_capturing import OutputRecorder, capture_outputs

from stepprove.serving.step_moe.attention import StepMoeAttention
from stepprove.serving.step_moe.balance import model_group_loss
from stepprove.serving.step_moe.cache import GrowingCache
from stepprove.serving.step_moe.configuration import FULL, SLIDING, StepMoeConfig
from stepprove.serving.step_moe.experts import StepMoeExperts, StepMoeMLP, StepMoeRouter, StepMoeSparseBlock
from stepprove.serving.step_moe.norm import RMSNorm
from stepprove.serving.step_moe.rope import RotaryEmbedding, Rotation

MASKS = {FULL: create_causal_mask, SLIDING: create_sliding_window_causal_mask}


def tokens_of(attention_mask: Tensor | dict[str, Tensor] | None) -> Tensor | None:
    """Where in a batch there are tokens, not padding; None where that is not known."""
    return attention_mask.bool() if isinstance(attention_mask, Tensor) and attention_mask.dim() == 2 else None


def needs_no_mask(
    config: StepMoeConfig,
    inputs_embeds: Tensor,
    attention_mask: Tensor | None,
    position_ids: Tensor | None,
    cache: Cache | None,
) -> bool:
    """Whether our attention on a CPU sees what it should without a mask, where transformers would have made one.

    So it is when nothing is cached yet and no token follows padding or begins another text, and when one token follows cached
    ones of which none is padding.
    """
    length = inputs_embeds.shape[1]
    if inputs_embeds.device.type != "cpu" or (attention_mask is not None and attention_mask.dim() != 2):
        return False
    if cache is not None and cache.get_seq_length():
        in_windows = isinstance(cache, DynamicCache) and cache.is_sliding == [
            layer_type == SLIDING for layer_type in config.layer_types or []
        ]
        return length == 1 and in_windows and (attention_mask is None or bool(attention_mask.all()))
    if position_ids is not None and length > 1 and not bool((position_ids.diff() >= 0).all()):
        return False
    return attention_mask is None or bool((attention_mask[:, 1:] <= attention_mask[:, :-1]).all())


class StepMoeDecoderLayer(GradientCheckpointingLayer):
    """Attention and the feed-forward part, each on the normed stream and added to it."""

    def __init__(self, config: StepMoeConfig, layer_idx: int) -> None:
        super().__init__()
        assert config.layer_types is not None and config.mlp_layer_types is not None
        self.layer_type = config.layer_types[layer_idx]
        self.self_attn = StepMoeAttention(config, layer_idx, self.layer_type)
        self.mlp: nn.Module
        self.is_sparse = config.mlp_layer_types[layer_idx] == "sparse"
        if self.is_sparse:
            self.mlp = StepMoeSparseBlock(config, layer_idx)
        else:
            limit = config.swiglu_limits_shared[layer_idx] if config.swiglu_limits_shared else None
            self.mlp = StepMoeMLP(config.hidden_size, config.intermediate_size, limit)
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self,
        hidden: Tensor,
        rotation: Rotation,
        attention_mask: Tensor | None,
        cache: Cache | None = None,
        counted: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Map `hidden` of shape (batch, sequence, width) to the same shape; `counted` is for a router's load."""
        attended, _ = self.self_attn(self.input_layernorm(hidden), rotation, attention_mask, cache, **kwargs)
        hidden = hidden + attended
        normed = self.post_attention_layernorm(hidden)
        output: Tensor = hidden + (self.mlp(normed, counted) if self.is_sparse else self.mlp(normed))
        return output


class StepMoePreTrainedModel(PreTrainedModel):
    """What transformers asks of all classes of the architecture."""

    config_class = StepMoeConfig
    config: StepMoeConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = ["StepMoeDecoderLayer"]  # noqa: RUF012
    _supports_sdpa = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        deviation = self.config.initializer_range
        if isinstance(module, RMSNorm):
            initialization.zeros_(module.weight)
        elif isinstance(module, StepMoeRouter):
            initialization.normal_(module.weight, mean=0.0, std=deviation)
            initialization.zeros_(module.e_score_correction_bias)
            initialization.zeros_(module.load)
        elif isinstance(module, StepMoeExperts):
            initialization.normal_(module.gate_up_proj, mean=0.0, std=deviation)
            initialization.normal_(module.down_proj, mean=0.0, std=deviation)
        elif isinstance(module, RotaryEmbedding):
            for name, table in module.tables().items():
                initialization.copy_(getattr(module, name), table)


class StepMoeModel(StepMoePreTrainedModel):
    """Token embeddings, the layers, the last norm."""

    _can_record_outputs = {  # noqa: RUF012
        "hidden_states": StepMoeDecoderLayer,
        "attentions": OutputRecorder(StepMoeAttention, index=1),
        "router_logits": OutputRecorder(StepMoeRouter, index=0),
    }

    def __init__(self, config: StepMoeConfig) -> None:
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList(
            StepMoeDecoderLayer(config, layer) for layer in range(config.num_hidden_layers)
        )
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.rotary_emb = RotaryEmbedding(config)
        self.gradient_checkpointing = False
        self.post_init()

    @merge_with_config_defaults
    @capture_outputs
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | dict[str, Tensor] | None = None,
        position_ids: Tensor | None = None,
        cache: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        **kwargs: Any,
    ) -> MoeModelOutputWithPast:
        """Hidden states after the last norm, for `input_ids` (batch, sequence) or their embeddings, and the cache.

        `attention_mask` is 1 for tokens and 0 for padding, cached ones included, or a ready mask for each type of layer.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give either input_ids or inputs_embeds.")
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        if use_cache and cache is None and not self.training:
            cache = GrowingCache(self.config)
        masks = self.masks(inputs_embeds, attention_mask, position_ids, cache)
        if position_ids is None:
            seen = cache.get_seq_length() if cache is not None else 0
            position_ids = (
                torch.arange(inputs_embeds.shape[1], device=inputs_embeds.device).unsqueeze(0) + seen
            )
        rotations = self.rotary_emb(inputs_embeds, position_ids)
        hidden, counted = inputs_embeds, tokens_of(attention_mask) if self.training else None
        for layer, layer_type in zip(self.layers, self.config.layer_types or [], strict=True):
            hidden = layer(hidden, rotations[layer_type], masks[layer_type], cache, counted, **kwargs)
        return MoeModelOutputWithPast(last_hidden_state=self.norm(hidden), cache=cache)

    def masks(
        self,
        inputs_embeds: Tensor,
        attention_mask: Tensor | dict[str, Tensor] | None,
        position_ids: Tensor | None,
        cache: Cache | None,
    ) -> Mapping[str, Tensor | None]:
        """The mask for each type of layer: None where our own attention, or transformers', needs none."""
        if isinstance(attention_mask, dict):
            return attention_mask
        if self.config._attn_implementation == "sdpa" and needs_no_mask(
            self.config, inputs_embeds, attention_mask, position_ids, cache
        ):
            return dict.fromkeys(self.rotary_emb.layer_types)
        return {
            layer_type: MASKS[layer_type](
                config=self.config,
                inputs_embeds=inputs_embeds,
                attention_mask=attention_mask,
                cache=cache,
                position_ids=position_ids,
            )
            for layer_type in set(self.config.layer_types or [])
        }


class StepMoeForCausalLM(StepMoePreTrainedModel, GenerationMixin):
    """The language model: `forward` with `labels` trains it, `generate` writes with it."""

    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: StepMoeConfig) -> None:
        super().__init__(config)
        self.model = StepMoeModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def _prepare_cache_for_generation(  # type: ignore[override]
        self, generation_config: GenerationConfig, model_kwargs: dict[str, Any], *args: Any, **kwargs: Any
    ) -> None:
        given = model_kwargs.get("cache")
        super()._prepare_cache_for_generation(generation_config, model_kwargs, *args, **kwargs)  # type: ignore[misc]
        if (
            given is None
            and type(model_kwargs.get("cache")) is DynamicCache
            and not model_kwargs["cache"].offloading
        ):
            model_kwargs["cache"] = GrowingCache(self.config)

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | dict[str, Tensor] | None = None,
        position_ids: Tensor | None = None,
        cache: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: Any,
    ) -> MoeCausalLMOutputWithPast:
        """Logits of the next token at each place, and with `labels` (-100: not counted) their mean cross-entropy.

        In training the loss also has the expert groups' balance, if the configuration has groups.
        `logits_to_keep` asks for the logits of that many last places, or of those places, alone (0: all).
        """
        groups = self.config.expert_groups if self.training and labels is not None else None
        if groups:
            kwargs["output_router_logits"] = True
        outputs = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            cache=cache,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            **kwargs,
        )
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(outputs.last_hidden_state[:, kept])
        loss: Tensor | None = None
        balance: Tensor | None = None
        if labels is not None:
            loss = self.loss_function(
                logits=logits, labels=labels, vocab_size=self.config.vocab_size, **kwargs
            )
        if groups and loss is not None:
            balance = model_group_loss(self.model, outputs.router_logits, groups, tokens_of(attention_mask))
            loss = loss + self.config.expert_group_loss_weight * balance
        return MoeCausalLMOutputWithPast(
            loss=loss,
            aux_loss=balance,
            logits=logits,
            cache=outputs.cache,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            router_logits=outputs.router_logits,
        )
