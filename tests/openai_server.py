"""What scripted OpenAI-compatible servers have in common: the routes, a thread, an address."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response


class OpenAiServer:
    """A running server; `url` is what a client is given. What was asked is kept in `asked`."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.count: Counter[str] = Counter()
        """Requests by model."""
        self._server = uvicorn.Server(
            uvicorn.Config(self._app(), port=0, log_level="error", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1"

    def close(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join()

    def models(self) -> list[dict[str, Any]]:
        """The models that it lists, each with its id and what else is said of it."""
        raise NotImplementedError

    async def answer(self, request: Request, body: dict[str, Any], *, chat: bool) -> Response:
        """The answer to a request for a completion or a chat."""
        raise NotImplementedError

    def _app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/models")
        async def models() -> dict[str, Any]:
            return {"object": "list", "data": [{"object": "model", **model} for model in self.models()]}

        @app.post("/v1/chat/completions")
        async def chat(request: Request) -> Response:
            return await self._noted(request, chat=True)

        @app.post("/v1/completions")
        async def complete(request: Request) -> Response:
            return await self._noted(request, chat=False)

        return app

    async def _noted(self, request: Request, *, chat: bool) -> Response:
        body = orjson.loads(await request.body())
        self.asked.append(body)
        self.count[body["model"]] += 1
        return await self.answer(request, body, chat=chat)


async def dropped() -> AsyncIterator[bytes]:
    """The body of an answer that breaks off."""
    yield b'{"id": "a", "cho'
    raise ConnectionResetError
