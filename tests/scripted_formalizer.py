"""An OpenAI-compatible server that plays formalizers: its answers to each problem, and what follows them, are written down."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from openai_server import OpenAiServer


class ScriptedFormalizer(OpenAiServer):
    """`play` gives a model its answers: the samples of a first question, and by the answer before, its mended form."""

    def __init__(self) -> None:
        self.samples: dict[str, Sequence[str]] = {}
        self.logprobs: dict[str, Sequence[float]] = {}
        self.mended: dict[str, str] = {}
        super().__init__()

    def play(self, name: str, samples: Sequence[str], logprobs: Sequence[float] = ()) -> str:
        """Let a model give these answers to a first question, again and again; returns its form for `--model`."""
        self.samples[name], self.logprobs[name] = samples, logprobs
        return f"{self.url}#{name}"

    def models(self) -> list[dict[str, Any]]:
        return [{"id": name} for name in self.samples]

    async def answer(self, request: Request, body: dict[str, Any], *, chat: bool) -> Response:
        name, turns = body["model"], body["messages"]
        if turns[-1]["content"].startswith("Lean does not accept"):
            texts = [self.mended.get(turns[-2]["content"], turns[-2]["content"])]
        else:
            texts = list(itertools.islice(itertools.cycle(self.samples[name]), body.get("n", 1)))
        chances = self.logprobs[name] or [-1.0] * len(texts)
        choices = [
            {
                "index": place,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
                "logprobs": {
                    "content": [{"token": "x", "logprob": chance, "bytes": None, "top_logprobs": []}]
                },
            }
            for place, (text, chance) in enumerate(zip(texts, itertools.cycle(chances), strict=False))
        ]
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        answer = {"id": "a", "object": "chat.completion", "created": 0, "model": name}
        return JSONResponse({**answer, "choices": choices, "usage": usage})
