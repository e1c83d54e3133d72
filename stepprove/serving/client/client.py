"""A language model behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp, transformers, or a hosted one.

The `openai` package sends requests, reads streams and retries (429, 5xx and lost connections, with growing pauses and the
server's Retry-After). This module adds raw completions that stop at a tool call, accounts, and a cache of replies. It adapts to
a server: it drops fields that the server refuses, requests samples one by one where `n` is ignored, and cuts off stop strings.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from types import ModuleType, TracebackType
from typing import Any, Self

from stepprove.gather import gather_or_cancel
from stepprove.serving.client import openai_fields
from stepprove.serving.client.budget import Account, BudgetSpent
from stepprove.serving.client.exchange import Reply, Sampling, Turn, Usage
from stepprove.serving.client.failures import ModelFailure, ModelRefused, ModelUnreachable, failures
from stepprove.serving.client.replay import ReplayCache

__all__ = ["BudgetSpent", "Client", "ModelFailure", "ModelRefused", "ModelUnreachable"]

_KEYS = ("STEPPROVE_MODEL_KEY", "OPENAI_API_KEY")
_NO_KEY = "none"
"""The key sent when none is set: local servers need none."""


def load_library() -> ModuleType:
    """Import the `openai` package on first use: it takes a second, more than all else that a command loads."""
    import openai

    return openai


class Client:
    """A client of one model; an async context manager for one event loop.

    Args:
        url: the base URL, `/v1` included.
        model: the server's name for the model; None: its only one.
        key: the API key; None: $STEPPROVE_MODEL_KEY, else $OPENAI_API_KEY.
        concurrency: most requests at a time; further ones wait.
        timeout: seconds for one request.
        retries: of a request after 429, 5xx or a lost connection.
        account: the budget and the amounts spent; None: no limits.
        cache: replies of earlier runs; None: no cache.

    Raises:
        ValueError: a limit is out of range.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        key: str | None = None,
        concurrency: int = 32,
        timeout: float = 1800.0,
        retries: int = 6,
        account: Account | None = None,
        cache: ReplayCache | None = None,
    ) -> None:
        if concurrency < 1 or retries < 0 or not timeout > 0:
            raise ValueError("concurrency and timeout must be above 0, retries not below")
        self.url = url
        self.account = account or Account()
        self.left_out: set[str] = set()
        """Fields that the server refused; the client no longer sends them."""
        self._model = model
        self._context: int | None = None
        self._context_read = False
        self._one_by_one = False
        self._timeout = timeout
        self._cache = cache
        self._places = asyncio.Semaphore(concurrency)
        api_key = key or next((os.environ[name] for name in _KEYS if os.environ.get(name)), _NO_KEY)
        self._openai = load_library().AsyncOpenAI(
            api_key=api_key, base_url=url, timeout=timeout, max_retries=retries
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._openai.close()

    async def model(self) -> str:
        """Return the model's name. Raises ModelFailure when none was given and the server does not serve exactly one."""
        if self._model is None:
            with failures(self.url, self.account):
                names = [entry.id async for entry in self._openai.models.list()]
            if len(names) != 1:
                raise ModelRefused(
                    f"{self.url} serves {len(names)} models ({', '.join(names[:5])}): name one as {self.url}#NAME."
                )
            self._model = names[0]
        return self._model

    async def reach(self, seconds: float = 10.0) -> None:
        """Check that the server answers, without a request to the model.

        Args:
            seconds: the time limit.

        Raises:
            ModelUnreachable: the server does not answer.
        """
        with suppress(ModelRefused), failures(self.url, self.account):
            await self._openai.with_options(max_retries=0, timeout=seconds).models.list()

    async def context_length(self) -> int | None:
        """Return the most tokens of a request, prompt and completion together; None where the server does not report it.

        Raises:
            ModelUnreachable: the server does not answer.
        """
        if not self._context_read:
            model = await self.model()
            with suppress(ModelRefused), failures(self.url, self.account):
                entries = [entry async for entry in self._openai.models.list() if entry.id == model]
                length = (entries[0].model_extra or {}).get("max_model_len") if entries else None
                self._context = length if isinstance(length, int) and length > 0 else None
            self._context_read = True
        return self._context

    async def chat(self, turns: Sequence[Turn], sampling: Sampling = Sampling()) -> Reply:  # noqa: B008 - frozen
        """Sample answers to a chat.

        Args:
            turns: the messages so far.
            sampling: how to sample.

        Raises:
            ModelFailure: the model did not answer.
            BudgetSpent: the budget allows no request.
        """
        return await self._reply("chat", openai_fields.messages(turns), sampling)

    async def complete(
        self,
        prompt: str | Sequence[int],
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    ) -> Reply:
        """Sample continuations of a raw prompt, without a chat template.

        Args:
            prompt: a text, or its token ids.
            sampling: how to sample.

        Raises:
            ModelFailure, BudgetSpent: as `chat`.
        """
        return await self._reply("complete", prompt if isinstance(prompt, str) else [*prompt], sampling)

    async def stream(
        self,
        prompt: str | Sequence[Turn],
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    ) -> AsyncIterator[str]:
        """Yield one answer in pieces as the server sends them; streams are not cached.

        Closing the iterator, or cancelling the task, closes the connection, so the server stops generating.

        Args:
            prompt: the messages of a chat, or a raw text to continue.
            sampling: how to sample; one sample.

        Raises:
            ModelFailure, BudgetSpent: as `chat`.
            ValueError: `sampling` asks for more than one sample.
        """
        if sampling.n != 1:
            raise ValueError("a stream has one sample")
        chat = not isinstance(prompt, str)
        options = openai_fields.options(sampling, chat=chat) | {
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        async with self._places:
            self.account.open()
            with failures(self.url, self.account):
                whole = False
                content: Any = openai_fields.messages(prompt) if not isinstance(prompt, str) else prompt
                pieces: Any = await self._create(chat, content, options)
                try:
                    async for piece in pieces:
                        if getattr(piece, "usage", None):
                            self.account.note(openai_fields.usage(piece.usage))
                        for choice in piece.choices:
                            whole = whole or choice.finish_reason is not None
                            text = choice.delta.content if chat else choice.text
                            if text:
                                yield text
                finally:
                    await pieces.close()
            if not whole:
                raise ModelUnreachable(f"{self.url} broke off in the middle of its answer.")

    async def _reply(self, kind: str, prompt: Any, sampling: Sampling) -> Reply:
        model = await self.model()
        key = None
        if self._cache is not None:
            request = {"url": self.url, "model": model, "kind": kind, "prompt": prompt}
            key = self._cache.key(request | {"sampling": _keyed(sampling)})
            if (reply := self._cache.get(key)) is not None:
                return reply
        reply = await self._samples(kind == "chat", prompt, sampling)
        if key is not None and self._cache is not None:
            self._cache.put(key, reply)
        return reply

    async def _samples(self, chat: bool, prompt: Any, sampling: Sampling) -> Reply:
        """All samples of a request, from one answer, or from one for each sample where the server needs it."""
        started = time.monotonic()
        replies = []
        if not self._one_by_one or sampling.n == 1:
            replies.append(await self._once(chat, prompt, sampling))
            if (drawn := len(replies[0].samples)) >= sampling.n:
                return replies[0]
            self._one_by_one = True
        else:
            drawn = 0
        replies += await gather_or_cancel(
            self._once(chat, prompt, _single(sampling, place)) for place in range(drawn, sampling.n)
        )
        return Reply(
            samples=tuple(sample for reply in replies for sample in reply.samples),
            usage=sum((reply.usage for reply in replies), Usage()),
            seconds=time.monotonic() - started,
        )

    async def _once(self, chat: bool, prompt: Any, sampling: Sampling) -> Reply:
        """The reply to one HTTP request."""
        async with self._places:
            self.account.open()
            started = time.monotonic()
            with failures(self.url, self.account):
                async with asyncio.timeout(self._seconds()):
                    answer = await self._create(chat, prompt, openai_fields.options(sampling, chat=chat))
            samples = tuple(openai_fields.sample(choice, sampling) for choice in answer.choices or ())
            reply = Reply(
                samples=samples, usage=openai_fields.usage(answer.usage), seconds=time.monotonic() - started
            )
        self.account.note(reply.usage)
        if not reply.samples:
            raise ModelUnreachable(f"{self.url} answered without an answer in it.")
        return reply

    async def _create(self, chat: bool, prompt: Any, options: dict[str, Any]) -> Any:
        """Send a request; repeat it without the fields that the server refuses."""
        from openai import BadRequestError, UnprocessableEntityError

        model = await self.model()
        while True:
            sent = openai_fields.without(options, self.left_out)
            try:
                if chat:
                    return await self._openai.chat.completions.create(model=model, messages=prompt, **sent)
                return await self._openai.completions.create(model=model, prompt=prompt, **sent)
            except (BadRequestError, UnprocessableEntityError) as refusal:
                words = set(re.findall(r"\w+", refusal.response.text))
                refused = words & openai_fields.OPTIONAL & (sent.keys() | sent.get("extra_body", {}).keys())
                if not refused:
                    raise
                self.left_out |= refused

    def _seconds(self) -> float:
        return max(0.001, min(self._timeout, self.account.seconds_left))


def _keyed(sampling: Sampling) -> dict[str, Any]:
    """The sampling part of a cache key; without `token_ids` it equals that of older caches."""
    return sampling.model_dump(exclude=None if sampling.token_ids else {"token_ids"})


def _single(sampling: Sampling, place: int) -> Sampling:
    """The request for one sample of several, with a seed of its own."""
    seed = None if sampling.seed is None else sampling.seed + place
    return sampling.model_copy(update={"n": 1, "seed": seed})
