"""Compare reinforcement learning here and with TRL's GRPOTrainer: updates a minute, and idle times.

    STEPPROVE_MODELS=DIR python benchmarks/rlvr_speed.py [--model DIR] [--updates 6] [--rounds 2] [--problems 8] [--group 8]
        [--learning-rate 1e-4] [--jobs 1]

Both train the same model (`tiny`, made by `stepprove train tiny`, or that of a folder) on the same theorems with the same
groups, text lengths and rewards (the trust gate's), with Lean as a tool and one optimiser step an update, in turns; on a GPU
where there is one. With TRL a `rollout_func` samples the texts: `generate` for all texts of the batch up to the next sketch, Lean
on as many engines, and again. Neither side has canaries.

The first update of each run does not count (it fills Lean's caches). Lean's share is the time in which an engine works; the
sampler is idle while it samples no token, the weights while nothing updates them. GPU utilisation is that of `nvidia-smi`: the
share of the time in which a kernel runs.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import math
import platform
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import transformers
import trl
from datasets import Dataset
from transformers import (
    AutoTokenizer,
    StoppingCriteria,
    StoppingCriteriaList,
    TrainerCallback,
)
from trl import GRPOConfig, GRPOTrainer

from stepprove.agent.models.answer import code_of
from stepprove.agent.models.problem import Problem
from stepprove.agent.models.stepfun import (
    SKETCH,
    SKETCH_END,
    build_prompt,
    feedback_of,
    final_text,
    repl_block,
    sketch_of,
)
from stepprove.lean_project import find_engine
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import Pool, SyncPool
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import parse_source
from stepprove.serving.client.endpoint import tiny_folder
from stepprove.serving.serve.batching import Decoder
from stepprove.serving.serve.loading import loaded
from stepprove.train.data.theorems import for_training
from stepprove.train.rl import rlvr
from stepprove.train.rl.batches import Batch
from stepprove.train.rl.rewards import earned
from stepprove.train.rl.samplers.proof_sampler import proofs
from stepprove.train.sft.trajectories import problem_of

Span = tuple[float, float]


@contextmanager
def watched(place: Any, name: str) -> Iterator[list[Span]]:
    """Record when a function runs."""
    spans: list[Span] = []
    lock, inner = threading.Lock(), getattr(place, name)

    def timed(*arguments: Any, **named: Any) -> Any:
        started = time.monotonic()
        try:
            return inner(*arguments, **named)
        finally:
            with lock:
                spans.append((started, time.monotonic()))

    setattr(place, name, timed)
    try:
        yield spans
    finally:
        setattr(place, name, inner)


def covered(spans: Sequence[Span], whole: Span) -> float:
    """Return the share of a time that the spans cover."""
    total, until = 0.0, whole[0]
    for start, end in sorted(spans):
        start, end = max(start, until), min(end, whole[1])
        if end > start:
            total, until = total + end - start, end
    return total / (whole[1] - whole[0])


@contextmanager
def utilised() -> Iterator[list[tuple[float, float]]]:
    """Return (time, GPU utilisation before it), twice a second; empty without a GPU."""
    samples: list[tuple[float, float]] = []
    if not torch.cuda.is_available():
        yield samples
        return
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop-ms=500"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None

    def read(lines: Iterable[str]) -> None:
        samples.extend((time.monotonic(), int(line) / 100) for line in lines if line.strip().isdigit())

    reader = threading.Thread(target=read, args=(process.stdout,))
    reader.start()
    try:
        yield samples
    finally:
        process.kill()
        process.wait()
        reader.join()


def theorems(count: int) -> list[Problem]:
    return [problem_of(t) for t in islice(for_training(0), count)]


def ours(
    folder: Path, engine: Engine, problems: Sequence[Problem], options: rlvr.RlvrOptions, jobs: int
) -> dict[str, float]:
    """Return the figures of one run of ours."""
    model, tokenizer = loaded(folder), AutoTokenizer.from_pretrained(folder)
    updates: list[tuple[float, rlvr.Update]] = []

    async def run() -> None:
        async with Pool(engine, size=jobs) as pool:

            def of(number: int) -> Sequence[Problem]:
                return problems[number * options.problems : (number + 1) * options.problems]

            await rlvr.train(
                model,
                tokenizer,
                Decoder(copy.deepcopy(model).train(False), tokenizer),
                proofs(tokenizer, pool, of, options),
                options,
                keep=lambda update, checkpoint: updates.append((time.monotonic(), update)),
            )

    with (
        watched(Batch, "_draw") as drawing,
        watched(Repl, "_exchange") as lean,
        watched(rlvr, "update") as updating,
        utilised() as busy,
    ):
        asyncio.run(run())
    return figures(
        [at for at, _ in updates],
        [u.reward for _, u in updates],
        [u.tokens for _, u in updates],
        options.problems * options.group,
        (drawing, lean, updating),
        busy,
    )


def figures(
    at: Sequence[float],
    rewards: Sequence[float],
    tokens: Sequence[float],
    texts: int,
    spans: tuple[Sequence[Span], Sequence[Span], Sequence[Span]],
    busy: Sequence[tuple[float, float]],
) -> dict[str, float]:
    """Return a run's figures; `spans` are those of sampling, Lean and updates."""
    (drawing, lean, updating), whole = spans, (at[0], at[-1])
    seconds = whole[1] - whole[0]
    used = [share for when, share in busy if whole[0] <= when <= whole[1]]
    return {
        "updates a minute": 60 * (len(at) - 1) / seconds,
        "tokens a second": texts * sum(tokens[1:]) / seconds,
        "reward": sum(rewards) / len(rewards),
        "tokens a text": sum(tokens) / len(tokens),
        **({"GPU at work": sum(used) / len(used)} if used else {}),
        "Lean's share": covered(lean, whole),
        "sampler idle": 1 - covered(drawing, whole),
        "updates idle": 1 - covered(updating, whole),
    }


