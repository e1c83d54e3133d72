"""ThinkingF in small: knowledge, reasoning, and reinforcement with BEq as the reward, with ablations of each.

It follows StepFun-Formalizer (arXiv 2508.04440, section 3) with template problems and a StepMoE of two million parameters. Each
model's folder is named by its stages; a killed run resumes with the first unfinished model.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import torch
import yaml
from transformers import AutoTokenizer, PreTrainedModel, set_seed

from stepprove import __version__
from stepprove.formalizer.checks import PoolChecks
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import Pool
from stepprove.serving.serve.batching import Decoder
from stepprove.serving.serve.loading import loaded, placed
from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM
from stepprove.serving.step_moe.experts.balance import RouterBalancing
from stepprove.train.data.formalizer_texts import (
    corpus,
    fixed_texts,
    knowledge_text,
    prompt_of,
    reasoning_text,
)
from stepprove.train.data.informal import Informal, generate, held_out_families, held_out_phrasings
from stepprove.train.experiments.step import TrainingStep
from stepprove.train.rl.figures import Update
from stepprove.train.rl.rlvr import Checkpoint, RlvrOptions, train
from stepprove.train.rl.samplers.statement_sampler import (
    BeqJudge,
    PromptedStatement,
    evaluate,
    statements,
    truth_of,
)
from stepprove.train.run_folder import agree, only_writer, replaced
from stepprove.train.sft.sft import SftOptions, fine_tune
from stepprove.train.sft.tokenizer import train_tokenizer

CONTEXT = 512
VOCABULARY = 768
CHAINS = (
    ("knowledge",),
    ("knowledge", "reasoning"),
    ("knowledge", "reasoning", "rlvr"),
    ("reasoning",),
    ("reasoning", "rlvr"),
    ("knowledge", "rlvr"),
)
"""The stages of each model; every prefix of a chain is a model too."""
_SCORES = "scores.json"
_SEED_OF_TESTS = 17


@dataclass(frozen=True, slots=True)
class ThinkingOptions:
    """The size of the experiment."""

    knowledge: int = 8000
    """Pairs of the knowledge stage."""
    reasoning: int = 2000
    """Trajectories of the reasoning stage; reinforcement uses the same problems."""
    knowledge_epochs: float = 4.0
    reasoning_epochs: float = 4.0
    rlvr: RlvrOptions = field(
        default_factory=lambda: RlvrOptions(
            updates=50, problems=8, group=8, learning_rate=5e-5, max_tokens=CONTEXT, check_seconds=20
        )
    )
    problems: int = 100
    """Problems in the test of phrasings; the test of families has half as many."""
    samples: int = 4
    seed: int = 0


def small_config(vocabulary: int) -> StepMoeConfig:
    """Return a configuration of two million parameters."""
    return StepMoeConfig(
        vocab_size=vocabulary,
        hidden_size=160,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=5,
        num_key_value_heads=1,
        head_dim=32,
        sliding_window=256,
        n_routed_experts=8,
        num_experts_per_tok=2,
        moe_intermediate_size=96,
        share_expert_dim=128,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
    )


def run_thinkingf(
    folder: Path,
    engine: Engine,
    options: ThinkingOptions = ThinkingOptions(),
    *,
    jobs: int | None = None,
    listen: Callable[[TrainingStep], None] = lambda step: None,
) -> list[dict[str, Any]]:
    """Train and measure every model of `CHAINS`.

    Args:
        folder: holds a folder for each model.
        engine: Lean.
        options: the size of the experiment.
        jobs: Lean processes; None: one for each core.
        listen: called with each progress report.

    Returns:
        Each model's scores, as in its `scores.json`.

    Raises:
        BadRecipe, RunInUse: the folder holds another run, or another process writes to it.
        FooledJudge: BEq accepted a decoy.
        OSError: a file cannot be read or written.
        Exceptions of the pool.
    """
    with only_writer(folder):
        run = _ThinkingRun(folder, engine, options, jobs, listen)
        return [run.scores(chain) for chain in CHAINS]


class _ThinkingRun:
    """The state that all models share: tokenizer, problems and tests."""

    def __init__(
        self,
        folder: Path,
        engine: Engine,
        options: ThinkingOptions,
        jobs: int | None,
        listen: Callable[[TrainingStep], None],
    ) -> None:
        self.folder, self.engine, self.options, self.jobs, self.listen = (
            folder, engine, options, jobs, listen,
        )  # fmt: skip
        self.recorded_options = asdict(options) | {"rlvr": options.rlvr.model_dump(mode="json")}
        agree(
            folder,
            {"options": self.recorded_options},
            yaml.safe_dump(self.recorded_options, sort_keys=False),
            lean=engine.lean_version,
        )
        made = list(islice(generate(options.seed), options.knowledge + options.reasoning))
        self.pairs, self.thought = made[: options.knowledge], made[options.knowledge :]
        self.tests = {
            "phrasings": held_out_phrasings(options.problems, _SEED_OF_TESTS),
            "families": held_out_families(max(1, options.problems // 2), _SEED_OF_TESTS),
        }
        path = folder / "tokenizer"
        if not path.exists():
            trained = train_tokenizer(corpus(made), VOCABULARY, CONTEXT, fixed_texts())
            trained.save_pretrained(path)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(path)

    def scores(self, chain: Sequence[str]) -> dict[str, Any]:
        """Return a chain's scores; train and measure its model where they are missing."""
        home = self.folder / "+".join(chain)
        path = home / _SCORES
        if path.exists():
            return dict(orjson.loads(path.read_bytes()))
        model = self._model(chain)
        scores = asyncio.run(self._measure(model, home.name))
        record = {
            "model": home.name,
            "parameters": sum(weight.numel() for weight in model.parameters()),
            "options": self.recorded_options,
            "versions": {
                "stepprove": __version__,
                "lean": self.engine.lean_version,
                "torch": torch.__version__,
            },
            **scores,
        }
        replaced(path, orjson.dumps(record, option=orjson.OPT_INDENT_2))
        return record

    def _model(self, chain: Sequence[str]) -> PreTrainedModel:
        home = self.folder / "+".join(chain)
        if (home / "config.json").exists():
            return loaded(home)
        set_seed(self.options.seed)
        if chain[:-1]:
            model = self._model(chain[:-1])
        else:
            model = placed(StepMoeForCausalLM(small_config(len(self.tokenizer))))
            model.config.eos_token_id = self.tokenizer.eos_token_id
            model.config.pad_token_id = self.tokenizer.pad_token_id
        if chain[-1] == "rlvr":
            asyncio.run(self._reinforce(model, home.name))
            new = home.with_suffix(".new")
            model.save_pretrained(new)
            self.tokenizer.save_pretrained(new)
            new.replace(home)
            return model
        self._teach(model, chain[-1], home)
        return loaded(home)

    def _teach(self, model: PreTrainedModel, stage: str, home: Path) -> None:
        """Train the knowledge or the reasoning stage."""
        problems, text, epochs = (
            (self.pairs, knowledge_text, self.options.knowledge_epochs)
            if stage == "knowledge"
            else (self.thought, reasoning_text, self.options.reasoning_epochs)
        )
        new = home.with_suffix(".new")
        fine_tune(
            model,
            self.tokenizer,
            [text(self.tokenizer, one, index) for index, one in enumerate(problems)],
            new,
            SftOptions(epochs=epochs, renamed_share=0.0, seed=self.options.seed),
            callbacks=[RouterBalancing()],
            listen=lambda step, steps, loss: self.listen(
                TrainingStep(home.name, stage, step, steps, f"loss {loss:.3f}")
            ),
        )
        new.replace(home)

    async def _reinforce(self, model: PreTrainedModel, name: str) -> None:
        """Run reinforcement on the problems of the reasoning stage."""
        options = self.options.rlvr

        def problems(number: int) -> list[PromptedStatement]:
            first = number * options.problems
            return [
                self._informal_problem(self.thought[(first + i) % len(self.thought)])
                for i in range(options.problems)
            ]

        def keep(update: Update, checkpoint: Checkpoint | None) -> None:
            words = f"reward {update.reward:.3f}"
            self.listen(TrainingStep(name, "rlvr", update.number + 1, options.updates, words))

        async with Pool(self.engine, size=self.jobs, timeout=options.check_seconds) as pool:
            sample = statements(self.tokenizer, self._judge(pool), problems, options)
            sampler = Decoder(copy.deepcopy(model).train(False), self.tokenizer)
            await train(model, self.tokenizer, sampler, sample, options, keep=keep)

    async def _measure(self, model: PreTrainedModel, name: str) -> dict[str, Any]:
        decoder = Decoder(model.train(False), self.tokenizer)
        scores: dict[str, Any] = {}
        async with Pool(self.engine, size=self.jobs, timeout=self.options.rlvr.check_seconds) as pool:
            for place, (kind, problems) in enumerate(self.tests.items()):
                self.listen(TrainingStep(name, "test", place, len(self.tests), kind))
                started = time.monotonic()
                score = await evaluate(
                    decoder,
                    self.tokenizer,
                    self._judge(pool),
                    [self._informal_problem(one) for one in problems],
                    samples=self.options.samples,
                    max_tokens=CONTEXT,
                )
                scores[kind] = asdict(score) | {"seconds": round(time.monotonic() - started, 1)}
        return scores

    def _judge(self, pool: Pool) -> BeqJudge:
        return BeqJudge(PoolChecks(pool, timeout=self.options.rlvr.check_seconds))

    def _informal_problem(self, one: Informal) -> PromptedStatement:
        return PromptedStatement(prompt_of(self.tokenizer, one.problem), truth_of(one.meaning.lean))


def table(scores: Sequence[dict[str, Any]]) -> str:
    """Return the scores as a Markdown table in %, BEq@1 with half its 95 % interval."""
    lines = ["| stages | BEq@1, new phrasings | BEq@k | typecheck@1 | BEq@1, new families | unknown |"]
    lines.append("|---|---|---|---|---|---|")
    for model in scores:
        one, other = model["phrasings"], model["families"]
        lines.append(
            f"| {model['model'].replace('+', ', ')} | {_percent(one)} | {100 * one['beq_k']:.1f} (k = {one['samples']}) | "
            f"{100 * one['typecheck_1']:.1f} | {_percent(other)} | {one['unknown'] + other['unknown']} |"
        )
    return "\n".join(lines)


def _percent(score: dict[str, Any]) -> str:
    return f"{100 * score['beq_1']:.1f} ± {100 * score['margin']:.1f}"
