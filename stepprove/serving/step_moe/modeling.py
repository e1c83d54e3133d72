"""StepMoE as transformers classes: the stack of layers, and the language model on top."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, GenerationMixin, PreTrainedModel, initialization
from transformers.cache_utils import Cache, DynamicCache
from transformers.generation.candidate_generator import CandidateGenerator
from transformers.modeling_outputs import MoeCausalLMOutputWithPast, MoeModelOutputWithPast
from transformers.utils.generic import can_return_tuple, merge_with_config_defaults
from transformers.utils.output_capturing import OutputRecorder, capture_outputs

from stepprove.serving.step_moe.attention.attention import StepMoeAttention
from stepprove.serving.step_moe.attention.cache import GrowingCache
from stepprove.serving.step_moe.attention.masks import layer_masks, tokens_of
from stepprove.serving.step_moe.attention.rope import RotaryEmbedding
from stepprove.serving.step_moe.configuration import StepMoeConfig
from stepprove.serving.step_moe.experts.balance import model_group_loss
from stepprove.serving.step_moe.experts.experts import StepMoeExperts, StepMoeRouter
from stepprove.serving.step_moe.layer import StepMoeDecoderLayer
from stepprove.serving.step_moe.mtp import MtpDrafts, StepMoeMtpLayer, mtp_loss
from stepprove.serving.step_moe.norm import RMSNorm


class StepMoePreTrainedModel(PreTrainedModel):
    """The attributes and weight initialisation that transformers expects of the architecture."""

    config_class = StepMoeConfig
    config: StepMoeConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = ["StepMoeDecoderLayer", "StepMoeMtpLayer"]  # noqa: RUF012
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
        self.layers.extend(StepMoeMtpLayer(config, depth) for depth in range(config.num_nextn_predict_layers))
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
        """Compute the hidden states after the last norm, and update the cache.

        Args:
            input_ids: (batch, sequence).
            attention_mask: 1 for tokens and 0 for padding, cached tokens included; or a ready mask for each layer type.
            position_ids: (batch, sequence); None: counted from the cache's length.
            cache: keys and values of earlier tokens.
            inputs_embeds: (batch, sequence, width), in place of `input_ids`.
            use_cache: make a cache where none is given.

        Raises:
            ValueError: both or neither of `input_ids` and `inputs_embeds` are given.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give either input_ids or inputs_embeds.")
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        if use_cache and cache is None and not self.training:
            cache = GrowingCache(self.config)
        masks = layer_masks(
            self.config, self.config.layer_types or [], inputs_embeds, attention_mask, position_ids, cache
        )
        if position_ids is None:
            seen = cache.get_seq_length() if cache is not None else 0
            position_ids = (
                torch.arange(inputs_embeds.shape[1], device=inputs_embeds.device).unsqueeze(0) + seen
            )
        rotations = self.rotary_emb(inputs_embeds, position_ids)
        hidden, counted = inputs_embeds, tokens_of(attention_mask) if self.training else None
        for layer in self.layers[: self.config.num_hidden_layers]:
            layer_type = str(layer.layer_type)
            hidden = layer(hidden, rotations[layer_type], masks[layer_type], cache, counted, **kwargs)
        return MoeModelOutputWithPast(last_hidden_state=self.norm(hidden), cache=cache)

    @property
    def mtp_layers(self) -> list[StepMoeMtpLayer]:
        """The MTP heads, stored as layers after the last one."""
        heads = self.layers[self.config.num_hidden_layers :]
        return [head for head in heads if isinstance(head, StepMoeMtpLayer)]


class StepMoeForCausalLM(StepMoePreTrainedModel, GenerationMixin):
    """The language model: `forward` with `labels` trains it, `generate` samples from it."""

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

    def _get_candidate_generator(
        self, generation_config: GenerationConfig, *args: Any, **kwargs: Any
    ) -> CandidateGenerator:
        if generation_config.use_mtp:
            return MtpDrafts(self, generation_config, kwargs.get("logits_processor"))
        return super()._get_candidate_generator(generation_config, *args, **kwargs)  # type: ignore[misc]

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
        """Compute the next token's logits at each position, and the loss for `labels`.

        In training the loss adds the MTP heads' mean loss and the expert-group balance loss, each times its weight, where the
        configuration has them. The arguments are those of transformers' models, so they stay a list.

        Args:
            labels: (batch, sequence), -100 for tokens that do not count.
            logits_to_keep: compute the logits of that many last positions only, or of these positions; 0: all.
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
        trains_heads = self.training and self.model.mtp_layers and self.config.mtp_loss_weight
        if loss is not None and labels is not None and trains_heads:
            embeds = self.model.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
            further = mtp_loss(
                self, outputs.last_hidden_state, embeds, labels, attention_mask, position_ids, **kwargs
            )
            loss = loss + self.config.mtp_loss_weight * further
        if groups and loss is not None:
            own = self.model.layers[: self.config.num_hidden_layers]
            balance = model_group_loss(own, outputs.router_logits, groups, tokens_of(attention_mask))
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
