"""Multi-token prediction (MTP) heads: their training loss, and drafts for self-speculative decoding.

Head k takes a token's hidden state and the embedding of the token k + 1 further on, and predicts the next token (k from 0).
Heads share the model's embedding and output. transformers' assisted generation checks the drafts: `use_mtp=True` leaves the
output of `generate` unchanged, token by token when greedy, in distribution when sampling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, LogitsProcessorList
from transformers.cache_utils import Cache, MtpCache
from transformers.generation.candidate_generator import MTPCandidateGenerator

from stepprove.serving.step_moe.attention.masks import layer_masks
from stepprove.serving.step_moe.attention.rope import RotaryEmbedding, Rotation
from stepprove.serving.step_moe.configuration import StepMoeConfig
from stepprove.serving.step_moe.layer import StepMoeBlock
from stepprove.serving.step_moe.norm import RMSNorm


class StepMoeMtpLayer(StepMoeBlock):
    """One MTP head: joins a hidden state with a later token's embedding, and runs its own layer on the result."""

    def __init__(self, config: StepMoeConfig, depth: int) -> None:
        super().__init__(config.get_mtp_config(), depth)
        self.self_attn.config = config  # so that changes of the attention implementation reach it
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
        """Return the next depth's hidden states from embeddings and hidden states (batch, sequence, width)."""
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
    """Compute the mean cross-entropy of the heads.

    Args:
        model: the language model.
        hidden: (batch, sequence, width), the model's last hidden states.
        embeds: (batch, sequence, width), its input embeddings.
        labels: (batch, sequence), -100 for tokens that do not count.
        attention_mask: (batch, sequence), 1 for tokens; a dict of ready masks is ignored.
        position_ids: (batch, sequence); None: from 0.
        kwargs: for the model's loss, such as `num_items_in_batch` with gradient accumulation.

    Returns:
        A scalar.

    Source: Step 3.5 Flash (arXiv 2602.10604).
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
    """Drafts from the model's own heads, where transformers would load heads from the checkpoint."""

    def __init__(
        self,
        model: MtpModel,
        generation_config: GenerationConfig,
        logits_processor: LogitsProcessorList | None = None,
    ) -> None:
        """Prepare drafting. Raises ValueError when the model has no heads."""
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
        """Draft one token with each head after the tokens that the model has just accepted.

        Args:
            input_ids: (1, sequence), the accepted tokens and the one after them, without the first.
            last_hidden_states: (1, sequence, width), of the accepted tokens.
            position_ids: (1, sequence), of `input_ids`.
            full_input_ids: (1, length), the whole text.

        Returns:
            Tokens (1, heads), logits (1, heads, vocabulary), and None.
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
