"""A reinforcement-learning run in a folder: recipe, versions, figures and the checkpoint that a killed run resumes from."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from transformers import AutoTokenizer, PreTrainedModel

from stepprove.formalizer.checks import PoolChecks
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.backend import Lean
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.pool.remote.remote_pool import RemotePool
from stepprove.serving.client.client import Client
from stepprove.serving.serve.batching import Decoder
from stepprove.serving.serve.loading import loaded
from stepprove.serving.serve.remote_model import RemoteModel
from stepprove.serving.serve.sampler import Sampler
from stepprove.train.data.rejection_sampling import RareText, cut_after, rare_texts, remembering
from stepprove.train.distributed import (
    FSDPProcesses,
    ProcessGroup,
    SingleProcess,
    first_process,
    require_processes,
    several_processes,
    shard_model,
)
from stepprove.train.recipe import BadRecipe, RlvrRecipe
from stepprove.train.rl.batches import Group
from stepprove.train.rl.figures import Update
from stepprove.train.rl.rlvr import Checkpoint, RoundSampler, train
from stepprove.train.rl.samplers.dynamic_sampling import dynamic_sampling
from stepprove.train.rl.samplers.problem_source import informal_problems, theorems
from stepprove.train.rl.samplers.proof_sampler import proofs
from stepprove.train.rl.samplers.statement_sampler import BeqJudge, statements
from stepprove.train.run_folder import (
    FIGURES,
    MODEL,
    TENSORBOARD,
    agree,
    cut_figures,
    digest_of_weights,
    only_writer,
)
from stepprove.train.sft.records import line_of

RARE = "rare.jsonl"
"""Correct texts for problems that nearly always fail, in the format of fine-tuning data."""
_CHECKPOINT = "checkpoint.pt"
_SERVED = "served"
"""The folder of weights for the servers that sample texts."""


def run_rlvr(
    recipe: RlvrRecipe,
    text: str,
    model: str | Path,
    output: Path,
    engine: Engine | RemotePool,
    *,
    servers: Sequence[str] = (),
    listen: Callable[[Update], None] = lambda update: None,
) -> None:
    """Train by a recipe, or resume the folder's run, and write the model to `output/model`.

    Under `accelerate launch` only rank 0 writes and calls `listen`.

    Args:
        recipe: the parsed recipe.
        text: the recipe's YAML, kept in the folder.
        model: the initial model's folder, or its name on the hub.
        output: the run's folder.
        engine: Lean on this machine, or a pool of Lean servers, not entered yet; servers judge proofs, not statements.
        servers: base URLs, `/v1` included, of the vLLM servers that sample texts; for `rollouts: vllm` only.
        listen: called with each new update.

    Raises:
        BadRecipe: recipe, options and folder do not fit.
        RunInUse: another process writes to the folder.
        RewardHack, FooledJudge: the gate accepted a canary, or BEq a decoy.
        ModelFailure: a server failed.
        ReplFailure, NoLeanServer: Lean is not available.
        OSError: a file cannot be read or written.
    """
    require_processes(recipe.hardware)
    if (recipe.rollouts == "vllm") != bool(servers):
        raise BadRecipe(
            "The recipe has its texts written by servers: name them with --model-server."
            if recipe.rollouts == "vllm"
            else "--model-server goes with a recipe that says `rollouts: vllm`."
        )
    if recipe.reward == "beq" and isinstance(engine, RemotePool):
        raise BadRecipe(
            "`reward: beq` needs Lean on this machine: a Lean server judges proofs, not statements."
        )

    async def run() -> None:
        async with engine if isinstance(engine, RemotePool) else nullcontext():
            for server in servers:
                async with Client(server) as client:
                    await client.reach()
            # Reach every server before making the folder.
            with only_writer(output) if first_process() else nullcontext():
                await _RlvrRun(recipe, model, output, engine, servers, listen).run(text)

    asyncio.run(run())


class _RlvrRun:
    """One process's run: model, sampler, Lean and files."""

    def __init__(
        self,
        recipe: RlvrRecipe,
        model: str | Path,
        output: Path,
        engine: Engine | RemotePool,
        servers: Sequence[str],
        listen: Callable[[Update], None],
    ) -> None:
        self.recipe, self.begin, self.output, self.engine = recipe, model, output, engine
        self.servers, self.listen = servers, listen
        self.gpus = recipe.hardware is not None and not recipe.hardware.on_processors
        shards = None if recipe.hardware is None else FSDPProcesses(gpus=self.gpus, everywhere=not servers)
        self.processes: ProcessGroup = shards or SingleProcess()
        self.device = None if shards is None else shards.device
        share = recipe.rlvr.problems // self.processes.size
        self.options = recipe.rlvr.model_copy(update={"problems": share})
        """The options with this process's share of a round's problems."""
        self.tokenizer: Any = AutoTokenizer.from_pretrained(model)

    async def run(self, text: str) -> None:
        """Train and save the model; `text` is the recipe's YAML."""
        recipe, processes = self.recipe, self.processes
        rounds_of, digest = self._rounds()
        if processes.rank == 0:
            self._agree(text, digest)
        processes.barrier()  # until rank 0 has accepted the folder
        start = self._start()
        model = (
            loaded(self.begin)
            if self.device is None
            else shard_model(self.begin, self.device, bf16=self.gpus, recompute=self.gpus)
        )
        async with AsyncExitStack() as stack:
            sampler = await self._sampler(stack, model)
            pool = await self._lean(stack)
            sample = self._own(dynamic_sampling(rounds_of(pool), self.options))
            rounds: dict[int, Sequence[Group]] = {}
            if recipe.rare_share is not None:
                sample = remembering(sample, rounds)
            keep = stack.enter_context(self._keeping(start, rounds))
            await train(
                model,
                self.tokenizer,
                sampler,
                sample,
                recipe.rlvr,
                methods=recipe.methods,
                processes=processes,
                start=start,
                keep=keep,
            )
        weights = processes.weights(model)
        if processes.rank == 0:
            model.save_pretrained(self.output / MODEL, state_dict=weights)
            self.tokenizer.save_pretrained(self.output / MODEL)
            shutil.rmtree(self.output / _SERVED, ignore_errors=True)

    def _agree(self, text: str, digest: str) -> None:
        about = {
            "recipe": self.recipe.model_dump(mode="json"),
            "model": str(self.begin),
            "model_sha256": digest_of_weights(Path(self.begin)) if Path(self.begin).is_dir() else None,
            "problems_sha256": digest,
        }
        if not agree(self.output, about, text, lean=self.engine.lean_version):
            (self.output / _CHECKPOINT).unlink(missing_ok=True)

    def _start(self) -> Checkpoint | None:
        """The checkpoint of an earlier run of the folder."""
        path = self.output / _CHECKPOINT
        if not path.exists():
            return None
        start = Checkpoint(**torch.load(path, weights_only=True, map_location="cpu", mmap=True))
        return replace(start, sampler={}) if self.servers and self.processes.rank else start

    async def _sampler(self, stack: AsyncExitStack, model: PreTrainedModel) -> Sampler:
        """The sampler: a decoder here, or vLLM servers."""
        if not self.servers:
            return Decoder(loaded(self.begin).train(False), self.tokenizer)

        def write(folder: Path, weights: Mapping[str, Tensor]) -> None:
            served = {name: weight.bfloat16() for name, weight in weights.items()} if self.gpus else weights
            model.save_pretrained(folder, state_dict=dict(served))

        longest = min(self.recipe.rlvr.max_tokens, model.config.max_position_embeddings)
        tied = bool(model.config.get_text_config().tie_word_embeddings)
        remote = RemoteModel(self.servers, longest, self.output / _SERVED, write, tied=tied)
        return await stack.enter_async_context(remote)

    async def _lean(self, stack: AsyncExitStack) -> Lean:
        """Lean: the servers' pool, or a pool of engines here."""
        if isinstance(self.engine, RemotePool):
            return self.engine
        return await stack.enter_async_context(Pool(self.engine, size=self.recipe.jobs or _jobs()))

    def _own(self, sample: RoundSampler) -> RoundSampler:
        """Give this process its own rounds: every process samples a part of each round."""
        size, rank = self.processes.size, self.processes.rank

        async def sampled(sampler: Sampler, number: int) -> Sequence[Group]:
            return await sample(sampler, number * size + rank)

        return sampled

    def _rounds(self) -> tuple[Callable[[Lean], RoundSampler], str]:
        """A function from Lean to the round sampler, and a hash of the problems."""
        options = self.options
        recipe, tokenizer = self.recipe.model_copy(update={"rlvr": options}), self.tokenizer
        if recipe.reward == "gate":
            problems, digest = theorems(recipe)
            return lambda pool: proofs(tokenizer, pool, problems, options), digest
        informal, digest = informal_problems(recipe, tokenizer)

        def rounds_of(pool: Lean) -> RoundSampler:
            assert isinstance(pool, Pool)
            judge = BeqJudge(PoolChecks(pool, timeout=options.judge_seconds))
            return statements(tokenizer, judge, informal, options)

        return rounds_of, digest

    @contextmanager
    def _keeping(
        self, start: Checkpoint | None, rounds: dict[int, Sequence[Group]]
    ) -> Iterator[Callable[[Update, Checkpoint | None], None]]:
        """Yield the callback that writes each update; only rank 0 writes."""
        recipe, output, processes = self.recipe, self.output, self.processes

        def rare(update: Update) -> list[RareText]:
            """The rare texts of all processes."""
            if recipe.rare_share is None:
                return []
            own = list(rare_texts(rounds.pop(update.number), update.number, recipe.rare_share))
            return [text for texts in processes.gather(own) for text in texts]

        def pass_on(update: Update, checkpoint: Checkpoint | None) -> None:
            rare(update)

        if processes.rank:
            yield pass_on
            return
        done = start.updates if start is not None else 0
        cut_figures(output / FIGURES, done)
        cut_after(output / RARE, done)
        with (
            (output / FIGURES).open("ab") as file,
            SummaryWriter(str(output / TENSORBOARD), purge_step=done) as board,
        ):

            def keep(update: Update, checkpoint: Checkpoint | None) -> None:
                # Figures first: a resumed run repeats an update without a checkpoint, so none is missing.
                if recipe.rare_share is not None:
                    with (output / RARE).open("ab") as texts:
                        texts.writelines(map(line_of, rare(update)))
                file.write(orjson.dumps(asdict(update)) + b"\n")
                file.flush()
                for name, value in asdict(update).items():
                    if name != "number" and value is not None:
                        board.add_scalar(name, value, update.number)
                if checkpoint is not None:
                    _keep(output / _CHECKPOINT, checkpoint)
                self.listen(update)

            yield keep


def _jobs() -> int | None:
    """Default number of Lean processes for each training process; None for a single one."""
    if not several_processes():
        return None
    return max(1, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def _keep(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint atomically: a kill leaves the old or the new one."""
    new = path.with_suffix(".new")
    parts = {name: getattr(checkpoint, name) for name in ("updates", "model", "sampler", "optimizer")}
    torch.save(parts, new)
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(path)
