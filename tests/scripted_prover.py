"""An OpenAI-compatible server that plays provers: what a model's name says in each of its turns is written down beforehand.

A turn's text is told from the request alone: after the n-th `</REPL>` of a prompt, or the n-th answer of a chat, comes the n-th
text (the last one again and again). It is cut at stop strings, and at `max_tokens` of four characters each, as a real server
would. Before its first answers a model may be `busy` (429) or `drop` the connection; it may be `slow`, or send what is no JSON.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from openai_server import OpenAiServer, dropped


@dataclass(frozen=True)
class Part:
    """What a model plays."""

    turns: tuple[str, ...]
    busy: int = 0
    """Answer 429 so many times first."""
    drop: int = 0
    """Close the connection in the middle of so many answers first."""
    slow: float = 0.0
    """Seconds before each answer."""
    garbage: bool = False
    context: int = 0
    """What it says is the length of its context; longer requests are refused. 0: it says nothing, and takes all."""
    limit: int = 0
    """Likewise, unsaid."""
    tells: bool = True
    """Say what an answer stopped at, as vLLM does."""


class ScriptedProver(OpenAiServer):
    """The server and what its models play."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self.scripts: dict[str, Callable[[dict[str, Any]], tuple[str, float]]] = {}
        """For models whose text, and the seconds before it, hang on more of the request than the turn."""
        self.left: list[float] = []
        """When clients went away without waiting for their answer."""
        super().__init__()

    def play(self, name: str, turns: Sequence[str] = ("",), **how: Any) -> str:
        """Let a model play a part; returns its form for `--model`."""
        self.parts[name] = Part(tuple(turns), **how)
        return f"{self.url}#{name}"

    def models(self) -> list[dict[str, Any]]:
        """Those that play a part."""
        return [
            {"id": name, **({"max_model_len": part.context} if part.context else {})}
            for name, part in self.parts.items()
        ]

    async def answer(self, request: Request, body: dict[str, Any], *, chat: bool) -> Response:
        """What the model's part has for this turn."""
        name = body["model"]
        part = self.parts[name]
        if self.count[name] <= part.busy:
            return JSONResponse({"error": {"message": "busy"}}, 429, {"Retry-After": "0"})
        if self.count[name] <= part.drop:
            return StreamingResponse(dropped(), media_type="application/json")
        longest = part.context or part.limit
        if longest and len(body.get("prompt", "")) // 4 + _asked_for(body, part) > longest:
            return JSONResponse({"error": {"message": f"this model takes {longest} tokens"}}, 400)
        if part.garbage:
            return Response('{"choices": [{"text": ', media_type="application/json")
        if name in self.scripts:
            text, slow = self.scripts[name](body)
            part = replace(part, turns=(text,), slow=slow)
        for _ in range(round(part.slow / 0.05)):
            await asyncio.sleep(0.05)
            if await request.is_disconnected():
                self.left.append(time.monotonic())
                return Response()
        turn = _turn_of(body, chat)
        choices = [_choice(part, i, turn, chat, body) for i in range(body.get("n", 1))]
        prompt = str(body["messages"]) if chat else body["prompt"]
        written = sum(choice.pop("_tokens") for choice in choices)
        usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": written}
        return JSONResponse(
            {
                "id": "a",
                "object": "chat.completion" if chat else "text_completion",
                "created": 0,
                "model": name,
                "choices": choices,
                "usage": usage | {"total_tokens": sum(usage.values())},
            }
        )


def _asked_for(body: dict[str, Any], part: Part) -> int:
    """The tokens that are asked for, where the server counts them: vLLM does."""
    return int(body.get("max_tokens", 0)) if part.context else 0


def _turn_of(body: Any, chat: bool) -> int:
    if chat:
        return sum(message["role"] == "assistant" for message in body["messages"])
    return body["prompt"].count("\n</REPL>")


def _choice(part: Part, index: int, turn: int, chat: bool, body: dict[str, Any]) -> dict[str, Any]:
    text = part.turns[min(turn, len(part.turns) - 1)]
    finish, reason = "stop", None
    for stop in body.get("stop") or ():
        if stop in text:
            text, reason = text.partition(stop)[0], stop
    most = 4 * body.get("max_tokens", 10**9)
    if len(text) > most:
        text, finish, reason = text[:most], "length", None
    said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    told = {"stop_reason": reason} if part.tells else {}
    return {
        "index": index,
        "finish_reason": finish,
        "logprobs": None,
        **told,
        **said,
        "_tokens": len(text) // 4 + 1,
    }
