"""StepMoE as transformers classes: the stack of layers, and the language model on top of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel, initialization
from transformers.cache_utils import Cache, DynamicCache
from transformers.masking_utils import create_causal_mask, create_sliding_window_causal_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import MoeCausalLMOutputWithPast, MoeModelOutputWithPast
from transformers.utils.generic import can_return_tuple, merge_with_config_defaults
from transformers.utils.output_capturing import OutputRecorder, capture_outputs

from stepprove.serving.step_moe.attention import StepMoeAttention
from stepprove.serving.step_moe.configuration import FULL, SLIDING, StepMoeConfig
from stepprove.serving.step_moe.experts import StepMoeExperts, StepMoeMLP, StepMoeRouter, StepMoeSparseBlock
from stepprove.serving.step_moe.norm import RMSNorm
from stepprove.serving.step_moe.rope import RotaryEmbedding, Rotation, inverse_frequencies

MASKS = {FULL: create_causal_mask, SLIDING: create_sliding_window_causal_mask}


class StepMoeDecoderLayer(GradientCheckpointingLayer):
    """Attention and the feed-forward part, each on the normed stream and added to it."""

    def __init__(self, config: StepMoeConfig, layer_idx: int) -> None:
        super().__init__()
        assert config.layer_types is not None and config.mlp_layer_types is not None
        self.layer_type = config.layer_types[layer_idx]
        self.self_attn = StepMoeAttention(config, layer_idx, self.layer_type)
        self.mlp: nn.Module
        if config.mlp_layer_types[layer_idx] == "sparse":
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
        **kwargs: Any,
    ) -> Tensor:
        """Map `hidden` of shape (batch, sequence, width) to the same shape."""
        attended, _ = self.self_attn(self.input_layernorm(hidden), rotation, attention_mask, cache, **kwargs)
        hidden = hidden + attended
        output: Tensor = hidden + self.mlp(self.post_attention_layernorm(hidden))
        return output


class StepMoePreTrainedModel(PreTrainedModel):
    """What transformers asks of all classes of the architecture."""

    config_class = StepMoeConfig
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
            for layer_type in module.layer_types:
                buffer = getattr(module, f"{layer_type}_inv_freq")
                initialization.copy_(buffer, inverse_frequencies(module.config, layer_type))


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
        if use_cache and cache is None:
            cache = DynamicCache(config=self.config)
        if position_ids is None:
            seen = cache.get_seq_length() if cache is not None else 0
            position_ids = (
                torch.arange(inputs_embeds.shape[1], device=inputs_embeds.device).unsqueeze(0) + seen
            )
        masks = (
            attention_mask
            if isinstance(attention_mask, dict)
            else {
                layer_type: MASKS[layer_type](
                    config=self.config,
                    inputs_embeds=inputs_embeds,
                    attention_mask=attention_mask,
                    cache=cache,
                    position_ids=position_ids,
                )
                for layer_type in set(self.config.layer_types)
            }
        )
        rotations = {
            layer_type: self.rotary_emb(inputs_embeds, position_ids, layer_type)
            for layer_type in set(self.config.layer_types)
        }
        hidden = inputs_embeds
        for layer, layer_type in zip(self.layers, self.config.layer_types, strict=True):
            hidden = layer(hidden, rotations[layer_type], masks[layer_type], cache, **kwargs)
        return MoeModelOutputWithPast(last_hidden_state=self.norm(hidden), cache=cache)


class StepMoeForCausalLM(StepMoePreTrainedModel, GenerationMixin):
    """The language model: `forward` with `labels` trains it, `generate` writes with it."""

    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: StepMoeConfig) -> None:
        super().__init__(config)
        self.model = StepMoeModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

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

        `logits_to_keep` asks for the logits of that many last places, or of those places, alone (0: all).
        """
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
        loss = None
        if labels is not None:
            loss = self.loss_function(
                logits=logits, labels=labels, vocab_size=self.config.vocab_size, **kwargs
            )
        return MoeCausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            cache=outputs.cache,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            router_logits=outputs.router_logits,
        )
