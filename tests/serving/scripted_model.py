"""An OpenAI-compatible server that plays models: the model's name says how it behaves.

Names: `echo` answers with the prompt's last line, in a stream a letter at a time; `busy-N` answers 429 the first N times,
`broken-N` 500; `drop-N` closes the connection in the middle, `cut` that of a stream; `garbage` is no JSON, `huge` sends 10 MB,
`hang` takes its time, `secret` wants a key, `plain` is like transformers' own server: it refuses fields that it does not know,
draws one sample whatever `n` says, and leaves stop strings in the text. What was asked is kept in `asked`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from openai_server import OpenAiServer, dropped

MODELS = ["echo"]


class ScriptedModel(OpenAiServer):
    """The server and what is known of its clients."""

    def __init__(self) -> None:
        self.left = threading.Event()
        """A client has left in the middle of a stream."""
        self.served: list[str] = list(MODELS)
        self.running = self.most_running = 0
        super().__init__()

    def models(self) -> list[dict[str, Any]]:
        """Those that are served now."""
        return [{"id": name} for name in self.served]

    async def answer(self, request: Request, body: dict[str, Any], *, chat: bool) -> Response:
        """What the model's name says."""
        behaviour, _, times = body["model"].partition("-")
        early = times.isdigit() and self.count[body["model"]] <= int(times)
        if behaviour == "busy" and early:
            return JSONResponse({"error": {"message": "busy"}}, 429, {"Retry-After": "0"})
        if behaviour == "broken" and early:
            return JSONResponse({"error": {"message": "broken"}}, 500)
        if behaviour == "drop" and early:
            return StreamingResponse(dropped(), media_type="application/json")
        if behaviour == "garbage":
            return Response("<html>not JSON", media_type="application/json")
        if behaviour == "secret" and request.headers.get("authorization") != "Bearer sesame":
            return JSONResponse({"error": {"message": "wrong key"}}, 401)
        if behaviour == "plain" and (unknown := body.keys() & {"top_k", "stop_token_ids"}):
            return JSONResponse({"detail": f"Unexpected fields in the request: {unknown}"}, 422)
        prompt = body["messages"][-1]["content"] if chat else body["prompt"]
        text = "x" * 10_000_000 if behaviour == "huge" else prompt.splitlines()[-1]
        for stop in body.get("stop") or ():
            before, found, _ = text.partition(stop)
            text = before + found * (behaviour == "plain")
        if body.get("stream"):
            cut = behaviour == "cut"
            return StreamingResponse(self._stream(text, chat, cut), media_type="text/event-stream")
        if behaviour == "hang":
            await asyncio.sleep(5)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(0.02)
        self.running -= 1
        count = 1 if behaviour == "plain" else body.get("n", 1)
        choices = [_choice(i, text, chat, body) for i in range(count)]
        usage = {"prompt_tokens": 10, "completion_tokens": 5 * count, "total_tokens": 10 + 5 * count}
        kind = "chat.completion" if chat else "text_completion"
        return JSONResponse(
            {
                "id": "a",
                "object": kind,
                "created": 0,
                "model": body["model"],
                "choices": choices,
                "usage": usage,
            }
        )

    async def _stream(self, text: str, chat: bool, cut: bool) -> AsyncIterator[bytes]:
        ended = False
        try:
            for letter in text:
                piece = {"delta": {"content": letter}} if chat else {"text": letter}
                yield _event([{"index": 0, "finish_reason": None, **piece}])
                await asyncio.sleep(0.01)
                if cut:
                    raise ConnectionResetError
            empty: dict[str, Any] = {"delta": {}} if chat else {"text": ""}
            yield _event([{"index": 0, "finish_reason": "stop", **empty}])
            yield _event(
                [], {"prompt_tokens": 10, "completion_tokens": len(text), "total_tokens": 10 + len(text)}
            )
            yield b"data: [DONE]\n\n"
            ended = True
        finally:
            if not ended:
                self.left.set()


def _choice(index: int, text: str, chat: bool, body: dict[str, Any]) -> dict[str, Any]:
    said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    told = {} if body["model"] == "plain" else {"stop_reason": (body.get("stop") or [None])[0]}
    probabilities: dict[str, Any] | None = None
    if body.get("logprobs") is not None and chat:
        probabilities = {"content": [{"token": "x", "logprob": -0.5, "top_logprobs": []}]}
    elif body.get("logprobs") is not None:
        probabilities = {"tokens": ["x"], "token_logprobs": [-0.5], "top_logprobs": None, "text_offset": [0]}
    return {
        "index": index,
        "finish_reason": "stop",
        **told,
        "logprobs": probabilities,
        **said,
    }


def _event(choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> bytes:
    data = {"id": "a", "object": "chunk", "created": 0, "model": "m", "choices": choices, "usage": usage}
    return b"data: " + orjson.dumps(data) + b"\n\n"
