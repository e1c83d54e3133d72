"""Reinforcement learning with Lean as the judge: rollouts and updates side by side, each a fixed number of updates apart.

While the weights of version v are updated on the texts of one round, the texts of the next are written with version v: the
sampler is never more than one update behind, and a seed gives the same run again, which free-running workers would not. Within
a round all texts are under way at once; those that wait for Lean leave their place in the batch to others.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from stepprove.serving.batching import Decoder
from stepprove.train.losses import (
    Average,
    Bounds,
    clipped_loss,
    group_advantages,
    mis_po_loss,
    teaches,
    trusted,
)
from stepprove.train.methods.angular import mean_angle
from stepprove.train.methods.control_variates import learned_baseline
from stepprove.train.methods.options import RlvrMethods
from stepprove.train.rlvr_options import RlvrOptions as RlvrOptions
from stepprove.train.rollout import Rollout

_NO_METHODS = RlvrMethods()


@dataclass(frozen=True, slots=True)
class Group:
    """The texts for one problem, and what each earned (NaN: not known)."""

    rollouts: tuple[Rollout, ...]
    rewards: tuple[float, ...]


def taught(groups: Sequence[Group]) -> int:
    """Of how many problems the texts did not all do alike."""
    return sum(bool(teaches(torch.tensor(g.rewards), len(g.rewards))[0]) for g in groups)


@dataclass(frozen=True, slots=True)
class Update:
    """What one update did; seconds are of the clock."""

    number: int
    loss: float
    grad_norm: float
    reward: float
    """Mean over what is known."""
    unknown: float
    """Share of the texts of which Lean could not tell."""
    taught: int
    """Problems whose texts did not all do alike."""
    trusted: float
    """Share of the written tokens that MIS-PO kept; 1 with another loss."""
    tokens: float
    """Mean of the texts, written ones alone."""
    checks: float
    """Mean number of Lean's answers that a text reads."""
    truncated: float
    sampling_seconds: float
    update_seconds: float
    lean_seconds: float
    """Of all engines together, while sampling."""
    angle: float | None = None
    """Mean angle in radians by which matrices turned; None: not asked for."""


Sampler = Callable[[Decoder, int], Awaitable[Sequence[Group]]]
"""Writes the texts of a round, of its number, with a decoder, and says what each earned."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts as tensors, [B, T] each, padded at the end."""

    ids: Tensor
    mask: Tensor
    """1 where the model wrote the token."""
    sampled: Tensor
    """Log-probabilities when drawn; 0 where the mask is."""
    advantages: Tensor
    """[B]."""

    def to(self, device: torch.device) -> Batch:
        """The same elsewhere."""
        return Batch(*(getattr(self, each.name).to(device) for each in fields(self)))


def batches(
    groups: Sequence[Group], options: RlvrOptions, pad: int, methods: RlvrMethods = _NO_METHODS
) -> list[Batch]:
    """The texts that teach, those of similar length together; what earned an unknown reward is left out."""
    rows: list[tuple[Rollout, float]] = []
    learned = methods.baseline == "learned"
    told = _learned(groups, options) if learned else [_within(group, options) for group in groups]
    for group, advantages in zip(groups, told, strict=True):
        if advantages is None:
            continue
        rows += [
            (rollout, advantage)
            for rollout, advantage, reward in zip(group.rollouts, advantages, group.rewards, strict=True)
            if reward == reward and any(rollout.own)
        ]
    rows.sort(key=lambda row: len(row[0].ids))
    parts: list[list[tuple[Rollout, float]]] = []
    for row in rows:
        if not parts or (len(parts[-1]) + 1) * len(row[0].ids) > options.batch_tokens:
            parts.append([])
        parts[-1].append(row)
    return [_batch(part, pad) for part in parts]


def _within(group: Group, options: RlvrOptions) -> list[float] | None:
    """Each text's advantage over the others of its problem; None where they all did alike."""
    rewards = torch.tensor(group.rewards)
    if not bool(teaches(rewards, len(group.rewards))[0]):
        return None
    return group_advantages(rewards, len(group.rewards), scale=options.scale_rewards).tolist()


def _learned(groups: Sequence[Group], options: RlvrOptions) -> list[list[float] | None]:
    """Each text's advantage over what the round's other problems let expect of it; None for canaries, and where all did alike."""
    full = [place for place, group in enumerate(groups) if len(group.rewards) == options.group]
    told: list[list[float] | None] = [None] * len(groups)
    rewards = torch.tensor([groups[place].rewards for place in full])
    if not full or not bool(teaches(rewards.flatten(), rewards.numel())[0]):
        return told
    advantages = rewards - learned_baseline(rewards)
    if options.scale_rewards:
        advantages = advantages / (advantages[~rewards.isnan()].std() + 1e-4)
    for place, row in zip(full, advantages.nan_to_num(0.0).tolist(), strict=True):
        told[place] = row
    return told


def _batch(rows: Sequence[tuple[Rollout, float]], pad: int) -> Batch:
    width = max(len(rollout.ids) for rollout, _ in rows)

    def padded(values: Sequence[float], fill: float) -> list[float]:
        return [*values, *[fill] * (width - len(values))]

    return Batch(
        ids=torch.tensor([padded(rollout.ids, pad) for rollout, _ in rows], dtype=torch.long),
        mask=torch.tensor([padded(rollout.own, 0) for rollout, _ in rows], dtype=torch.float32),
        sampled=torch.tensor([padded(rollout.log_probs, 0.0) for rollout, _ in rows]).nan_to_num(0.0),
        advantages=torch.tensor([advantage for _, advantage in rows]),
    )


