"""StepFun-Prover's cycle in small, and what each part is worth: fine-tuning, reinforcement, both again on rare successes.

A fine-tuned prover is reinforced; the right texts that it wrote about problems on which it nearly always fails are kept and
learned (`rare.py`); then it is reinforced again (arXiv 2507.20199). Each seed draws other problems and other texts and has a
folder; each model is measured on the same theorems, which no training has seen. A killed run goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

from stepprove.agent.models.problem import Problem
from stepprove.agent.models.stepfun import TirOptions
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import Pool
from stepprove.serving.serve.batching import Decoder
from stepprove.serving.serve.loading import loaded, placed
from stepprove.train.data.held_out import HeldOutAttempt, model_prover, run
from stepprove.train.data.theorems import Theorem, held_out
from stepprove.train.recipe import RlvrRecipe, SftRecipe, SftStage
from stepprove.train.rl.rlvr import RlvrOptions, Update
from stepprove.train.rl.rollout import Writer
from stepprove.train.rl.run import RARE, run_rlvr
from stepprove.train.rl.step import TrainingStep
from stepprove.train.run_folder import FIGURES, MODEL, agree, digest_of_weights, only_writer
from stepprove.train.sft.run import SftProgress, run_sft

STAGES = ("new", "sft", "rlvr", "cycle")
"""What is measured: random weights, the fine-tuned model, it reinforced, and after the cycle. The first two are the same for
all seeds."""
TESTS = ("generated", "given")
"""Generated theorems, and those of a file."""
_TRAINED_ON = 6000
"""Generated problems that may have been seen in fine-tuning, and are not asked again."""


@dataclass(frozen=True, slots=True)
class CycleOptions:
    """How much is done."""

    seeds: tuple[int, ...] = (0, 1, 2)
    rlvr: RlvrOptions = field(
        default_factory=lambda: RlvrOptions(updates=20, learning_rate=1e-4, max_tokens=1024, max_turns=4)
    )
    """Before the rare successes are learned, and again after."""
    rare_share: float = 0.25
    """Of problems of which at most this share of the texts is right, those texts are learned."""
    rare_epochs: float = 2.0
    rare_rate: float = 2e-4
    """Learning rate of that."""
    theorems: int = 100
    samples: int = 8
    """Attempts at each theorem, by StepFun-Prover's own sampling (temperature 0.999, top-p 0.95); one with random weights."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A model's attempts, and what its training has spent so far beside fine-tuning."""

    stage: str
    seed: int | None
    """None: the same for all."""
    attempts: dict[str, list[HeldOutAttempt]]
    """By test."""
    tokens: float = 0.0
    """That it wrote while it was reinforced."""
    checks: float = 0.0
    """Lean's answers that it read."""
    rare: int = 0
    """Texts about hard problems that it learned again."""


def run_cycle(
    folder: Path,
    model: Path,
    engine: Engine,
    options: CycleOptions = CycleOptions(),
    *,
    given: Sequence[Problem] = (),
    jobs: int | None = None,
    listen: Callable[[TrainingStep], None] = lambda step: None,
) -> list[Measured]:
    """Make and measure the models of all seeds.

    Args:
        folder: gets a folder for each seed. Several processes may work there at once, on other seeds.
        model: the fine-tuned one to begin with.
        engine: Lean.
        options: how much.
        given: problems to measure on beside generated theorems.
        jobs: Lean processes.
        listen: told each step.

    Raises BadRecipe, RunInUse, OSError, RewardHack, and what the pool raises when Lean cannot be run.
    """
    tests: dict[str, Sequence[Theorem | Problem]] = {"generated": held_out(options.theorems, 0)}
    if given:
        tests["given"] = given
    work = _Work(folder, model, engine, options, tests, jobs, listen)
    # What is no seed's comes last, so that processes with seeds of their own wait for each other only there.
    made = [each for seed in options.seeds for each in work.seeded(seed)]
    return [*work.common(), *made]


