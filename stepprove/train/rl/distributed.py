"""Processes that train one model together: what each asks the others, and how weights are spread over them.

A process alone asks nobody. Several are those of `accelerate launch` or `torchrun`: FSDP (torch's `fully_shard`) spreads weights,
gradients and moments over them, NCCL joins GPUs and Gloo processors.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, distributed
from torch._C._distributed_c10d import HashStore
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    apply_activation_checkpointing,
    checkpoint_wrapper,
)
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from transformers import AutoModelForCausalLM, PreTrainedModel

import stepprove.serving.step_moe  # noqa: F401 - transformers then knows it
from stepprove.train.recipe import BadRecipe, Hardware

Thing = TypeVar("Thing")

_PATIENCE = timedelta(hours=6)
"""A process may wait so long for another, whose texts take longer or who loads its servers' weights."""


def first_process() -> bool:
    """Whether this process is the only one, or the first of several that train together."""
    return int(os.environ.get("RANK", "0")) == 0


def several_processes() -> bool:
    """Whether this process trains together with others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def must_be(hardware: Hardware | None) -> None:
    """Raises BadRecipe when the processes are not as many as the recipe is for."""
    meant = 1 if hardware is None else hardware.processes
    if (count := int(os.environ.get("WORLD_SIZE", "1"))) != meant:
        raise BadRecipe(
            f"The recipe is for {meant} {'process' if meant == 1 else 'processes'} and this is one of {count}: "
            "`--plan` shows how it is started."
        )


class Crew(Protocol):
    """This process among those that train with it. All of them must call the same, in the same order."""

    rank: int
    size: int

    def here(self) -> None:
        """Let this thread compute where the process does: CUDA has a device for each thread."""

    def total(self, value: float) -> float:
        """The sum over all."""

    def most(self, value: int) -> int:
        """The largest of all."""

    def gather(self, thing: Thing) -> list[Thing]:
        """What each has, in their order."""

    def weights(self, model: PreTrainedModel) -> dict[str, Tensor]:
        """The model's, whole, as they are now."""

    def moments(self, model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """The optimiser's state, to be restored."""

    def restore(
        self,
        model: PreTrainedModel,
        optimizer: torch.optim.Optimizer,
        weights: Mapping[str, Tensor],
        moments: Mapping[str, Any],
    ) -> None:
        """Take weights and moments as they once were."""


class Alone:
    """One process."""

    rank = 0
    size = 1

    def here(self) -> None:
        """It does."""

    def total(self, value: float) -> float:
        """The value."""
        return value

    def most(self, value: int) -> int:
        """The value."""
        return value

    def gather(self, thing: Thing) -> list[Thing]:
        """The thing alone."""
        return [thing]

    def weights(self, model: PreTrainedModel) -> dict[str, Tensor]:
        """A copy."""
        return {name: weight.clone() for name, weight in model.state_dict().items()}

    def moments(self, model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """As torch has it."""
        return optimizer.state_dict()

    def restore(
        self,
        model: PreTrainedModel,
        optimizer: torch.optim.Optimizer,
        weights: Mapping[str, Tensor],
        moments: Mapping[str, Any],
    ) -> None:
        """As torch does."""
        model.load_state_dict(weights)
        optimizer.load_state_dict(dict(moments))


class Several:
    """One of the processes that a recipe's hardware is for; there may be one only."""

    def __init__(self, *, gpus: bool, everywhere: bool) -> None:
        """Join the others.

        Args:
            gpus: each process has one, else they compute on processors.
            everywhere: `weights` gives them to every process, where it computes; else to the first, in the machine's memory.

        Raises BadRecipe when there is no GPU for this process.
        """
        place = int(os.environ.get("LOCAL_RANK", "0"))
        if gpus and place >= (there := torch.cuda.device_count()):
            raise BadRecipe(
                f"The recipe has a GPU for each process, and process {place + 1} of this machine finds {there}."
            )
        self.device = torch.device("cuda", place) if gpus else torch.device("cpu")
        self.here()
        if not distributed.is_initialized():
            alone: dict[str, Any] = {"store": HashStore(), "rank": 0, "world_size": 1}
            known = {} if several_processes() else alone
            distributed.init_process_group("nccl" if gpus else "gloo", timeout=_PATIENCE, **known)
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        self._whole = StateDictOptions(full_state_dict=True, cpu_offload=not everywhere)

    def here(self) -> None:
        """Let this thread compute where the process does."""
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)

    def total(self, value: float) -> float:
        """The sum over all."""
        return float(self._reduced(value, distributed.ReduceOp.SUM))

    def most(self, value: int) -> int:
        """The largest of all."""
        return int(self._reduced(value, distributed.ReduceOp.MAX))

    def _reduced(self, value: float, how: Any) -> float:
        number = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(number, how)
        return float(number)

    def gather(self, thing: Thing) -> list[Thing]:
        """What each has, in their order."""
        things: list[Any] = [None] * self.size
        distributed.all_gather_object(things, thing)
        return things

    def weights(self, model: PreTrainedModel) -> dict[str, Tensor]:
        """The model's, whole, as they are now; `everywhere` says where."""
        found: dict[str, Any] = get_model_state_dict(model, options=self._whole)
        # Of one process the parts are the whole, and would change with the next update.
        return {name: weight.clone() for name, weight in found.items()} if self.size == 1 else found

    def moments(self, model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """The optimiser's state, whole, by the names of weights; for the first process. Empty before the first step."""
        if not optimizer.state:
            return {}  # torch would make a step to have one
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        return get_optimizer_state_dict(model, optimizer, options=options)

    def restore(
        self,
        model: PreTrainedModel,
        optimizer: torch.optim.Optimizer,
        weights: Mapping[str, Tensor],
        moments: Mapping[str, Any],
    ) -> None:
        """Take this process's part of weights and moments that every process has read."""
        set_model_state_dict(model, dict(weights), options=StateDictOptions(full_state_dict=True))
        if moments:
            # Weights that no loss reaches have none.
            options = StateDictOptions(full_state_dict=True, strict=False)
            set_optimizer_state_dict(model, optimizer, dict(moments), options=options)


def spread(folder: str | Path, device: torch.device, *, bf16: bool, recompute: bool) -> PreTrainedModel:
    """A model, with this process's part of its weights. The processes must have been joined (`Several`).

    Args:
        folder: the model's, or its name on the hub.
        device: where this process computes.
        bf16: compute in bfloat16; the weights that are trained stay in 32 bits.
        recompute: keep no activations inside a layer.
    """
    mesh = init_device_mesh(device.type, (distributed.get_world_size(),))
    # In turn, so that a machine's memory holds it whole once.
    for turn in range(int(os.environ.get("LOCAL_WORLD_SIZE", "1"))):
        if turn == int(os.environ.get("LOCAL_RANK", "0")):
            model = _own_part(folder, mesh, bf16=bf16, recompute=recompute)
        distributed.barrier()
    return model


def _own_part(folder: str | Path, mesh: DeviceMesh, *, bf16: bool, recompute: bool) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    names = set(model._no_split_modules or ())
    layers = [module for module in model.modules() if type(module).__name__ in names]
    if recompute:
        apply_activation_checkpointing(
            model, checkpoint_wrapper_fn=checkpoint_wrapper, check_fn=lambda module: module in layers
        )
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32) if bf16 else None
    for part in (*layers, model):
        fully_shard(part, mesh=mesh, mp_policy=policy or MixedPrecisionPolicy())
    return model
