"""Heads that each predict one token further (MTP): their loss in training, and drafts for self-speculative decoding.

Head k takes the hidden state of a token and the embedding of the token k + 1 further on, and predicts the next one (k from 0).
The heads share the model's embedding and output. Checking the drafts is transformers' assisted generation: what `generate` writes
with `use_mtp=True` is what it would have written without, token by token when greedy, in distribution when sampling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, LogitsProcessorList
from transformers.cache_utils import Cache, MtpCache
from transformers.generation.candidate_generator import MTPCandidateGenerator

from stepprove.serving.step_moe.configuration import StepMoeConfig
from stepprove.serving.step_moe.layer import StepMoeBlock
from stepprove.serving.step_moe.masks import layer_masks
from stepprove.serving.step_moe.norm import RMSNorm
from stepprove.serving.step_moe.rope import RotaryEmbedding, Rotation


class StepMoeMtpLayer(StepMoeBlock):
    """One head: joins a hidden state with a later token's embedding, and runs a layer of its own over the result."""

    def __init__(self, config: StepMoeConfig, depth: int) -> None:
        super().__init__(config.get_mtp_config(), depth)
        self.self_attn.config = config  # so that a change of the attention's implementation reaches it
        self.enorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.hnorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.eh_proj = nn.Linear(2 * config.hidden_size, config.hidden_size, bias=False)
        self.post_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(  # type: ignore[override]
        self,
        embeds: Tensor,
        hidden: Tensor,
        rotation: Rotation,
        attention_mask: Tensor | None,
        cache: Cache | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """The hidden states of the next depth, for embeddings and hidden states of shape (batch, sequence, width)."""
        joined = self.eh_proj(torch.cat([self.enorm(embeds), self.hnorm(hidden)], dim=-1))
        output: Tensor = self.post_norm(super().forward(joined, rotation, attention_mask, cache, **kwargs))
        return output


class MtpDecoder(Protocol):
    """The stack of layers below the heads: token embeddings, rotary positions and the heads themselves."""

    @property
    def embed_tokens(self) -> nn.Embedding:
        """Map token ids to embeddings."""

    @property
    def rotary_emb(self) -> RotaryEmbedding:
        """Map positions to rotations, one for each type of layer."""

    @property
    def mtp_layers(self) -> list[StepMoeMtpLayer]:
        """The heads, nearest token first."""


class MtpModel(Protocol):
    """The parts of a language model that its MTP heads use."""

    @property
    def config(self) -> StepMoeConfig:
        """The model's sizes."""

    @property
    def model(self) -> MtpDecoder:
        """The stack of layers."""

    @property
    def lm_head(self) -> nn.Linear:
        """Map hidden states to logits."""

    @property
    def loss_function(self) -> Callable[..., Tensor]:
        """The model's cross-entropy."""


def mtp_loss(
    model: MtpModel,
    hidden: Tensor,
    embeds: Tensor,
    labels: Tensor,
    attention_mask: Tensor | dict[str, Tensor] | None,
    position_ids: Tensor | None,
    **kwargs: Any,
) -> Tensor:
    """The mean over the heads of their cross-entropy; `hidden` are the model's last states, the rest its inputs.

    `kwargs` go to the model's loss, as `num_items_in_batch` does when gradients are accumulated.
    """
    if position_ids is None:
        position_ids = torch.arange(embeds.shape[1], device=embeds.device).unsqueeze(0)
    losses = []
    for depth, layer in enumerate(model.model.mtp_layers):
        length = embeds.shape[1] - 1 - depth
        if length < 1:
            break
        later, positions = embeds[:, depth + 1 :], position_ids[:, depth + 1 :]
        mask = attention_mask[:, :length] if isinstance(attention_mask, Tensor) else None
        masks = layer_masks(model.config, [layer.layer_type], later, mask, positions, None)
        rotations = model.model.rotary_emb(later, positions)
        hidden = layer(later, hidden[:, :length], rotations[layer.layer_type], masks[layer.layer_type])
        targets = nn.functional.pad(labels[:, depth + 2 :], (0, 1), value=-100)
        losses.append(
            model.loss_function(
                logits=model.lm_head(hidden),
                labels=None,
                shift_labels=targets,
                vocab_size=model.config.vocab_size,
                **kwargs,
            )
        )
    return torch.stack(losses).mean()


class MtpDrafts(MTPCandidateGenerator):
    """Drafts of the heads inside the model, where transformers would load others from the model's checkpoint."""

    def __init__(
        self,
        model: MtpModel,
        generation_config: GenerationConfig,
        logits_processor: LogitsProcessorList | None = None,
    ) -> None:
        """Raises ValueError if the model has no heads."""
        self.num_mtp_layers = model.config.num_nextn_predict_layers
        if not self.num_mtp_layers:
            raise ValueError("This model has no MTP heads: its `num_nextn_predict_layers` is 0.")
        self.model = model
        self.layer_types = model.config.mtp_layer_types or []
        self.model_kwargs_overrides = {"output_hidden_states": -1}
        self.device = model.lm_head.weight.device
        self.mtp_model = self.draft  # type: ignore[assignment]
        self.mtp_cache = MtpCache(config=model.config.get_mtp_config())
        self.mtp_cache.activate_past_recording()
        self.do_sample = generation_config.do_sample
        self.logits_processor = logits_processor
        self.is_main_model_prefill = True

    def draft(
        self,
        input_ids: Tensor,
        last_hidden_states: Tensor,
        position_ids: Tensor,
        full_input_ids: Tensor,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor, None]:
        """One token of each head, and the logits it was drawn from, for the tokens the model has just accepted.

        `input_ids` and `position_ids` (1, sequence) are of these tokens and the one it wrote after them, without the first;
        `last_hidden_states` (1, sequence, width) are of the tokens without the last.
        """
        decoder = self.model.model
        tokens, logits, hidden = [], [], last_hidden_states
        for depth, layer in enumerate(decoder.mtp_layers):
            embeds = decoder.embed_tokens(input_ids)
            masks = layer_masks(
                self.model.config, self.layer_types, embeds, None, position_ids, self.mtp_cache, depth
            )
            rotation = decoder.rotary_emb(embeds, position_ids)[layer.layer_type]
            hidden = layer(embeds, hidden, rotation, masks[layer.layer_type], self.mtp_cache)
            scores = self.model.lm_head(hidden[:, -1]).float()
            if self.logits_processor is not None:
                scores = self.logits_processor(full_input_ids, scores)  # type: ignore[arg-type]
            token = (
                torch.multinomial(scores.softmax(-1), num_samples=1)
                if self.do_sample
                else scores.argmax(-1, keepdim=True)
            )
            tokens.append(token)
            logits.append(scores)
            input_ids = torch.cat([input_ids[:, 1:], token], dim=-1)
            full_input_ids = torch.cat([full_input_ids, token], dim=-1)
            position_ids = position_ids + 1
        return torch.cat(tokens, dim=1), torch.stack(logits, dim=1), None
