"""One interface for training in a single process and in several FSDP processes.

`accelerate launch` or `torchrun` starts several processes: FSDP (torch's `fully_shard`) shards weights, gradients and
optimiser state over them; NCCL connects GPUs, Gloo connects CPUs.
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
"""How long a process waits for another, which may still sample texts or send weights to its servers."""


def first_process() -> bool:
    """Return whether this process has rank 0; a single process has."""
    return int(os.environ.get("RANK", "0")) == 0


def process_count() -> int:
    """Return the number of processes that train."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def several_processes() -> bool:
    """Return whether more than one process trains."""
    return process_count() > 1


def require_processes(hardware: Hardware | None) -> None:
    """Check the number of processes against the recipe.

    Args:
        hardware: the recipe's hardware; None: one process.

    Raises:
        BadRecipe: the launcher started another number of processes.
    """
    meant = 1 if hardware is None else hardware.processes
    if (count := process_count()) != meant:
        raise BadRecipe(
            f"The recipe is for {meant} {'process' if meant == 1 else 'processes'} and this is one of {count}: "
            "`--plan` shows how it is started."
        )


class ProcessGroup(Protocol):
    """This process among those that train one model.

    Every method but `set_device` is collective: all processes must call the same ones in the same order.
    """

    rank: int
    size: int

    def set_device(self) -> None:
        """Select the process's device for the calling thread: CUDA keeps a device for each thread."""

    def sum(self, value: float) -> float:
        """Return the sum of every process's value."""

    def max(self, value: int) -> int:
        """Return the largest of every process's value."""

    def barrier(self) -> None:
        """Wait until every process calls it."""

    def gather(self, thing: Thing) -> list[Thing]:
        """Return every process's object, in the order of ranks."""

    def weights(self, model: PreTrainedModel) -> dict[str, Tensor]:
        """Return a copy of the model's full weights."""

    def optimizer_state(self, model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """Return the optimiser's full state, in the form that `restore` reads."""

    def restore(
        self,
        model: PreTrainedModel,
        optimizer: torch.optim.Optimizer,
        weights: Mapping[str, Tensor],
        state: Mapping[str, Any],
    ) -> None:
        """Load weights into the model and state into the optimiser."""


class SingleProcess:
    """A process that trains alone."""

    rank = 0
    size = 1

    def set_device(self) -> None:
        """Do nothing: the default device is the right one."""

    def sum(self, value: float) -> float:
        """Return the value."""
        return value

    def max(self, value: int) -> int:
        """Return the value."""
        return value

    def barrier(self) -> None:
        """Return at once."""

    def gather(self, thing: Thing) -> list[Thing]:
        """Return the object in a list."""
        return [thing]

    def weights(self, model: PreTrainedModel) -> dict[str, Tensor]:
        """Return a copy of the weights."""
        return {name: weight.clone() for name, weight in model.state_dict().items()}

    def optimizer_state(self, model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """Return the optimiser's state dict."""
        return optimizer.state_dict()

    def restore(
        self,
        model: PreTrainedModel,
        optimizer: torch.optim.Optimizer,
        weights: Mapping[str, Tensor],
        state: Mapping[str, Any],
    ) -> None:
        """Load weights and optimiser state."""
        model.load_state_dict(weights)
        optimizer.load_state_dict(dict(state))


SINGLE_PROCESS = SingleProcess()


class FSDPProcesses:
    """One of the FSDP processes of a recipe with `hardware`; the recipe may ask for just one."""

    def __init__(self, *, gpus: bool, everywhere: bool) -> None:
        """Join the process group.

        Args:
            gpus: give each process a GPU; else all compute on the CPU.
            everywhere: `weights` returns them on every process, on its device; else on rank 0, in host memory.

        Raises:
            BadRecipe: this process finds no GPU.
        """
        place = int(os.environ.get("LOCAL_RANK", "0"))
        if gpus and place >= (there := torch.cuda.device_count()):
            raise BadRecipe(
                f"The recipe has a GPU for each process, and process {place + 1} of this machine finds {there}."
            )
        self.device = torch.device("cuda", place) if gpus else torch.device("cpu")
        self.set_device()
        if not distributed.is_initialized():
            single: dict[str, Any] = {"store": HashStore(), "rank": 0, "world_size": 1}
            rendezvous = {} if several_processes() else single
            distributed.init_process_group("nccl" if gpus else "gloo", timeout=_PATIENCE, **rendezvous)
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        self._whole = StateDictOptions(full_state_dict=True, cpu_offload=not everywhere)

    def set_device(self) -> None:
        """Select the process's device for the calling thread."""
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)

    def sum(self, value: float) -> float:
        """Return the sum of every process's value."""
        return float(self._reduced(value, distributed.ReduceOp.SUM))

    def max(self, value: int) -> int:
        """Return the largest of every process's value."""
        return int(self._reduced(value, distributed.ReduceOp.MAX))

    def barrier(self) -> None:
        """Wait until every process calls it."""
        self.sum(0)

    def _reduced(self, value: float, operation: Any) -> float:
        number = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(number, operation)
        return float(number)

    def gather(self, thing: Thing) -> list[Thing]:
        """Return every process's object, in the order of ranks."""
        things: list[Any] = [None] * self.size
        distributed.all_gather_object(things, thing)
        return things

    def weights(self, model: PreTrainedModel) -> dict[str, Tensor]:
        """Return the model's full weights; `everywhere` says on which processes."""
        weights: dict[str, Any] = get_model_state_dict(model, options=self._whole)
        # A single process's shards are the live weights: the next update would change them.
        return {name: weight.clone() for name, weight in weights.items()} if self.size == 1 else weights

    def optimizer_state(self, model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """Return the optimiser's full state by parameter name, on rank 0; empty before the first step."""
        if not optimizer.state:
            return {}  # torch would run a step to create one
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        return get_optimizer_state_dict(model, optimizer, options=options)

    def restore(
        self,
        model: PreTrainedModel,
        optimizer: torch.optim.Optimizer,
        weights: Mapping[str, Tensor],
        state: Mapping[str, Any],
    ) -> None:
        """Load this process's shard; every process passes the full weights and state."""
        set_model_state_dict(model, dict(weights), options=StateDictOptions(full_state_dict=True))
        if state:
            # Parameters without a gradient have no optimiser state.
            options = StateDictOptions(full_state_dict=True, strict=False)
            set_optimizer_state_dict(model, optimizer, dict(state), options=options)


def shard_model(folder: str | Path, device: torch.device, *, bf16: bool, recompute: bool) -> PreTrainedModel:
    """Load a model and shard it over the processes, which `FSDPProcesses` has joined.

    Args:
        folder: the model's folder, or its name on the hub.
        device: this process's device.
        bf16: compute in bfloat16; the trained weights stay in FP32.
        recompute: keep no activations inside a layer (activation checkpointing).

    Returns:
        The model with this process's shard of the weights.
    """
    mesh = init_device_mesh(device.type, (distributed.get_world_size(),))
    # One process at a time, so that host memory holds one full copy.
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
