"""StepFun-Prover's training cycle in small, with the gain of each stage (arXiv 2507.20199).

Reinforcement learning trains a fine-tuned prover, fine-tuning learns its rare successes (`data/rejection_sampling.py`), and
reinforcement learning runs again. Each seed has its own problems, texts and folder; all models are measured on the same
held-out theorems. A killed run resumes.
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
from stepprove.agent.models.trajectory import TirOptions
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import Pool
from stepprove.serving.serve.batching import Decoder
from stepprove.serving.serve.loading import loaded, placed
from stepprove.train.data.held_out import HeldOutAttempt, model_prover, run
from stepprove.train.data.theorems import Theorem, held_out
from stepprove.train.experiments.step import TrainingStep
from stepprove.train.recipe import RlvrRecipe, SftRecipe, SftStage
from stepprove.train.rl.figures import Update
from stepprove.train.rl.rlvr import RlvrOptions
from stepprove.train.rl.rollout import Writer
from stepprove.train.rl.run import RARE, run_rlvr
from stepprove.train.run_folder import FIGURES, MODEL, agree, digest_of_weights, only_writer
from stepprove.train.sft.run import SftProgress, run_sft

STAGES = ("new", "sft", "rlvr", "cycle")
"""The measured models: random weights, the fine-tuned model, after reinforcement, and after the cycle. All seeds share the
first two."""
TESTS = ("generated", "given")
"""The tests: generated theorems, and theorems of a file."""
_TRAINED_ON = 6000
"""Generated problems that fine-tuning may have used; reinforcement skips them."""


@dataclass(frozen=True, slots=True)
class CycleOptions:
    """The size of the experiment."""

    seeds: tuple[int, ...] = (0, 1, 2)
    rlvr: RlvrOptions = field(
        default_factory=lambda: RlvrOptions(updates=20, learning_rate=1e-4, max_tokens=1024, max_turns=4)
    )
    """Options of both reinforcement runs."""
    rare_share: float = 0.25
    """Largest share of correct texts of a problem whose correct texts count as rare."""
    rare_epochs: float = 2.0
    rare_rate: float = 2e-4
    """Learning rate on the rare successes."""
    theorems: int = 100
    samples: int = 8
    """Attempts at each theorem with StepFun-Prover's sampling (temperature 0.999, top-p 0.95); 1 for random weights."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A model's attempts, and the cost of its reinforcement so far."""

    stage: str
    seed: int | None
    """None: shared by all seeds."""
    attempts: dict[str, list[HeldOutAttempt]]
    """Attempts by test."""
    tokens: float = 0.0
    """Tokens written during reinforcement."""
    checks: float = 0.0
    """Lean answers read during reinforcement."""
    rare: int = 0
    """Rare successes learned."""


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
    """Train and measure the models of all seeds.

    Args:
        folder: holds a folder for each seed; several processes may work on different seeds at the same time.
        model: the fine-tuned model to start from.
        engine: Lean.
        options: the size of the experiment.
        given: test problems beside the generated theorems.
        jobs: Lean processes; None: one for each core.
        listen: called with each progress report.

    Raises:
        BadRecipe, RunInUse: the folder holds another run, or another process writes to it.
        RewardHack: the gate accepted a canary.
        OSError: a file cannot be read or written.
        Exceptions of the pool.
    """
    tests: dict[str, Sequence[Theorem | Problem]] = {"generated": held_out(options.theorems, 0)}
    if given:
        tests["given"] = given
    work = _CycleRun(folder, model, engine, options, tests, jobs, listen)
    # The shared models come last, so that processes on different seeds wait for each other only there.
    measured = [result for seed in options.seeds for result in work.seeded(seed)]
    return [*work.common(), *measured]


@dataclass(frozen=True, slots=True)
class _CycleRun:
    """The state that all models share."""

    folder: Path
    begin: Path
    """The fine-tuned model to start from."""
    engine: Engine
    options: CycleOptions
    tests: dict[str, Sequence[Theorem | Problem]]
    jobs: int | None
    listen: Callable[[TrainingStep], None]

    def common(self) -> Iterator[Measured]:
        """Measure the models of all seeds: random weights, and the initial model."""
        home = self.folder / "start"
        with only_writer(home, wait=True):
            self._agree(home)
            for stage in STAGES[:2]:
                yield Measured(stage, None, self._measure(stage, home / stage, stage))

    def seeded(self, seed: int) -> Iterator[Measured]:
        """Train and measure a seed's models: after reinforcement, and after the cycle."""
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
        options = asdict(self.options) | {"rlvr": self.options.rlvr.model_dump(mode="json")}
        del options["seeds"]
        about = {"options": options, "model_sha256": digest_of_weights(self.begin)}
        agree(home, about, yaml.safe_dump(options, sort_keys=False), lean=self.engine.lean_version)

    def _reinforce(self, model: Path, output: Path, seed: int, used: int) -> Path:
        options = self.options.rlvr.model_copy(update={"seed": seed})
        recipe = RlvrRecipe(
            model=str(model),
            skip=_TRAINED_ON + used,
            rare_share=self.options.rare_share,
            jobs=self.jobs,
            rlvr=options,
        )
        name = f"{output.parent.name}, {output.name}"

        def report(update: Update) -> None:
            words = f"reward {update.reward:.3f}"
            self.listen(TrainingStep(name, "reinforcement", update.number + 1, options.updates, words))

        if not (output / MODEL).exists():
            run_rlvr(recipe, _yaml(recipe), model, output, self.engine, listen=report)
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

        def report(progress: SftProgress) -> None:
            words = "" if progress.loss is None else f"loss {progress.loss:.3f}"
            self.listen(
                TrainingStep(f"{home.name}, rare", "fine-tuning", progress.done, progress.total, words)
            )

        if not (output / MODEL).exists():
            run_sft(recipe, _yaml(recipe), model, output, lambda: self.engine, listen=report)
        return output / MODEL

    def _measure(self, stage: str, home: Path, name: str) -> dict[str, list[HeldOutAttempt]]:
        """Return the model's attempts at every test; each goes to disk at once."""
        options = self.options
        model_home = home.parent / MODEL if stage in ("rlvr", "cycle") else self.begin
        tokenizer: Any = AutoTokenizer.from_pretrained(self.begin)
        model = loaded(model_home)
        if stage == "new":
            set_seed(0)
            model = placed(AutoModelForCausalLM.from_config(model.config))  # type: ignore[no-untyped-call]
        decoder = Decoder(model.train(False), tokenizer)
        # With random weights every text runs to the end of the context.
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
                        theorems,
                        samples,
                        home / f"{test}.jsonl",
                        at_once=decoder.rows,
                        listen=self._counted(who, test, len(theorems) * samples),
                    )
                    for test, theorems in self.tests.items()
                }

        return asyncio.run(attempts())

    def _counted(self, who: str, test: str, total: int) -> Callable[[HeldOutAttempt], None]:
        """Return a listener that reports the number of attempts at a test."""
        number = count(1)
        return lambda attempt: self.listen(TrainingStep(who, test, next(number), total))

    def _spent(self, run_folder: Path) -> tuple[float, float]:
        """Return (tokens written, Lean answers read) of a reinforcement run, without canaries."""
        texts = self.options.rlvr.problems * self.options.rlvr.group
        updates = [orjson.loads(line) for line in (run_folder / FIGURES).read_bytes().splitlines()]
        return texts * sum(u["tokens"] for u in updates), texts * sum(u["checks"] for u in updates)


def _yaml(recipe: RlvrRecipe | SftRecipe) -> str:
    return yaml.safe_dump(recipe.model_dump(mode="json", exclude_defaults=True), sort_keys=False)


def _lines(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0