def log_probs(model: PreTrainedModel, ids: Tensor) -> Tensor:
    """Of each token [B, T] given those before it; 0 for the first. Padding stands at the end, so no mask is needed."""
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float()
    found = logits.log_softmax(-1).gather(2, ids[:, 1:, None])[:, :, 0]
    return torch.cat([found.new_zeros(len(ids), 1), found], 1)


def update(
    model: PreTrainedModel, optimizer: torch.optim.Optimizer, parts: Sequence[Batch], options: RlvrOptions
) -> tuple[float, float, float]:
    """One step on the batches together. Returns (loss, gradient norm, share of written tokens that are trusted)."""
    over: Average = "text" if options.loss == "grpo" else "token"
    wholes = [float(part.mask.sum()) if over == "token" else float(len(part.ids)) for part in parts]
    kept_tokens = total = 0.0
    optimizer.zero_grad()
    for each, whole in zip(parts, wholes, strict=True):
        part = each.to(model.device)
        current = log_probs(model, part.ids)
        if options.loss == "mis-po":
            bounds = Bounds(*options.token_bounds, *options.text_bounds)
            kept = trusted(current.detach(), part.sampled, part.mask, bounds)
            loss = mis_po_loss(current, part.advantages, part.mask, kept)
        else:
            kept = part.mask
            high = options.clip_high if options.loss == "dapo" else options.clip_low
            loss = clipped_loss(
                current, part.sampled, part.advantages, part.mask, low=options.clip_low, high=high, over=over
            )
        share = loss * (whole / sum(wholes))
        share.backward()  # type: ignore[no-untyped-call]
        total += float(share.detach())
        kept_tokens += float(kept.sum())
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options.max_grad_norm)
    optimizer.step()
    return total, float(norm), kept_tokens / max(1.0, sum(float(part.mask.sum()) for part in parts))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that training goes on from: after it the run is the one that was not interrupted."""

    updates: int
    """That have been done."""
    model: Mapping[str, Tensor]
    sampler: Mapping[str, Tensor]
    """The weights one update earlier, by which the next round is written."""
    optimizer: Mapping[str, Any]


async def train(
    model: PreTrainedModel,
    tokenizer: Any,
    sample: Sampler,
    options: RlvrOptions,
    *,
    methods: RlvrMethods = _NO_METHODS,
    start: Checkpoint | None = None,
    keep: Callable[[Update, Checkpoint], None] = lambda update, checkpoint: None,
) -> None:
    """Train a model in place.

    Args:
        model: as it begins; with a `start` its weights are replaced.
        tokenizer: its own.
        sample: writes the texts of a round: the same problems when asked again for the same one.
        options: how.
        methods: of the source papers, beside.
        start: where an earlier run stopped.
        keep: told each update, and where to go on from after it; its tensors change with the next.

    Raises what `sample` raises; the weights are then those before the update that the round would have been part of.
    """
    model.train(False)  # nothing is dropped out, so that a text is as likely here as it was when it was drawn
    decoder = Decoder(copy.deepcopy(model), tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), options.learning_rate, weight_decay=0.0)
    if start is not None:
        model.load_state_dict(start.model)
        decoder.load(start.sampler)
        optimizer.load_state_dict(dict(start.optimizer))

    def next_round(number: int) -> asyncio.Task[tuple[Sequence[Group], float]]:
        async def timed() -> tuple[Sequence[Group], float]:
            started = time.monotonic()
            groups = await sample(decoder, number)
            return groups, time.monotonic() - started

        return asyncio.create_task(timed())

    first = start.updates if start is not None else 0
    if first >= options.updates:
        return
    sampling = next_round(first)
    try:
        for number in range(first, options.updates):
            groups, sampling_seconds = await sampling
            before = {name: weight.clone() for name, weight in model.state_dict().items()}
            decoder.load(before)
            if number + 1 < options.updates:
                sampling = next_round(number + 1)
            started = time.monotonic()
            parts = batches(groups, options, int(tokenizer.pad_token_id), methods)
            figures = (0.0, 0.0, 1.0)
            if parts:
                figures = await asyncio.to_thread(update, model, optimizer, parts, options)
            seconds = time.monotonic() - started
            told = _told(number, groups, figures, sampling_seconds, seconds)
            if methods.angular:
                told = replace(told, angle=mean_angle(before, model))
            keep(
                told,
                Checkpoint(number + 1, model.state_dict(), before, optimizer.state_dict()),
            )
    finally:
        sampling.cancel()


def _told(
    number: int,
    groups: Sequence[Group],
    figures: tuple[float, float, float],
    sampling_seconds: float,
    update_seconds: float,
) -> Update:
    rewards = [reward for group in groups for reward in group.rewards]
    known = [reward for reward in rewards if reward == reward]
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    loss, norm, kept = figures
    return Update(
        number=number,
        loss=loss,
        grad_norm=norm,
        reward=sum(known) / len(known) if known else float("nan"),
        unknown=1 - len(known) / len(rewards),
        taught=taught(groups),
        trusted=kept,
        tokens=sum(sum(rollout.own) for rollout in rollouts) / len(rollouts),
        checks=sum(rollout.checks for rollout in rollouts) / len(rollouts),
        truncated=sum(rollout.truncated for rollout in rollouts) / len(rollouts),
        sampling_seconds=round(sampling_seconds, 3),
        update_seconds=round(update_seconds, 3),
        lean_seconds=round(sum(rollout.lean_seconds for rollout in rollouts), 3),
    )
