"""Reinforcement learning with Lean's verdict as the reward: sampling and updates overlap, exactly one update apart.

While the trainer updates version v on one round, the sampler writes the next round with version v. The sampler lags by one
update at most, and a seed reproduces the run, which free-running workers would not. All texts of a round run concurrently;
a text that waits for Lean gives its row of the batch to another.
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
from stepprove.train.distributed import ProcessGroup, SingleProcess
from stepprove.train.methods.angular import mean_angle
from stepprove.train.methods.control_variates import learned_baseline
from stepprove.train.methods.options import RlvrMethods
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
    """The rollouts of one problem and their rewards (NaN: unknown)."""

    rollouts: tuple[Rollout, ...]
    rewards: tuple[float, ...]


def informative_groups(rewards: Sequence[Sequence[float]]) -> int:
    """Count the groups with mixed rewards.

    Args:
        rewards: each group's rewards, NaN where unknown.
    """
    return sum(bool(has_signal(torch.tensor(group), len(group))[0]) for group in rewards)


@dataclass(frozen=True, slots=True)
class Update:
    """The figures of one update; seconds are wall-clock time."""

    number: int
    loss: float
    grad_norm: float
    reward: float
    """Mean over the known rewards."""
    unknown: float
    """Share of texts without a verdict."""
    taught: int
    """Groups with mixed rewards; the name is that of the run's `metrics.jsonl`."""
    trusted: float
    """Share of written tokens that MIS-PO kept; 1 with another loss."""
    drift: float
    """Mean over written tokens of |log-probability now - log-probability when sampled|, in nats."""
    tokens: float
    """Mean number of written tokens in a text."""
    checks: float
    """Mean number of Lean answers in a text."""
    truncated: float
    sampling_seconds: float
    update_seconds: float
    lean_seconds: float
    """Sum over all engines while sampling."""
    angle: float | None = None
    """Mean angle in radians by which matrices turned; None: not measured."""


RoundSampler = Callable[[Sampler, int], Awaitable[Sequence[Group]]]
"""Samples the groups of a round, given its number, with their rewards."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts as tensors [B, T], padded on the right."""

    ids: Tensor
    mask: Tensor
    """1 for tokens that the model wrote."""
    sampled: Tensor
    """Log-probabilities when sampled; 0 where the mask is 0."""
    advantages: Tensor
    """[B]."""

    def to(self, device: torch.device) -> Batch:
        """Return a copy on a device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


def batches(
    groups: Sequence[Group], options: RlvrOptions, pad: int, methods: RlvrMethods = _NO_METHODS
) -> list[Batch]:
    """Batch the texts of groups with a learning signal, sorted by length; texts with an unknown reward are left out.

    Args:
        groups: the round's groups.
        options: `batch_tokens`, `group` and `scale_rewards`.
        pad: the padding token's id.
        methods: the baseline.

    Returns:
        Batches of at most `batch_tokens` tokens, padding included, but of at least one text.
    """
    rows: list[tuple[Rollout, float]] = []
    learned = methods.baseline == "learned"
    per_group = (
        _learned_advantages(groups, options) if learned else [_group_advantages(g, options) for g in groups]
    )
    for group, advantages in zip(groups, per_group, strict=True):
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


def _group_advantages(group: Group, options: RlvrOptions) -> list[float] | None:
    """Advantages within a group; None where all rewards are alike."""
    rewards = torch.tensor(group.rewards)
    if not bool(has_signal(rewards, len(group.rewards))[0]):
        return None
    return group_advantages(rewards, len(group.rewards), scale=options.scale_rewards).tolist()


def _learned_advantages(groups: Sequence[Group], options: RlvrOptions) -> list[list[float] | None]:
    """Advantages over a baseline learned from the round's other groups; None for short groups, and where all are alike."""
    full = [place for place, group in enumerate(groups) if len(group.rewards) == options.group]
    result: list[list[float] | None] = [None] * len(groups)
    rewards = torch.tensor([groups[place].rewards for place in full])
    if not full or not bool(has_signal(rewards.flatten(), rewards.numel())[0]):
        return result
    advantages = rewards - learned_baseline(rewards)
    if options.scale_rewards:
        advantages = advantages / (advantages[~rewards.isnan()].std() + 1e-4)
    for place, row in zip(full, advantages.nan_to_num(0.0).tolist(), strict=True):
        result[place] = row
    return result


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
    """Compute each token's log-probability given the tokens before it.

    Args:
        model: a causal language model.
        ids: [B, T], padded on the right, so the model needs no mask.

    Returns:
        [B, T]; 0 for the first token.
    """
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float()
    values = logits.log_softmax(-1).gather(2, ids[:, 1:, None])[:, :, 0]
    return torch.cat([values.new_zeros(len(ids), 1), values], 1)