class Rollouts:
    """Samples tool-integrated texts in batches, for TRL."""

    def __init__(
        self, tokenizer: Any, pool: SyncPool, problems: dict[str, Problem], options: rlvr.RlvrOptions
    ) -> None:
        self.tokenizer, self.pool, self.problems, self.options = tokenizer, pool, problems, options
        self.drawing: list[Span] = []
        self.tokens: list[float] = []

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        """Return TRL's fields: token ids of prompts and texts, log-probabilities, and the mask of the model's tokens."""
        read = [self.tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
        ids = [list(each) for each in read]
        own = [[0] * len(each) for each in read]
        chances = [[0.0] * len(each) for each in read]
        open_, turns = list(range(len(prompts))), [0] * len(prompts)
        end = self.tokenizer.eos_token_id
        sketch_end = self.tokenizer.convert_tokens_to_ids(SKETCH_END)
        while open_:
            room = [self.options.max_tokens - len(ids[i]) for i in open_]
            trainer.model.train(False)
            written = self._write(trainer.model, [ids[i] for i in open_], room, [end, sketch_end])
            trainer.model.train()
            asking = []
            for i, (new, log_probs) in zip(open_, written, strict=True):
                ids[i] += new
                own[i] += [1] * len(new)
                chances[i] += log_probs
                decoded = self.tokenizer.decode(new)
                more = self.options.max_turns is None or turns[i] < self.options.max_turns
                if new[-1] == sketch_end and SKETCH in decoded and more:
                    turns[i] += 1
                    asking.append((i, sketch_of(decoded)))
            sketches = [sketch for _, sketch in asking]
            checks = dict(self.pool.check_all(sketches, timeout=self.options.check_seconds))
            for place, (i, _) in enumerate(asking):
                check = checks[place]
                block = self.tokenizer(repl_block(feedback_of(check)), add_special_tokens=False)["input_ids"]
                ids[i] += block
                own[i] += [0] * len(block)
                chances[i] += [0.0] * len(block)
            open_ = [i for i, _ in asking if len(ids[i]) < self.options.max_tokens]
        starts = [len(each) for each in read]
        self.tokens.append(sum(map(sum, own)) / len(own))
        return {
            "prompt_ids": read,
            "completion_ids": [each[start:] for each, start in zip(ids, starts, strict=True)],
            "logprobs": [each[start:] for each, start in zip(chances, starts, strict=True)],
            "env_mask": [each[start:] for each, start in zip(own, starts, strict=True)],
        }

    def _write(
        self, model: Any, texts: list[list[int]], room: list[int], stops: list[int]
    ) -> list[tuple[list[int], list[float]]]:
        width = max(map(len, texts))
        pad = self.tokenizer.pad_token_id
        where = model.device
        ids = torch.tensor([[pad] * (width - len(each)) + each for each in texts], device=where)
        mask = torch.tensor([[0] * (width - len(each)) + [1] * len(each) for each in texts], device=where)
        started = time.monotonic()
        with torch.inference_mode():
            answer = model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=max(room),
                stopping_criteria=StoppingCriteriaList([Full(room, width, where)]),
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                eos_token_id=stops,
                pad_token_id=pad,
                return_dict_in_generate=True,
                output_logits=True,
            )
            new = answer.sequences[:, width:]
            found = torch.stack([step.log_softmax(-1) for step in answer.logits], 1)
            log_probs = found.gather(2, new[:, :, None])[:, :, 0]
        self.drawing.append((started, time.monotonic()))
        result = []
        for row, values, own in zip(new.tolist(), log_probs.tolist(), room, strict=True):
            length = min(
                own, next((place + 1 for place, token in enumerate(row) if token in stops), len(row))
            )
            result.append((row[:length], values[:length]))
        return result

    def reward(self, prompts: list[str], completions: list[str], **_: Any) -> list[float | None]:
        """Return each text's reward; None where Lean gave no verdict."""

        def one(prompt: str, completion: str) -> float:
            problem = self.problems[prompt]
            final = final_text(completion)
            answer = None if final is None else code_of(final, problem.name)
            if answer is None:
                return 0.0
            judgement = self.pool.verify(
                parse_source(problem.text), parse_source(problem.candidate(answer)), targets={problem.name}
            )
            return earned(judgement.outcome)

        with ThreadPoolExecutor(self.pool.stats.engines) as threads:
            return [None if math.isnan(each) else each for each in threads.map(one, prompts, completions)]


