"""Reinforcement learning with Lean as the judge: rollouts and updates side by side, each a fixed number of updates apart.

While the weights of version v are updated on the texts of one round, the texts of the next are written with version v: the
sampler is never more than one update behind, and a seed gives the same run again, which free-running workers would not. Within
a round all texts are under way at once; those that wait for Lean leave their place in the batch to others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel

from stepprove.serving.serve.batching import Sampler
from stepprove.train.methods.angular import mean_angle
from stepprove.train.methods.control_variates import learned_baseline
from stepprove.train.methods.options import RlvrMethods
from stepprove.train.rl.distributed import ProcessGroup, SingleProcess
from stepprove.train.rl.losses import (
    Average,
    TrustBounds,
    clipped_loss,
    group_advantages,
    has_signal,
    mis_po_loss,
    trusted,
)
from stepprove.train.rl.options import RlvrOptions as RlvrOptions
from stepprove.train.rl.rollout import Rollout

_NO_METHODS = RlvrMethods()
_SINGLE_PROCESS = SingleProcess()


@dataclass(frozen=True, slots=True)
class Group:
    """The texts for one problem, and what each earned (NaN: not known)."""

    rollouts: tuple[Rollout, ...]
    rewards: tuple[float, ...]


def informative_groups(rewards: Sequence[Sequence[float]]) -> int:
    """Of how many problems, with the rewards of their texts, these did not all do alike."""
    return sum(bool(has_signal(torch.tensor(each), len(each))[0]) for each in rewards)


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
    drift: float
    """Mean over the written tokens of how far their log-probability is from the one they were drawn with, in nats."""
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


RoundSampler = Callable[[Sampler, int], Awaitable[Sequence[Group]]]
"""Lets a source write the texts of a round, of its number, and says what each earned."""


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
    if not bool(has_signal(rewards, len(group.rewards))[0]):
        return None
    return group_advantages(rewards, len(group.rewards), scale=options.scale_rewards).tolist()


def _learned(groups: Sequence[Group], options: RlvrOptions) -> list[list[float] | None]:
    """Each text's advantage over what the round's other problems let expect of it; None for canaries, and where all did alike."""
    full = [place for place, group in enumerate(groups) if len(group.rewards) == options.group]
    told: list[list[float] | None] = [None] * len(groups)
    rewards = torch.tensor([groups[place].rewards for place in full])
    if not full or not bool(has_signal(rewards.flatten(), rewards.numel())[0]):
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


@dataclass(frozen=True, slots=True)
class Learned:
    """What a step learned from; see `Update`."""

    loss: float = 0.0
    grad_norm: float = 0.0
    trusted: float = 1.0
    drift: float = 0.0


def update(
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    parts: Sequence[Batch],
    options: RlvrOptions,
    processes: ProcessGroup = _SINGLE_PROCESS,
) -> Learned:
    """One step on the batches of all processes together; none where no process has one."""
    over: Average = "text" if options.loss == "grpo" else "token"
    wholes = [float(part.mask.sum()) if over == "token" else float(len(part.ids)) for part in parts]
    if not (everything := processes.sum(sum(wholes))):
        return Learned()
    written = processes.sum(sum(float(part.mask.sum()) for part in parts))
    idle = processes.max(len(parts)) - len(parts)
    kept_tokens = total = drift = 0.0
    optimizer.zero_grad()
    for each, whole in zip(parts, wholes, strict=True):
        part = each.to(model.device)
        current = log_probs(model, part.ids)
        drift += float(((current.detach() - part.sampled).abs() * part.mask).sum())
        if options.loss == "mis-po":
            bounds = TrustBounds(*options.token_bounds, *options.text_bounds)
            kept = trusted(current.detach(), part.sampled, part.mask, bounds)
            loss = mis_po_loss(current, part.advantages, part.mask, kept)
        else:
            kept = part.mask
            high = options.clip_high if options.loss == "dapo" else options.clip_low
            loss = clipped_loss(
                current, part.sampled, part.advantages, part.mask, low=options.clip_low, high=high, over=over
            )
        share = loss * (whole / everything)
        part_of_mean = share * processes.size  # FSDP averages the gradients of the processes
        part_of_mean.backward()  # type: ignore[no-untyped-call]
        total += float(share.detach())
        kept_tokens += float(kept.sum())
    for _ in range(
        idle
    ):  # all take part in each way forth and back, in which weights and gradients are shared
        nothing = torch.zeros(1, 2, dtype=torch.long, device=model.device)
        (log_probs(model, nothing).sum() * 0.0).backward()  # type: ignore[no-untyped-call]
    norm: Any = torch.nn.utils.clip_grad_norm_(model.parameters(), options.max_grad_norm)
    optimizer.step()
    return Learned(
        loss=processes.sum(total),
        grad_norm=float(norm.full_tensor() if isinstance(norm, DTensor) else norm),
        trusted=processes.sum(kept_tokens) / written,
        drift=processes.sum(drift) / written,
    )


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
    sampler: Sampler,
    sample: RoundSampler,
    options: RlvrOptions,
    *,
    methods: RlvrMethods = _NO_METHODS,
    processes: ProcessGroup = _SINGLE_PROCESS,
    start: Checkpoint | None = None,
    keep: Callable[[Update, Checkpoint | None], None] = lambda update, checkpoint: None,
) -> None:
    """Train a model in place.

    Args:
        model: as it begins; with a `start` its weights are replaced.
        tokenizer: its own.
        sampler: writes its texts; it is given the weights.
        sample: lets it write those of a round: about the same problems when asked again for the same one.
        options: how.
        methods: of the source papers, beside.
        processes: the processes that train it together, each on texts of its own.
        start: where an earlier run stopped.
        keep: told each update, and every `options.save_every` of them where to go on from after it.

    Raises what `sample` raises; the weights are then those before the update that the round would have been part of.
    """
    model.train(False)  # nothing is dropped out, so that a text is as likely here as it was when it was drawn
    optimizer = torch.optim.AdamW(model.parameters(), options.learning_rate, weight_decay=0.0)

    async def give(weights: Mapping[str, Tensor]) -> None:
        def load() -> None:
            processes.set_device()
            sampler.load(weights)

        if weights:  # what the first process alone is given, it passes on for all
            await asyncio.to_thread(load)
        processes.barrier()  # till all have theirs

    if start is not None:
        processes.restore(model, optimizer, start.model, start.optimizer)
    await give(processes.weights(model) if start is None else start.sampler)

    def next_round(number: int) -> asyncio.Task[tuple[Sequence[Group], float]]:
        async def timed() -> tuple[Sequence[Group], float]:
            started = time.monotonic()
            groups = await sample(sampler, number)
            return groups, time.monotonic() - started

        return asyncio.create_task(timed())

    first = start.updates if start is not None else 0
    if first >= options.updates:
        return
    sampling = next_round(first)
    try:
        for number in range(first, options.updates):
            groups, sampling_seconds = await sampling
            before = processes.weights(model)
            await give(before)
            if number + 1 < options.updates:
                sampling = next_round(number + 1)
            parts = batches(groups, options, int(tokenizer.pad_token_id), methods)
            round_ = _Round(number, groups, parts, sampling_seconds, before)
            # Beside what writes the next texts, as is the waiting for other processes.
            keep(*await asyncio.to_thread(_learn, model, optimizer, round_, options, methods, processes))
    finally:
        sampling.cancel()


@dataclass(frozen=True, slots=True)
class _Round:
    """What an update learns from."""

    number: int
    groups: Sequence[Group]
    parts: Sequence[Batch]
    sampling_seconds: float
    before: Mapping[str, Tensor]
    """The weights that it changes."""


def _learn(
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    round_: _Round,
    options: RlvrOptions,
    methods: RlvrMethods,
    processes: ProcessGroup,
) -> tuple[Update, Checkpoint | None]:
    """One update, as it is told, and where to go on from where that is due."""
    processes.set_device()
    started = time.monotonic()
    learned = update(model, optimizer, round_.parts, options, processes)
    seconds = time.monotonic() - started
    texts = [each for part in processes.gather(_seen(round_.groups)) for each in part]
    told = _told(round_.number, texts, learned, max(processes.gather(round_.sampling_seconds)), seconds)
    if methods.angular:
        told = replace(told, angle=mean_angle(round_.before, model))
    done = round_.number + 1
    if done % options.save_every and done < options.updates:
        return told, None
    return told, Checkpoint(
        done, processes.weights(model), round_.before, processes.optimizer_state(model, optimizer)
    )


@dataclass(frozen=True, slots=True)
class _Texts:
    """Of one problem, what an update tells of its texts."""

    rewards: tuple[float, ...]
    tokens: tuple[int, ...]
    checks: int
    truncated: int
    lean_seconds: float


def _seen(groups: Sequence[Group]) -> list[_Texts]:
    return [
        _Texts(
            rewards=group.rewards,
            tokens=tuple(sum(rollout.own) for rollout in group.rollouts),
            checks=sum(rollout.checks for rollout in group.rollouts),
            truncated=sum(rollout.truncated for rollout in group.rollouts),
            lean_seconds=sum(rollout.lean_seconds for rollout in group.rollouts),
        )
        for group in groups
    ]


def _told(
    number: int, texts: Sequence[_Texts], learned: Learned, sampling_seconds: float, update_seconds: float
) -> Update:
    rewards = [reward for each in texts for reward in each.rewards]
    known = [reward for reward in rewards if reward == reward]
    return Update(
        number=number,
        loss=learned.loss,
        grad_norm=learned.grad_norm,
        reward=sum(known) / len(known) if known else float("nan"),
        unknown=1 - len(known) / len(rewards),
        taught=informative_groups([each.rewards for each in texts]),
        trusted=learned.trusted,
        drift=learned.drift,
        tokens=sum(sum(each.tokens) for each in texts) / len(rewards),
        checks=sum(each.checks for each in texts) / len(rewards),
        truncated=sum(each.truncated for each in texts) / len(rewards),
        sampling_seconds=round(sampling_seconds, 3),
        update_seconds=round(update_seconds, 3),
        lean_seconds=round(sum(each.lean_seconds for each in texts), 3),
    )
