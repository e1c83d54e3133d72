"""A fine-tuning run in a folder: stages in order, figures, and checkpoints that a killed run resumes from.

transformers' Trainer writes the checkpoints into each stage's folder: weights, optimiser, schedule, random state, and the
position in the order of batches.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import torch
from torch.utils.tensorboard import SummaryWriter
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    set_seed,
)

from stepprove.lean_project.engines.engine import Engine
from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM
from stepprove.serving.step_moe.experts.balance import RouterBalancing, routers
from stepprove.train.data.formalizer_texts import fixed_texts
from stepprove.train.data.renaming import nameless
from stepprove.train.distributed import first_process, process_count, require_processes, several_processes
from stepprove.train.experiments.thinkingf import small_config
from stepprove.train.methods.angular import angles_to, watched
from stepprove.train.methods.never_hurt import NeverHurtTraining
from stepprove.train.methods.step_moe_search import choose
from stepprove.train.recipe import NEW, BadRecipe, GeneratedTexts, SftRecipe, SftStage
from stepprove.train.run_folder import (
    FIGURES,
    MODEL,
    TENSORBOARD,
    agree,
    cut_figures,
    digest_of_weights,
    only_writer,
    replaced,
)
from stepprove.train.sft.batches import NothingToLearn, endless_batches
from stepprove.train.sft.data import digest, made, read_file
from stepprove.train.sft.sft import SftOptions, fine_tune, newest_checkpoint
from stepprove.train.sft.tokenizer import train_tokenizer
from stepprove.train.sft.trajectories import TrainingText

VOCABULARY = 1024
CONTEXT = 1024
"""Context of the `new` model, in tokens."""
_DONE = "figures.json"
"""The figures file, which marks a finished stage."""
_ANGLES = "angles.jsonl"
"""The angle telemetry of a stage."""
_CHOSEN = "chosen"
"""The folder of the configuration from an architecture search."""
_LOGGED = ("loss", "grad_norm", "learning_rate", "epoch")


@dataclass(frozen=True, slots=True)
class SftProgress:
    """Progress: a training step, or generated texts."""

    stage: str
    done: int
    total: int
    seconds_left: float
    """Seconds left in the stage, at the speed so far."""
    loss: float | None = None
    """None while generating texts."""


def run_sft(
    recipe: SftRecipe,
    text: str,
    model: str | Path,
    output: Path,
    engine: Callable[[], Engine],
    *,
    listen: Callable[[SftProgress], None] = lambda progress: None,
) -> dict[str, dict[str, float]]:
    """Fine-tune by a recipe, or resume the folder's run, and write the model to `output/model`.

    Under `accelerate launch` only rank 0 writes.

    Args:
        recipe: the parsed recipe.
        text: the recipe's YAML, kept in the folder.
        model: `NEW`, the initial model's folder, or its name on the hub.
        output: the run's folder.
        engine: starts Lean, which only generated proofs need.
        listen: called with each new step.

    Returns:
        The figures of each stage that this call trained.

    Raises:
        BadRecipe: recipe, data, processes and folder do not fit.
        RunInUse: another process writes to the folder.
        ReplFailure: Lean is not available.
        OSError: a file cannot be read or written.
    """
    _refuse(recipe, model)
    with ExitStack() as stack:
        if first_process():
            stack.enter_context(only_writer(output))
        return _SftRun(recipe, model, output, engine, listen).run(text)


def _refuse(recipe: SftRecipe, model: str | Path) -> None:
    """Check the recipe against the number of processes. Raises BadRecipe."""
    if several_processes() and (
        model == NEW or any(isinstance(stage.data, GeneratedTexts) for stage in recipe.stages)
    ):
        raise BadRecipe("Several processes can only train a model that is there, on files.")
    if (refusal := recipe.methods.refusal(process_count())) is not None:
        raise BadRecipe(f"{refusal}.")
    require_processes(recipe.hardware)


class _SftRun:
    """The state that the stages share."""

    def __init__(
        self,
        recipe: SftRecipe,
        model: str | Path,
        output: Path,
        engine: Callable[[], Engine],
        listen: Callable[[SftProgress], None],
    ) -> None:
        self.recipe, self.model, self.output = recipe, model, output
        self.engine, self.listen = engine, listen

    def run(self, text: str) -> dict[str, dict[str, float]]:
        """Train the unfinished stages and save the model; `text` is the recipe's YAML."""
        recipe, output = self.recipe, self.output
        tokenizer, data = self._texts()
        if first_process():
            about = {
                "recipe": recipe.model_dump(mode="json"),
                "model": str(self.model),
                "model_sha256": digest_of_weights(Path(self.model)) if Path(self.model).is_dir() else None,
                "data_sha256": {s.name: digest(texts) for s, texts in zip(recipe.stages, data, strict=True)},
            }
            agree(output, about, text)
        figures: dict[str, dict[str, float]] = {}
        begin: str | Path = self.model
        for place, (stage, texts) in enumerate(zip(recipe.stages, data, strict=True), 1):
            folder = output / f"{place}-{stage.name}"
            if not (folder / _DONE).exists():
                set_seed(recipe.seed)
                model = self._new(tokenizer, texts, stage) if begin == NEW else _loaded(begin)
                figures[stage.name] = self._learn(model, tokenizer, texts, stage, folder)
            begin = folder
        if first_process() and not (output / MODEL).exists():
            new = output / f"{MODEL}.new"
            shutil.rmtree(new, ignore_errors=True)
            shutil.copytree(
                begin, new, ignore=shutil.ignore_patterns("checkpoint-*", FIGURES, _DONE, _ANGLES)
            )
            new.replace(output / MODEL)
        return figures

    def _texts(self) -> tuple[Any, list[list[TrainingText]]]:
        """Return the tokenizer, and the texts of each stage."""
        recipe = self.recipe
        if self.model != NEW:
            tokenizer = AutoTokenizer.from_pretrained(self.model)
            return tokenizer, [self._read(stage, tokenizer) for stage in recipe.stages]
        home = self.output / "tokenizer"
        if not home.exists():
            context = recipe.context or CONTEXT
            letters = train_tokenizer((), VOCABULARY, context)  # for its chat template
            words = (
                nameless(text) if stage.renamed_share else text.text
                for stage in recipe.stages
                for text in self._read(stage, letters)
            )
            new = home.with_suffix(".new")
            train_tokenizer(words, VOCABULARY, context, fixed_texts()).save_pretrained(new)
            new.replace(home)
        tokenizer = AutoTokenizer.from_pretrained(home)
        return tokenizer, [self._read(stage, tokenizer) for stage in recipe.stages]

    def _read(self, stage: SftStage, tokenizer: Any) -> list[TrainingText]:
        recipe = self.recipe
        if not isinstance(stage.data, GeneratedTexts):
            return [text for path in stage.data for text in read_file(path, tokenizer)]
        clock = _Clock()

        def report(done: int, total: int) -> None:
            self.listen(SftProgress(stage.name, done, total, clock.left(done, total)))

        folder = self.output / "data"
        return made(stage.data, tokenizer, folder, self.engine, recipe.seed, jobs=recipe.jobs, listen=report)

    def _new(self, tokenizer: Any, texts: Sequence[TrainingText], stage: SftStage) -> PreTrainedModel:
        """A small fresh model; an architecture search on the first stage's texts chooses it where the recipe asks."""
        config = small_config(len(tokenizer))
        config.max_position_embeddings = self.recipe.context or CONTEXT
        for name in ("bos", "eos", "pad"):
            setattr(config, f"{name}_token_id", getattr(tokenizer, f"{name}_token_id"))
        if self.recipe.methods.choose is not None:
            config = self._chosen(config, tokenizer, texts, stage)
            set_seed(self.recipe.seed)  # the same whether the search ran now or earlier
        return StepMoeForCausalLM(config)

    def _chosen(
        self, base: StepMoeConfig, tokenizer: Any, texts: Sequence[TrainingText], stage: SftStage
    ) -> StepMoeConfig:
        """The configuration from the search, kept in the folder."""
        options, home = self.recipe.methods.choose, self.output / _CHOSEN
        assert options is not None
        if not home.exists():
            batches = endless_batches(
                texts, tokenizer, base.max_position_embeddings, stage.batch_tokens, options.seed
            )
            try:
                choice = choose(base, options, batches)
            except ValueError as wrong:
                raise BadRecipe(f"methods.choose: {str(wrong).rstrip('.')}.") from None
            new = home.with_suffix(".new")
            choice.config.save_pretrained(new)
            new.replace(home)
        config: StepMoeConfig = StepMoeConfig.from_pretrained(home)
        return config

    def _learn(
        self,
        model: PreTrainedModel,
        tokenizer: Any,
        texts: Sequence[TrainingText],
        stage: SftStage,
        folder: Path,
    ) -> dict[str, float]:
        """Train a stage, from its start or its newest checkpoint."""
        recipe = self.recipe
        options = SftOptions(
            epochs=stage.epochs,
            learning_rate=stage.learning_rate,
            batch_tokens=stage.batch_tokens,
            warmup_share=stage.warmup_share,
            weight_decay=stage.weight_decay,
            renamed_share=stage.renamed_share,
            seed=recipe.seed,
            batch_texts=stage.batch_texts,
            accumulate=stage.accumulate,
            bf16=recipe.precision == "bf16",
            recompute=recipe.recompute,
            context=recipe.context,
            save_every=recipe.save_every,
        )
        with ExitStack() as stack:
            callbacks: list[TrainerCallback] = [RouterBalancing()] if routers(model) else []
            if recipe.methods.never_hurt is not None:
                callbacks.append(NeverHurtTraining(model, recipe.methods.never_hurt))
            if first_process():
                folder.mkdir(parents=True, exist_ok=True)
                newest = newest_checkpoint(folder)
                done = 0 if newest is None else int(newest.name.rpartition("-")[2])
                cut_figures(folder / FIGURES, done)
                file = stack.enter_context((folder / FIGURES).open("ab"))
                boards = self.output / TENSORBOARD / folder.name
                board = stack.enter_context(SummaryWriter(str(boards), purge_step=done + 1))
                callbacks.append(_Log(stage.name, file, board, self.listen))
                if (angular := recipe.methods.angular) is not None:
                    lines = -(-done // angular.every) * watched(model)
                    cut_figures(folder / _ANGLES, lines)
                    callbacks.append(
                        angles_to(stack.enter_context((folder / _ANGLES).open("ab")), angular.every)
                    )
            try:
                figures = fine_tune(model, tokenizer, texts, folder, options, callbacks=callbacks)
            except NothingToLearn as wrong:
                raise BadRecipe(f"Stage {stage.name}: {wrong}.") from None
        if first_process():
            replaced(folder / _DONE, orjson.dumps(figures, option=orjson.OPT_INDENT_2))
        return figures


class _Clock:
    """Estimates the time left from the time so far."""

    def __init__(self) -> None:
        self._started, self._first = time.monotonic(), -1

    def left(self, done: int, total: int) -> float:
        """Return the seconds left after `done` of `total`; the first call sets the start."""
        if self._first < 0:
            self._first = done - 1
        return (time.monotonic() - self._started) / max(1, done - self._first) * (total - done)


class _Log(TrainerCallback):
    """Writes the figures of each step, before the step's checkpoint."""

    def __init__(
        self, stage: str, file: BinaryIO, board: SummaryWriter, listen: Callable[[SftProgress], None]
    ) -> None:
        self._stage, self._file, self._board, self._listen = stage, file, board, listen
        self._clock = _Clock()

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        if not logs or "loss" not in logs:
            return
        figures = {name: float(logs[name]) for name in _LOGGED if name in logs}
        self._file.write(orjson.dumps({"step": state.global_step, **figures}) + b"\n")
        self._file.flush()
        for name, value in figures.items():
            self._board.add_scalar(name, value, state.global_step)
        done, total = state.global_step, state.max_steps
        self._listen(SftProgress(self._stage, done, total, self._clock.left(done, total), figures["loss"]))


def _loaded(model: str | Path) -> PreTrainedModel:
    loaded: PreTrainedModel = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    return loaded
