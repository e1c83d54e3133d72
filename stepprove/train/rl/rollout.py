"""Rollouts: a model's texts with the sampled tokens, their log-probabilities, and a mask of the model's own tokens.

The agent's `stepfun.py` runs the trajectory with Lean as the tool. Training keeps the sampled token ids, because encoding
the text again may give others.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stepprove.agent.models.problem import Problem
from stepprove.agent.models.stepfun import End
from stepprove.agent.models.trajectory import TirOptions, Trajectory, run_trajectory
from stepprove.lean_project.pool.backend import Lean
from stepprove.serving.client.exchange import Reply, Sample, Sampling, Usage
from stepprove.serving.serve.sampler import Sampler, SamplingParams


@dataclass(slots=True)
class Writer:
    """A Completer for one trajectory that keeps the tokens of the growing text."""

    sampler: Sampler
    tokenizer: Any
    name: str = "in training"
    ids: list[int] = field(default_factory=list)
    """Token ids of the text so far."""
    log_probs: list[float] = field(default_factory=list)
    """Each token's log-probability when sampled; NaN for tokens of prompt and feedback."""
    _text: str = ""
    _starts: list[tuple[int, int]] = field(default_factory=list)
    """(characters, tokens) before each piece, so that the last pieces can be removed."""

    async def model(self) -> str:
        """Return the model's name."""
        return self.name

    async def context_length(self) -> int | None:
        """Return the most tokens of a text."""
        return self.sampler.longest

    async def complete(self, prompt: str, sampling: Sampling = Sampling()) -> Reply:  # noqa: B008 - frozen
        """Sample one continuation.

        Args:
            prompt: extends the text so far.
            sampling: how to sample.

        Raises:
            ModelRefused: the prompt does not fit the context.
            ModelFailure: the sampler failed.
        """
        started = time.monotonic()
        self._read(prompt)
        prompt_tokens = len(self.ids)
        params = _sampling_params(sampling, self.tokenizer, self.sampler.longest)
        generation = await self.sampler.generate(self.ids, params)
        ended = bool(generation.tokens) and generation.tokens[-1] in params.end_tokens
        text = self.tokenizer.decode(generation.tokens[:-1] if ended else generation.tokens)
        self._append(text, generation.tokens, generation.log_probs)
        stop = generation.stopped_by if isinstance(generation.stopped_by, str) else None
        sample = Sample(
            text=text[: text.rfind(stop)] if stop else text,
            finish=generation.finish,
            stopped_by=generation.stopped_by,
            stop_told=True,
        )
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=len(generation.tokens))
        return Reply(samples=(sample,), usage=usage, seconds=time.monotonic() - started)

    def _read(self, prompt: str) -> None:
        """Encode the prompt beyond the text so far; pieces that the prompt changed are encoded again and count as feedback."""
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
    """One sampled text."""

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    """Log-probabilities when sampled, at temperature 1; NaN for prompt and feedback, which training ignores."""
    truncated: bool
    """The length limit ended the text."""
    checks: int
    """Lean answers in the text."""
    lean_seconds: float
    """Seconds that Lean took for them."""

    @property
    def own(self) -> tuple[bool, ...]:
        """True for each token that the model wrote."""
        return tuple(not math.isnan(value) for value in self.log_probs)


@dataclass(frozen=True)
class ProofRollout(Rollout):
    """A tool-integrated proof attempt."""

    trajectory: Trajectory


async def roll(
    sampler: Sampler,
    tokenizer: Any,
    pool: Lean,
    problem: Problem,
    options: TirOptions,
) -> ProofRollout:
    """Sample one proof attempt.

    Args:
        sampler: the model.
        tokenizer: the model's.
        pool: checks sketches and verifies the answer.
        problem: the theorem.
        options: lengths, time limits and seed.

    Raises:
        Exceptions of `run_trajectory`.
    """
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
