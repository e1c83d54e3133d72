"""Requests to a language model and its replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Turn(_Frozen):
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(_Frozen):
    """How to sample; fields at their defaults are not sent, so that every server takes the request."""

    temperature: float = Field(default=1.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    n: int = Field(default=1, ge=1)
    """Samples of one prompt."""
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    """For raw completions on vLLM and SGLang."""
    keep_stop: bool = False
    """Keep the stop string at the end of a sample."""
    seed: int | None = None
    logprobs: bool = False
    """Return each sampled token's log-probability."""
    token_ids: bool = False
    """Return the sampled token ids, as vLLM does from 0.10.2, and stop at special tokens too."""


class Sample(_Frozen):
    """One sampled answer."""

    text: str
    finish: str
    """`stop` (stop string, stop token or end of text), `length`, or another word of the server's."""
    stopped_by: str | int | None = None
    """The stop string or token, where the server reports it; None at the end of the text."""
    stop_told: bool = False
    """Whether the server reports `stopped_by`."""
    logprobs: tuple[float, ...] | None = None
    token_ids: tuple[int, ...] | None = None


class Usage(_Frozen):
    """Prompt and completion tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        """Return the sum of two usages."""
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )


class Reply(_Frozen):
    """The answer to one request."""

    samples: tuple[Sample, ...]
    usage: Usage
    seconds: float
    replayed: bool = False
    """Whether the reply comes from the cache."""


class Completer(Protocol):
    """Continues raw text: a client of a server, or a model in this process."""

    async def model(self) -> str:
        """Return the model's name."""

    async def context_length(self) -> int | None:
        """Return the most tokens of a request, prompt and completion together; None where unknown."""

    async def complete(self, prompt: str, sampling: Sampling = Sampling()) -> Reply:  # noqa: B008 - frozen
        """Sample continuations of a raw prompt."""


class Chatter(Protocol):
    """Answers chats: a client of a server, or recorded answers."""

    async def chat(self, turns: Sequence[Turn], sampling: Sampling) -> Reply:
        """Sample answers to a chat."""