class Full(StoppingCriteria):
    """Ends each text at its length limit."""

    def __init__(self, room: list[int], width: int, where: torch.device) -> None:
        self.room, self.width = torch.tensor(room, device=where), width

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """Return which texts end."""
        return input_ids.shape[1] - self.width >= self.room


class Clock(TrainerCallback):
    """Records the end of each step."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Record the time."""
        self.at.append(time.monotonic())


def with_trl(
    folder: Path, engine: Engine, problems: Sequence[Problem], options: rlvr.RlvrOptions, jobs: int
) -> dict[str, float]:
    """Return the figures of one run of TRL."""
    model, tokenizer = loaded(folder), AutoTokenizer.from_pretrained(folder)
    prompts = [build_prompt(problem) for problem in problems]
    clock = Clock()
    with SyncPool(engine, size=jobs) as pool, tempfile.TemporaryDirectory() as home:
        rollouts = Rollouts(tokenizer, pool, dict(zip(prompts, problems, strict=True)), options)
        texts = options.problems * options.group
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=rollouts.reward,
            args=GRPOConfig(
                output_dir=home,
                max_steps=options.updates,
                per_device_train_batch_size=options.group,
                gradient_accumulation_steps=options.problems,
                num_generations=options.group,
                max_completion_length=options.max_tokens,
                learning_rate=options.learning_rate,
                lr_scheduler_type="constant",
                loss_type="dapo",
                epsilon=options.clip_low,
                epsilon_high=options.clip_high,
                beta=0.0,
                temperature=1.0,
                shuffle_dataset=False,
                max_grad_norm=options.max_grad_norm,
                bf16=False,
                gradient_checkpointing=False,
                use_cpu=not torch.cuda.is_available(),
                report_to=[],
                save_strategy="no",
                logging_steps=1,
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_dict({"prompt": prompts}),
            processing_class=tokenizer,
            rollout_func=rollouts,
            callbacks=[clock],
        )
        assert trainer.args.generation_batch_size == texts
        with (
            watched(Repl, "_exchange") as lean,
            watched(trainer, "training_step") as steps,
            watched(trainer, "_generate_and_score_completions") as sampling,
            utilised() as busy,
        ):
            trainer.train()
        rewards = [each["reward"] for each in trainer.state.log_history if "reward" in each]
    found = figures(clock.at, rewards, rollouts.tokens, texts, (rollouts.drawing, lean, steps), busy)
    # The texts are written within a step, which is else the update.
    found["updates idle"] += covered(sampling, (clock.at[0], clock.at[-1]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--problems", type=int, default=8)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--model", type=Path)
    choice = parser.parse_args()
    options = rlvr.RlvrOptions(
        updates=choice.updates,
        problems=choice.problems,
        group=choice.group,
        canaries=0,
        max_tokens=1024,
        max_turns=4,
        learning_rate=choice.learning_rate,
    )
    engine, folder = find_engine(prefer="embedded"), choice.model or tiny_folder()
    problems = theorems(options.updates * options.problems)
    print(
        f"torch {torch.__version__}, transformers {transformers.__version__}, trl {trl.__version__}, ", end=""
    )
    print(f"Lean {engine.lean_version}, {platform.machine()}, {torch.get_num_threads()} threads, {choice}")
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
    runs: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(choice.rounds):
        for name, run in (("StepProve", ours), ("TRL", with_trl)):
            runs[name].append(run(folder, engine, problems, options, choice.jobs))
            print(name, {key: round(value, 3) for key, value in runs[name][-1].items()}, flush=True)
    print(f"\n| | {' | '.join(runs)} |\n|---|---|---|")
    for key in runs["TRL"][0]:
        print(
            f"| {key} | {' | '.join(f'{sum(r[key] for r in each) / len(each):.2f}' for each in runs.values())} |"
        )


if __name__ == "__main__":
    main()
