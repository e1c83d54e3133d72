"""Rollouts: texts of a model, each token kept with who wrote it and how likely it was.

A proof's text is made by the agent's own `stepfun.py`, with Lean as the model's tool. What is added here is what training
needs: the very tokens that were drawn (a text cut into tokens anew may fall into others), their log-probabilities at the time,
and which tokens are not the model's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stepprove.agent.models.problem import Problem
from stepprove.agent.models.stepfun import End, TirOptions, Trajectory, run_trajectory
from stepprove.lean_project.pool.backend import Lean
from stepprove.serving.client.exchange import Reply, Sample, Sampling, Usage
from stepprove.serving.serve.batching import Sampler, SamplingParams


@dataclass(slots=True)
class Writer:
    """Continues one growing text, and keeps its tokens: a Completer for one trajectory."""

    sampler: Sampler
    tokenizer: Any
    name: str = "in training"
    ids: list[int] = field(default_factory=list)
    """Of the text so far."""
    log_probs: list[float] = field(default_factory=list)
    """Of each token when it was drawn; NaN for what the model did not write."""
    _text: str = ""
    _starts: list[tuple[int, int]] = field(default_factory=list)
    """(characters, tokens) before each piece, so that the end can be taken back."""

    async def model(self) -> str:
        """Its name."""
        return self.name

    async def context_length(self) -> int | None:
        """The most tokens of a text."""
        return self.sampler.longest

    async def complete(self, prompt: str, sampling: Sampling = Sampling()) -> Reply:  # noqa: B008 - frozen
        """One continuation of a text that begins with the one before. Raises ModelRefused when it does not fit the context."""
        started = time.monotonic()
        self._read(prompt)
        read = len(self.ids)
        params = _sampling_params(sampling, self.tokenizer, self.sampler.longest)
        drawn = await self.sampler.generate(self.ids, params)
        ended = bool(drawn.tokens) and drawn.tokens[-1] in params.end_tokens
        text = self.tokenizer.decode(drawn.tokens[:-1] if ended else drawn.tokens)
        self._append(text, drawn.tokens, drawn.log_probs)
        stop = drawn.stopped_by if isinstance(drawn.stopped_by, str) else None
        sample = Sample(
            text=text[: text.rfind(stop)] if stop else text,
            finish=drawn.finish,
            stopped_by=drawn.stopped_by,
            stop_told=True,
        )
        usage = Usage(prompt_tokens=read, completion_tokens=len(drawn.tokens))
        return Reply(samples=(sample,), usage=usage, seconds=time.monotonic() - started)

    def _read(self, prompt: str) -> None:
        """Append what stands after the text so far; a piece that ends otherwise there is read anew, and is not the model's."""
        while not prompt.startswith(self._text):
            characters, tokens = self._starts.pop()
            self._text = self._text[:characters]
            del self.ids[tokens:], self.log_probs[tokens:]
        rest = prompt[len(self._text) :]
        ids = self.tokenizer(rest, add_special_tokens=False, verbose=False)["input_ids"]
        self._append(rest, ids, [math.nan] * len(ids))

    def _append(self, text: str, ids: Sequence[int], log_probs: Sequence[float]) -> None:
        self._starts.append((len(self._text), len(self.ids)))
        self._text += text
        self.ids += ids
        self.log_probs += log_probs


def _sampling_params(sampling: Sampling, tokenizer: Any, longest: int) -> SamplingParams:
    return SamplingParams(
        max_tokens=sampling.max_tokens or longest,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        seed=sampling.seed,
        stop=sampling.stop,
        end_tokens=frozenset({tokenizer.eos_token_id, *sampling.stop_token_ids}),
    )


@dataclass(frozen=True)
class Rollout:
    """One text as training takes it."""

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    """When drawn, at temperature 1; NaN for prompt and feedback, which are not learned."""
    truncated: bool
    """It ended for its length, not by its own choice."""
    checks: int
    """Answers of Lean that it reads."""
    lean_seconds: float
    """That these took."""

    @property
    def own(self) -> tuple[bool, ...]:
        """Which tokens the model wrote."""
        return tuple(not math.isnan(value) for value in self.log_probs)


@dataclass(frozen=True)
class ProofRollout(Rollout):
    """A text in which a model reasons with Lean as its tool."""

    trajectory: Trajectory


async def roll(
    sampler: Sampler,
    tokenizer: Any,
    pool: Lean,
    problem: Problem,
    options: TirOptions,
) -> ProofRollout:
    """Let the model work on a problem once. Raises as `run_trajectory`."""
    writer = Writer(sampler, tokenizer)
    trajectory = await run_trajectory(writer, pool, problem, options)
    checks = [turn.checked for turn in trajectory.turns if turn.checked is not None]
    return ProofRollout(
        ids=tuple(writer.ids),
        log_probs=tuple(writer.log_probs),
        truncated=trajectory.end in (End.CUT, End.CONTEXT),
        checks=len(checks),
        lean_seconds=sum(check.seconds for check in checks),
        trajectory=trajectory,
    )
