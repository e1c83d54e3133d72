"""Servers of texts that misbehave: what they did not write to its end is no text, and weights that they did not take are told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from openai_server import OpenAiServer

from stepprove.serving.client.client import ModelFailure, ModelRefused
from stepprove.serving.serve.remote_model import RemoteModel
from stepprove.serving.serve.sampler import Generation, SamplingParams

WHOLE: dict[str, Any] = {
    "index": 0,
    "text": "ab",
    "finish_reason": "stop",
    "stop_reason": None,
    "token_ids": [7, 8],
    "logprobs": {"tokens": ["a", "b"], "token_logprobs": [-0.5, -0.25]},
}


class Scripted(OpenAiServer):
    """Answers with `choice`; `forgets` says what becomes of each wish to forget old keys and values."""

    def __init__(self, *, takes_weights: bool = True) -> None:
        self.choice = dict(WHOLE)
        self.forgets: list[bool] = []
        self.read: list[str] = []
        self._takes = takes_weights
        super().__init__()

    def models(self) -> list[dict[str, Any]]:
        return [{"id": "m", "owned_by": "vllm", "max_model_len": 100}]

    async def answer(self, request: Request, body: dict[str, Any], *, chat: bool) -> Response:
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        return JSONResponse(
            {"id": "x", "object": "text_completion", "choices": [self.choice], "usage": usage}
        )

    def _app(self) -> FastAPI:
        app = super()._app()
        if self._takes:

            @app.post("/collective_rpc")
            async def reload(request: Request) -> Response:
                self.read.append((await request.json())["kwargs"]["weights_path"])
                return JSONResponse({"results": [None]})

            @app.post("/reset_prefix_cache")
            async def forget() -> Response:
                return JSONResponse({"success": self.forgets.pop(0) if self.forgets else True})

        return app


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


def remote(server: Scripted, folder: Path, **more: Any) -> RemoteModel:
    return RemoteModel(
        [server.url], 900, folder / "served", lambda new, weights: new.mkdir(parents=True), **more
    )


def drawn(server: Scripted, folder: Path) -> Generation:
    async def generate() -> Generation:
        async with remote(server, folder) as model:
            assert model.longest == 100
            return await model.generate([1, 2, 3], SamplingParams(max_tokens=50))

    return asyncio.run(generate())


def test_a_text_is_drawn_from_the_models_own_distribution(server: Scripted, tmp_path: Path) -> None:
    found = drawn(server, tmp_path)
    assert (found.tokens, found.log_probs, found.finish) == ((7, 8), (-0.5, -0.25), "stop")
    (asked,) = server.asked
    assert asked["prompt"] == [1, 2, 3] and asked["return_token_ids"] is True
    assert (asked["top_k"], asked["min_p"], asked["repetition_penalty"]) == (0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"finish_reason": "abort"}, "broke a text off"),
        ({"token_ids": None}, "does not tell which tokens it drew"),
        ({"logprobs": None}, "does not tell which tokens it drew"),
        ({"token_ids": [7]}, "told 1 tokens and 2 log-probabilities"),
    ],
)
def test_what_is_no_whole_text_is_a_failure_of_the_server(
    server: Scripted, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    server.choice |= change
    with pytest.raises(ModelFailure, match=words) as failure:
        drawn(server, tmp_path)
    assert not isinstance(
        failure.value, ModelRefused
    )  # which would end a text as one that outgrew the context


def test_a_server_is_asked_to_forget_until_it_has(
    server: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepprove.serving.serve.remote_model.time.sleep", lambda seconds: None)
    server.forgets = [False, False, True]
    remote(server, tmp_path).load({})
    assert server.read == [str(tmp_path / "served" / "weights-0")] and not server.forgets
    server.forgets = [False] * 9
    with pytest.raises(ModelFailure, match="does not forget what it computed with old weights"):
        remote(server, tmp_path).load({})


def test_what_a_killed_run_left_is_removed(server: Scripted, tmp_path: Path) -> None:
    (tmp_path / "served" / "weights-37").mkdir(parents=True)
    model = remote(server, tmp_path)
    for _ in range(2):
        model.load({})
    assert [path.name for path in (tmp_path / "served").iterdir()] == ["weights-1"]


def test_a_server_that_takes_no_weights_is_told(tmp_path: Path) -> None:
    server = Scripted(takes_weights=False)
    with pytest.raises(ModelRefused, match="VLLM_SERVER_DEV_MODE=1"):
        remote(server, tmp_path).load({})
    server.close()


def test_vllm_is_given_no_weights_of_which_it_keeps_a_part(server: Scripted, tmp_path: Path) -> None:
    async def enter() -> None:
        async with remote(server, tmp_path, tied=True):
            pass

    with pytest.raises(ModelRefused, match="whose embeddings are tied"):
        asyncio.run(enter())