class _Work:
    """What all models share."""

    def __init__(
        self,
        folder: Path,
        begin: Path,
        engine: Engine,
        options: CycleOptions,
        tests: dict[str, Sequence[Theorem | Problem]],
        jobs: int | None,
        listen: Callable[[TrainingStep], None],
    ) -> None:
        self.folder, self.begin, self.engine, self.options, self.tests, self.jobs, self.listen = (
            folder, begin, engine, options, tests, jobs, listen,
        )  # fmt: skip

    def common(self) -> Iterator[Measured]:
        """The model with random weights, and the one to begin with."""
        home = self.folder / "start"
        with only_writer(home, wait=True):
            self._agree(home)
            for stage in STAGES[:2]:
                yield Measured(stage, None, self._measure(stage, home / stage, stage))

    def seeded(self, seed: int) -> Iterator[Measured]:
        """The model reinforced, and after the cycle."""
        home = self.folder / f"seed-{seed}"
        with only_writer(home):
            self._agree(home)
            first = self._reinforce(self.begin, home / "rlvr", seed, 0)
            spent = self._spent(home / "rlvr")
            attempts = self._measure("rlvr", home / "rlvr" / "tests", home.name)
            yield Measured("rlvr", seed, attempts, *spent)
            rare = _lines(home / "rlvr" / RARE)
            again = self._learn_rare(first, home, seed) if rare else first
            rlvr = self.options.rlvr
            self._reinforce(again, home / "cycle", seed, rlvr.updates * rlvr.waves * rlvr.problems)
            more = self._spent(home / "cycle")
            attempts = self._measure("cycle", home / "cycle" / "tests", home.name)
            yield Measured("cycle", seed, attempts, spent[0] + more[0], spent[1] + more[1], rare)

    def _agree(self, home: Path) -> None:
        told = asdict(self.options) | {"rlvr": self.options.rlvr.model_dump(mode="json")}
        del told["seeds"]
        about = {"options": told, "model_sha256": digest_of_weights(self.begin)}
        agree(home, about, yaml.safe_dump(told, sort_keys=False), lean=self.engine.lean_version)

    def _reinforce(self, model: Path, output: Path, seed: int, asked: int) -> Path:
        options = self.options.rlvr.model_copy(update={"seed": seed})
        recipe = RlvrRecipe(
            model=str(model),
            skip=_TRAINED_ON + asked,
            rare_share=self.options.rare_share,
            jobs=self.jobs,
            rlvr=options,
        )
        name = f"{output.parent.name}, {output.name}"

        def told(update: Update) -> None:
            words = f"reward {update.reward:.3f}"
            self.listen(TrainingStep(name, "reinforcement", update.number + 1, options.updates, words))

        if not (output / MODEL).exists():
            run_rlvr(recipe, _yaml(recipe), model, output, self.engine, listen=told)
        return output / MODEL

    def _learn_rare(self, model: Path, home: Path, seed: int) -> Path:
        output = home / "rare"
        stage = SftStage(
            name="rare",
            data=((home / "rlvr" / RARE).absolute(),),
            epochs=self.options.rare_epochs,
            learning_rate=self.options.rare_rate,
            renamed_share=1.0,
        )
        recipe = SftRecipe(model=str(model), stages=(stage,), seed=seed)

        def told(progress: SftProgress) -> None:
            words = "" if progress.loss is None else f"loss {progress.loss:.3f}"
            self.listen(
                TrainingStep(f"{home.name}, rare", "fine-tuning", progress.done, progress.total, words)
            )

        if not (output / MODEL).exists():
            run_sft(recipe, _yaml(recipe), model, output, lambda: self.engine, listen=told)
        return output / MODEL

    def _measure(self, stage: str, home: Path, name: str) -> dict[str, list[HeldOutAttempt]]:
        """The model's attempts at every test, on disk as soon as they are made."""
        options = self.options
        model_home = home.parent / MODEL if stage in ("rlvr", "cycle") else self.begin
        tokenizer: Any = AutoTokenizer.from_pretrained(self.begin)
        model = loaded(model_home)
        if stage == "new":
            set_seed(0)
            model = placed(AutoModelForCausalLM.from_config(model.config))  # type: ignore[no-untyped-call]
        decoder = Decoder(model.train(False), tokenizer)
        # Each text of random weights goes on to the context's end.
        samples = 1 if stage == "new" else options.samples
        who = name if name == stage else f"{name}, {stage}"
        tir = TirOptions(
            max_tokens=options.rlvr.max_tokens,
            max_seq_len=options.rlvr.max_tokens,
            max_turns=options.rlvr.max_turns,
            check_seconds=options.rlvr.check_seconds,
            judge_seconds=options.rlvr.judge_seconds,
        )

        async def attempts() -> dict[str, list[HeldOutAttempt]]:
            async with Pool(self.engine, size=self.jobs) as pool:
                prover = model_prover(lambda: Writer(decoder, tokenizer), pool, tir)
                return {
                    test: await run(
                        prover,
                        asked,
                        samples,
                        home / f"{test}.jsonl",
                        at_once=decoder.rows,
                        listen=self._counted(who, test, len(asked) * samples),
                    )
                    for test, asked in self.tests.items()
                }

        return asyncio.run(attempts())

    def _counted(self, who: str, test: str, total: int) -> Callable[[HeldOutAttempt], None]:
        """Tells how many attempts at a test have been made."""
        number = count(1)
        return lambda attempt: self.listen(TrainingStep(who, test, next(number), total))

    def _spent(self, run_folder: Path) -> tuple[float, float]:
        """(tokens written, answers of Lean read) in a run of reinforcement, canaries apart."""
        texts = self.options.rlvr.problems * self.options.rlvr.group
        updates = [orjson.loads(line) for line in (run_folder / FIGURES).read_bytes().splitlines()]
        return texts * sum(u["tokens"] for u in updates), texts * sum(u["checks"] for u in updates)


def _yaml(recipe: RlvrRecipe | SftRecipe) -> str:
    return yaml.safe_dump(recipe.model_dump(mode="json", exclude_defaults=True), sort_keys=False)


def _lines(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0
