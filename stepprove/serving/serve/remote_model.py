"""A model on other machines as a source of tokens: vLLM's servers, which reinforcement learning gives new weights.

vLLM tells the tokens that it draws (from 0.10.2), and with VLLM_SERVER_DEV_MODE=1 it reads weights from a folder again, which
the trainer and all servers must see under the same path.
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
from stepprove.serving.serve.batching import Generation, SamplingParams

_SECONDS = 1800.0
"""For a server to read weights."""
_PATIENCE = 6 * 3600.0
"""Seconds for a text, which may wait for others."""
_TRIES = 5
"""To have a server forget what it has computed, a second apart: it does not while it writes a text."""


class RemoteModel:
    """A model on one server or several, each of which has all of it. To be used as an async context manager, in one event loop.

    Args:
        urls: each up to and with `/v1`.
        longest: the most tokens of a text; fewer where a server takes fewer.
        folder: where weights are written for the servers, two of them at any time.
        write: writes weights into a folder, as the servers read them.
        tied: its output weights are its embeddings. vLLM keeps old ones then when it reads others (0.32, on a processor).
        concurrency: requests to each server at any time; more wait.
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
        """Raises ModelFailure when a server is not there, or would not write with the weights that it is given."""
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
        """Continue a text, those of one seed by the same server, which then knows their beginning.

        Raises ModelRefused when it does not fit into the context, and ModelFailure.
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
        """Write weights down and have every server read them. Raises ModelFailure, OSError."""
        new = self._folder / f"weights-{self._loads}"
        if not self._loads:
            shutil.rmtree(self._folder, ignore_errors=True)  # what a killed run has left
        self._write(new, weights)
        with ThreadPoolExecutor(len(self._clients)) as threads:
            for _ in threads.map(lambda client: _reload(client.url, new), self._clients):
                pass
        if self._loads:
            shutil.rmtree(self._folder / f"weights-{self._loads - 1}", ignore_errors=True)
        self._loads += 1


def _is_vllm(url: str) -> bool:
    """Whether a server says that it is vLLM. Raises ModelUnreachable."""
    try:
        models = httpx2.get(f"{url}/models").json()["data"]
        return any(model.get("owned_by") == "vllm" for model in models)
    except (httpx2.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        raise ModelUnreachable(f"{url} does not tell its models.") from None


def _reload(url: str, folder: Path) -> None:
    """Have a server read weights, and forget what it has computed with others. Raises ModelFailure."""
    base = url.rstrip("/").removesuffix("/v1")
    body = {"method": "reload_weights", "kwargs": {"weights_path": str(folder.absolute())}}
    try:
        with httpx2.Client(base_url=base, timeout=_SECONDS) as client:
            _told(client.post("/collective_rpc", json=body), base, folder)
            for _ in range(_TRIES):
                answer = _told(client.post("/reset_prefix_cache"), base, folder)
                if b'"success":false' not in answer.content.replace(b" ", b""):
                    return
                time.sleep(1)
    except httpx2.HTTPError as failure:
        raise ModelUnreachable(f"{base} cannot be reached ({failure}).") from None
    raise ModelFailure(
        f"{base} does not forget what it computed with old weights: does somebody else use it?"
    )


def _told(answer: httpx2.Response, base: str, folder: Path) -> httpx2.Response:
    """The answer, where it is a success. Raises ModelFailure."""
    if answer.status_code == 404:
        raise ModelRefused(f"{base} takes no new weights: vLLM does where VLLM_SERVER_DEV_MODE=1 is set.")
    if answer.status_code != 200:
        raise ModelFailure(f"{base} did not read {folder} ({answer.status_code}: {answer.text[:300]}).")
    return answer