@dataclass(frozen=True, slots=True)
class StepFigures:
    """The figures of one optimiser step; see `Update`."""

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
) -> StepFigures:
    """Take one optimiser step on the batches of all processes; none when no process has a batch.

    Args:
        model: changed in place.
        optimizer: the model's.
        parts: this process's batches.
        options: the loss, its clips and the gradient norm.
        processes: those that train the model.
    """
    over: Average = "text" if options.loss == "grpo" else "token"
    wholes = [float(part.mask.sum()) if over == "token" else float(len(part.ids)) for part in parts]
    if not (everything := processes.sum(sum(wholes))):
        return StepFigures()
    written = processes.sum(sum(float(part.mask.sum()) for part in parts))
    idle = processes.max(len(parts)) - len(parts)
    kept_tokens = total = drift = 0.0
    optimizer.zero_grad()
    for batch, whole in zip(parts, wholes, strict=True):
        part = batch.to(model.device)
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
    for _ in range(idle):  # FSDP needs every process in each forward and backward pass
        nothing = torch.zeros(1, 2, dtype=torch.long, device=model.device)
        (log_probs(model, nothing).sum() * 0.0).backward()  # type: ignore[no-untyped-call]
    norm: Any = torch.nn.utils.clip_grad_norm_(model.parameters(), options.max_grad_norm)
    optimizer.step()
    return StepFigures(
        loss=processes.sum(total),
        grad_norm=float(norm.full_tensor() if isinstance(norm, DTensor) else norm),
        trusted=processes.sum(kept_tokens) / written,
        drift=processes.sum(drift) / written,
    )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state from which a resumed run continues as if never interrupted."""

    updates: int
    """Updates done."""
    model: Mapping[str, Tensor]
    sampler: Mapping[str, Tensor]
    """The weights one update earlier, which sample the next round."""
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
        model: the initial model; `start` replaces its weights.
        tokenizer: the model's.
        sampler: generates texts; `train` loads the weights into it.
        sample: samples the groups of a round; the same number must give the same problems.
        options: the loss and its settings.
        methods: optimisation methods of the source papers.
        processes: those that train the model, each on texts of its own.
        start: the checkpoint to resume from.
        keep: called with each update, and every `options.save_every` updates with a checkpoint.

    Raises:
        Exceptions of `sample`; the weights are then those before the failed round's update.
    """
    model.train(False)  # no dropout: a text must be as likely here as when sampled
    optimizer = torch.optim.AdamW(model.parameters(), options.learning_rate, weight_decay=0.0)

    async def give(weights: Mapping[str, Tensor]) -> None:
        def load() -> None:
            processes.set_device()
            sampler.load(weights)

        if weights:  # with servers, only rank 0 holds weights
            await asyncio.to_thread(load)
        processes.barrier()  # until every sampler has its weights

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
            # In a thread, so that sampling goes on; so does waiting for other processes.
            keep(*await asyncio.to_thread(_learn, model, optimizer, round_, options, methods, processes))
    finally:
        sampling.cancel()


@dataclass(frozen=True, slots=True)
class _Round:
    """The input of an update."""

    number: int
    groups: Sequence[Group]
    parts: Sequence[Batch]
    sampling_seconds: float
    before: Mapping[str, Tensor]
    """The weights before the update."""


def _learn(
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    round_: _Round,
    options: RlvrOptions,
    methods: RlvrMethods,
    processes: ProcessGroup,
) -> tuple[Update, Checkpoint | None]:
    """Run one update; return its figures, and a checkpoint when one is due."""
    processes.set_device()
    started = time.monotonic()
    learned = update(model, optimizer, round_.parts, options, processes)
    seconds = time.monotonic() - started
    texts = [text for part in processes.gather(_text_figures(round_.groups)) for text in part]
    result = _update_figures(
        round_.number, texts, learned, max(processes.gather(round_.sampling_seconds)), seconds
    )
    if methods.angular:
        result = replace(result, angle=mean_angle(round_.before, model))
    done = round_.number + 1
    if done % options.save_every and done < options.updates:
        return result, None
    return result, Checkpoint(
        done, processes.weights(model), round_.before, processes.optimizer_state(model, optimizer)
    )


@dataclass(frozen=True, slots=True)
class _Texts:
    """The figures of one group's texts."""

    rewards: tuple[float, ...]
    tokens: tuple[int, ...]
    checks: int
    truncated: int
    lean_seconds: float


def _text_figures(groups: Sequence[Group]) -> list[_Texts]:
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


def _update_figures(
    number: int, texts: Sequence[_Texts], learned: StepFigures, sampling_seconds: float, update_seconds: float
) -> Update:
    rewards = [reward for group in texts for reward in group.rewards]
    known = [reward for reward in rewards if reward == reward]
    return Update(
        number=number,
        loss=learned.loss,
        grad_norm=learned.grad_norm,
        reward=sum(known) / len(known) if known else float("nan"),
        unknown=1 - len(known) / len(rewards),
        taught=informative_groups([group.rewards for group in texts]),
        trusted=learned.trusted,
        drift=learned.drift,
        tokens=sum(sum(group.tokens) for group in texts) / len(rewards),
        checks=sum(group.checks for group in texts) / len(rewards),
        truncated=sum(group.truncated for group in texts) / len(rewards),
        sampling_seconds=round(sampling_seconds, 3),
        update_seconds=round(update_seconds, 3),
        lean_seconds=round(sum(group.lean_seconds for group in texts), 3),
    )
