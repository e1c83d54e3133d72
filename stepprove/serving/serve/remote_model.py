"""A sampler on other machines: vLLM servers that reload weights during reinforcement learning.

vLLM returns sampled token ids (from 0.10.2), and with VLLM_SERVER_DEV_MODE=1 it reloads weights from a folder. The trainer and
all servers must see that folder under the same path.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2
from torch import Tensor

from stepprove.serving.client.client import Client, ModelFailure, ModelRefused, ModelUnreachable
from stepprove.serving.client.exchange import Sampling
from stepprove.serving.serve.sampler import Generation, SamplingParams

_SECONDS = 1800.0
"""Seconds for a server to reload weights."""
_PATIENCE = 6 * 3600.0
"""Seconds for a text, its wait for others included."""
_TRIES = 5
"""Attempts, a second apart, to clear a server's prefix cache, which fails while the server generates."""


class RemoteModel:
    """A Sampler on one or more servers, each with the whole model; an async context manager for one event loop.

    Args:
        urls: base URLs, `/v1` included.
        longest: the most tokens of a text; a server's own limit may be lower.
        folder: the folder for weights, at most two versions at a time.
        write: writes weights into a folder in the servers' format.
        tied: the model ties its output weights to its embeddings; vLLM then keeps the old output weights (0.32, on a CPU).
        concurrency: most requests to each server at a time.

    Raises:
        ValueError: `urls` is empty.
    """

    def __init__(
        self,
        urls: Sequence[str],
        longest: int,
        folder: Path,
        write: Callable[[Path, Mapping[str, Tensor]], None],
        *,
        tied: bool = False,
        concurrency: int = 1024,
    ) -> None:
        if not urls:
            raise ValueError("a model needs a server")
        self.longest = longest
        self._clients = [Client(url, concurrency=concurrency, timeout=_PATIENCE) for url in urls]
        self._folder, self._write, self._tied = folder, write, tied
        self._loads = 0
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Connect. Raises ModelFailure when a server is missing, or would not use reloaded weights."""
        for client in self._clients:
            if self._tied and _is_vllm(client.url):
                raise ModelRefused(
                    f"{client.url} is vLLM, which keeps old output weights of a model whose embeddings are tied: untie them."
                )
            await self._open.enter_async_context(client)
            if (context := await client.context_length()) is not None:
                self.longest = min(self.longest, context)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def generate(self, ids: Sequence[int], params: SamplingParams) -> Generation:
        """Sample one continuation; a seed always goes to the same server, whose prefix cache then helps.

        Args:
            ids: the prompt's tokens.
            params: how to sample, and where to stop.

        Raises:
            ModelRefused: the prompt does not fit the context.
            ModelFailure: the server failed, or returns no token ids.
        """
        if not 0 < len(ids) < self.longest:
            raise ModelRefused(
                f"the prompt has {len(ids)} tokens; this model takes 1 to {self.longest - 1} tokens."
            )
        client = self._clients[(params.seed or 0) % len(self._clients)]
        reply = await client.complete(
            ids,
            Sampling(
                temperature=params.temperature,
                top_p=params.top_p,
                top_k=params.top_k,
                max_tokens=min(params.max_tokens, self.longest - len(ids)),
                stop=params.stop,
                stop_token_ids=tuple(sorted(params.end_tokens)),
                keep_stop=True,
                seed=params.seed,
                logprobs=True,
                token_ids=True,
            ),
        )
        sample = reply.samples[0]
        if sample.token_ids is None or sample.logprobs is None:
            raise ModelFailure(f"{client.url} does not tell which tokens it drew: vLLM does, from 0.10.2.")
        if sample.finish not in ("stop", "length"):
            raise ModelFailure(f"{client.url} broke a text off ({sample.finish}).")
        if len(sample.token_ids) != len(sample.logprobs):
            raise ModelFailure(
                f"{client.url} told {len(sample.token_ids)} tokens and {len(sample.logprobs)} log-probabilities."
            )
        return Generation(sample.token_ids, sample.logprobs, sample.finish, sample.stopped_by)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Write weights to the folder and make every server reload them. Raises ModelFailure, OSError."""
        new = self._folder / f"weights-{self._loads}"
        if not self._loads:
            shutil.rmtree(self._folder, ignore_errors=True)  # left by a killed run
        self._write(new, weights)
        with ThreadPoolExecutor(len(self._clients)) as threads:
            for _ in threads.map(lambda client: _reload(client.url, new), self._clients):
                pass
        if self._loads:
            shutil.rmtree(self._folder / f"weights-{self._loads - 1}", ignore_errors=True)
        self._loads += 1


def _is_vllm(url: str) -> bool:
    """Return whether a server reports itself as vLLM. Raises ModelUnreachable."""
    try:
        models = httpx2.get(f"{url}/models").json()["data"]
        return any(model.get("owned_by") == "vllm" for model in models)
    except (httpx2.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        raise ModelUnreachable(f"{url} does not tell its models.") from None


def _reload(url: str, folder: Path) -> None:
    """Make a server reload weights and clear its prefix cache. Raises ModelFailure."""
    base = url.rstrip("/").removesuffix("/v1")
    body = {"method": "reload_weights", "kwargs": {"weights_path": str(folder.absolute())}}
    try:
        with httpx2.Client(base_url=base, timeout=_SECONDS) as client:
            _checked(client.post("/collective_rpc", json=body), base, folder)
            for _ in range(_TRIES):
                answer = _checked(client.post("/reset_prefix_cache"), base, folder)
                if b'"success":false' not in answer.content.replace(b" ", b""):
                    return
                time.sleep(1)
    except httpx2.HTTPError as failure:
        raise ModelUnreachable(f"{base} cannot be reached ({failure}).") from None
    raise ModelFailure(
        f"{base} does not forget what it computed with old weights: does somebody else use it?"
    )


def _checked(answer: httpx2.Response, base: str, folder: Path) -> httpx2.Response:
    """Return a successful answer. Raises ModelFailure for another status."""
    if answer.status_code == 404:
        raise ModelRefused(f"{base} takes no new weights: vLLM does where VLLM_SERVER_DEV_MODE=1 is set.")
    if answer.status_code != 200:
        raise ModelFailure(f"{base} did not read {folder} ({answer.status_code}: {answer.text[:300]}).")
    return answer
