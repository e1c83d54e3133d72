"""Reinforcement learning with Lean's verdict as the reward: sampling and updates overlap, exactly one update apart.

While the trainer updates version v on one round, the sampler writes the next round with version v. The sampler lags by one
update at most, and a seed reproduces the run, which free-running workers would not. All texts of a round run concurrently;
a text that waits for Lean gives its row of the batch to another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from stepprove.serving.serve.sampler import Sampler
from stepprove.train.distributed import SINGLE_PROCESS, ProcessGroup
from stepprove.train.methods.angular import mean_angle
from stepprove.train.methods.optimizer import new_optimizer
from stepprove.train.methods.options import NO_METHODS, RlvrMethods
from stepprove.train.rl.batches import Batch, Group, batches
from stepprove.train.rl.figures import Update, text_figures, update_figures
from stepprove.train.rl.options import RlvrOptions as RlvrOptions
from stepprove.train.rl.update import update

RoundSampler = Callable[[Sampler, int], Awaitable[Sequence[Group]]]
"""Samples the groups of a round, given its number, with their rewards."""


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
    methods: RlvrMethods = NO_METHODS,
    processes: ProcessGroup = SINGLE_PROCESS,
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
    optimizer = new_optimizer(model, options.learning_rate)

    if start is not None:
        processes.restore(model, optimizer, start.model, start.optimizer)
    await _give(sampler, processes.weights(model) if start is None else start.sampler, processes)
    first = start.updates if start is not None else 0
    if first >= options.updates:
        return
    sampling = asyncio.create_task(_timed(sample(sampler, first)))
    try:
        for number in range(first, options.updates):
            groups, sampling_seconds = await sampling
            before = processes.weights(model)
            await _give(sampler, before, processes)
            if number + 1 < options.updates:
                sampling = asyncio.create_task(_timed(sample(sampler, number + 1)))
            parts = batches(groups, options, int(tokenizer.pad_token_id), methods)
            round_ = _Round(number, groups, parts, sampling_seconds, before)
            # In a thread, so that sampling goes on; so does waiting for other processes.
            keep(*await asyncio.to_thread(_learn, model, optimizer, round_, options, methods, processes))
    finally:
        sampling.cancel()


async def _give(sampler: Sampler, weights: Mapping[str, Tensor], processes: ProcessGroup) -> None:
    """Load weights into the sampler, and wait until every process has done so."""

    def load() -> None:
        processes.set_device()
        sampler.load(weights)

    if weights:  # with servers, only rank 0 holds weights
        await asyncio.to_thread(load)
    processes.barrier()


async def _timed(sampling: Awaitable[Sequence[Group]]) -> tuple[Sequence[Group], float]:
    """The groups of a round, and the seconds that they took."""
    started = time.monotonic()
    groups = await sampling
    return groups, time.monotonic() - started


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
    texts = [text for part in processes.gather(text_figures(round_.groups)) for text in part]
    result = update_figures(
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
