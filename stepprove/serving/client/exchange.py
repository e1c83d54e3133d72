"""What is asked of a language model, and what it answers."""

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
    """How to sample. What is left at its default is not sent, so that every server takes the request."""

    temperature: float = Field(default=1.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    n: int = Field(default=1, ge=1)
    """Samples of one prompt."""
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    """For raw completions, where the server takes them (vLLM, SGLang)."""
    keep_stop: bool = False
    """The text that stopped a sample stays at its end."""
    seed: int | None = None
    logprobs: bool = False
    """Tell the logarithm of the probability of each sampled token."""
    token_ids: bool = False
    """Tell each sampled token, which vLLM does (from 0.10.2), and stop at strings that are special tokens too."""


class Sample(_Frozen):
    """One answer of a model."""

    text: str
    finish: str
    """`stop` (a stop string, a stop token or the end of the text), `length`, or the server's own word."""
    stopped_by: str | int | None = None
    """The stop string or token, where the server tells; None at the end of the text."""
    stop_told: bool = False
    """The server is one that tells."""
    logprobs: tuple[float, ...] | None = None
    token_ids: tuple[int, ...] | None = None


class Usage(_Frozen):
    """Tokens that were read and written."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
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
    """It comes from the cache."""


class Completer(Protocol):
    """Whoever continues a text: a server's client, or a model in this process."""

    async def model(self) -> str:
        """The model's name."""

    async def context_length(self) -> int | None:
        """The most tokens, read and written, that a request may have, where it is known."""

    async def complete(self, prompt: str, sampling: Sampling = Sampling()) -> Reply:  # noqa: B008 - frozen
        """Continuations of a text, as it stands."""


class Chatter(Protocol):
    """Whoever answers a chat: a server's client, or answers made before."""

    async def chat(self, turns: Sequence[Turn], sampling: Sampling) -> Reply:
        """Answers to a chat."""
