"""What runs in the child of `cpu.py`: the app of transformers' `serve` with requests that are decoded together.

Loading, routes and errors are transformers'. A request may have vLLM's fields too (`n`, `logprobs`, `top_k`, `stop_token_ids`,
`include_stop_str_in_output`, `return_token_ids`), and the answer has its `stop_reason`. A client that leaves takes its requests
with it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import torch
import transformers
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from jinja2 import TemplateError
from transformers import AutoModelForCausalLM
from transformers.cli.serving.chat_completion import ChatCompletionHandler
from transformers.cli.serving.completion import CompletionHandler
from transformers.cli.serving.model_manager import ModelManager
from transformers.cli.serving.response import ResponseHandler
from transformers.cli.serving.server import build_server
from transformers.cli.serving.systemone import SystemOneHandler
from transformers.cli.serving.transcription import TranscriptionHandler
from transformers.cli.serving.utils import BaseHandler, GenerationState

from stepprove.http_server.bodies import Limits
from stepprove.http_server.connections import server_config
from stepprove.http_server.guard import guarded
from stepprove.http_server.hosts import Hosts, hosts_for
from stepprove.http_server.refusal import App, Message, Receive, Send
from stepprove.serving.serve.batching import Decoder, Row, SamplingParams, batchable
from stepprove.serving.serve.cpu import KEY_VARIABLE
from stepprove.serving.serve.cpu_request import (
    BadRequest,
    look_at,
    messages_of,
    prompt_of,
    sampling_params_of,
)
from stepprove.serving.step_moe import StepMoeForCausalLM

_GRACE_SECONDS = 1

LONG = 32_768
"""Tokens of context of a model that does not say."""
MOST_WAITING = 10_000
"""Samples that may wait; more are refused with 503."""
_PATHS = ("/v1/completions", "/v1/chat/completions", "/v1/models", "/health")


class Batched(BaseHandler):
    """Answers requests for one model with a Decoder."""

    def __init__(self, decoder: Decoder, *, chat: bool, **parts: Any) -> None:
        super().__init__(**parts)
        self._decoder = decoder
        self._chat = chat

    async def handle_request(self, body: dict[str, Any], request_id: str) -> StreamingResponse | JSONResponse:
        """Answer one request for a completion or a chat."""
        with told_bad_request():
            look_at(body)
        name, model, processor = self._resolve_model(body)
        tokenizer: Any = processor
        ends = _numbers(model.generation_config.eos_token_id) | _numbers(tokenizer.eos_token_id)
        with told_bad_request():
            samples = sampling_params_of(body, ends)
            prompt = self._prompt(body, model, tokenizer)
            answers = [_Answer(prompt, params, tokenizer, body) for params in samples]
            if self._decoder.waiting + len(answers) > MOST_WAITING:
                busy = f"{self._decoder.waiting} samples wait already: try again later."
                raise HTTPException(status_code=503, detail=busy, headers={"Retry-After": "5"})
            for answer in answers:
                self._decoder.add(answer.row)
        head = {"id": request_id, "created": int(time.time()), "model": body.get("model", name)}
        if body.get("stream"):
            return StreamingResponse(self._events(answers[0], head), media_type="text/event-stream")
        try:
            for answer in answers:
                await answer.ended()
        except BaseException:
            for answer in answers:
                answer.row.cancelled = True
            raise
        choices = [answer.choice(index, self._chat) for index, answer in enumerate(answers)]
        kind = "chat.completion" if self._chat else "text_completion"
        return JSONResponse({**head, "object": kind, "choices": choices, "usage": _usage(answers)})

    def _prompt(self, body: dict[str, Any], model: Any, tokenizer: Any) -> list[int]:
        longest = self._decoder.longest
        if self._chat:
            messages = messages_of(body, longest)
            try:
                ids: list[int] = tokenizer.apply_chat_template(
                    messages, add_generation_prompt=True, tokenize=True, return_dict=False
                )
            except (TemplateError, TypeError) as wrong:
                said = ascii(str(wrong)[:200])
                raise BadRequest(f"the model's template does not take these messages: {said}") from None
            return ids
        prompt = prompt_of(body, longest, model.get_input_embeddings().num_embeddings)
        return prompt if isinstance(prompt, list) else list(tokenizer(prompt).input_ids)

    async def _events(self, answer: _Answer, head: dict[str, Any]) -> AsyncIterator[bytes]:
        head = {**head, "object": "chat.completion.chunk" if self._chat else "text_completion"}
        try:
            sent = 0
            async for text in answer.growing():
                if len(text) > sent:
                    yield _event({**head, "choices": [_piece(text[sent:], None, self._chat)]})
                    sent = len(text)
            yield _event({**head, "choices": [_piece("", answer.row.finish, self._chat)]})
            yield _event({**head, "choices": [], "usage": _usage([answer])})
            yield b"data: [DONE]\n\n"
        finally:
            answer.row.cancelled = True


class OneByOne:
    """Answers requests one after the other with a handler of transformers', for models of which rows cannot be padded."""

    def __init__(self, handler: Any, model: Any, *, chat: bool) -> None:
        self._handler, self._chat = handler, chat
        self._longest: int = getattr(model.config.get_text_config(), "max_position_embeddings", LONG)
        self._vocabulary: int = model.get_input_embeddings().num_embeddings

    async def handle_request(self, body: dict[str, Any], request_id: str) -> StreamingResponse | JSONResponse:
        """Answer one request for a completion or a chat."""
        with told_bad_request():
            look_at(body)
            sampling_params_of(body, frozenset())
            if self._chat:
                messages_of(body, self._longest)
            else:
                prompt_of(body, self._longest, self._vocabulary)
        answer: StreamingResponse | JSONResponse = await self._handler.handle_request(body, request_id)
        return answer


@contextmanager
def told_bad_request() -> Iterator[None]:
    """Tell a client in one sentence what cannot be done."""
    try:
        yield
    except ValueError as wrong:
        raise HTTPException(status_code=400, detail=f"{wrong}.") from None


class _Answer:
    """One sample on its way."""

    def __init__(
        self, prompt: list[int], params: SamplingParams, tokenizer: Any, body: dict[str, Any]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._tokenizer = tokenizer
        self._keeps_stop = bool(body.get("include_stop_str_in_output"))
        self._tells_ids = bool(body.get("return_token_ids"))
        self._logprobs = body.get("logprobs") is not None and body["logprobs"] is not False
        self._streams = bool(body.get("stream"))
        self._withheld = max((len(stop) for stop in params.stop), default=0)
        self.row = Row(prompt, params, self._told)

    def _told(self, row: Row) -> None:
        if row.over or self._streams:
            self._loop.call_soon_threadsafe(self._news.set)

    async def ended(self) -> None:
        """Wait for the end. Raises what the model raised."""
        while not self.row.over:
            await self._news.wait()
            self._news.clear()
        if self.row.failure is not None:
            raise self.row.failure

    async def growing(self) -> AsyncIterator[str]:
        """The text so far, again and again; what may become a stop string or half a letter is withheld until it is clear."""
        while not self.row.over:
            await self._news.wait()
            self._news.clear()
            text = self._decoded(list(self.row.tokens))
            yield text[: len(text) - self._withheld].rstrip("�")
        await self.ended()
        yield self.text()

    def text(self) -> str:
        """The whole text, cut where a stop string ended it."""
        row = self.row
        tokens = row.tokens
        if isinstance(row.stopped_by, int) and not self._keeps_stop:
            tokens = tokens[:-1]
        text = self._decoded(tokens)
        if isinstance(row.stopped_by, str):
            place = text.rfind(row.stopped_by)
            text = text[: place + len(row.stopped_by) * self._keeps_stop]
        return text

    def choice(self, index: int, chat: bool) -> dict[str, Any]:
        """The sample as the API has it."""
        row = self.row
        said = {"message": {"role": "assistant", "content": self.text()}} if chat else {"text": self.text()}
        return {
            "index": index,
            "finish_reason": row.finish,
            "stop_reason": row.stopped_by,
            "logprobs": self._told_logprobs(chat) if self._logprobs else None,
            **({"token_ids": row.tokens} if self._tells_ids else {}),
            **said,
        }

    def _told_logprobs(self, chat: bool) -> dict[str, Any]:
        pieces = [self._tokenizer.decode([token]) for token in self.row.tokens]
        if not chat:
            return {"tokens": pieces, "token_logprobs": self.row.logprobs}
        told = zip(pieces, self.row.logprobs, strict=True)
        return {"content": [{"token": piece, "logprob": value, "top_logprobs": []} for piece, value in told]}

    def _decoded(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return text


def _numbers(tokens: int | list[int] | None) -> frozenset[int]:
    return frozenset(() if tokens is None else [tokens] if isinstance(tokens, int) else tokens)


def _usage(answers: list[_Answer]) -> dict[str, int]:
    read = len(answers[0].row.prompt)
    written = sum(len(answer.row.tokens) for answer in answers)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _piece(text: str, finish: str | None, chat: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"delta": {"content": text}} if chat else {"text": text}
    return {"index": 0, "finish_reason": finish, "logprobs": None, **said}


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


def without_the_gone(app: App) -> App:
    """The app with requests that are cancelled when their client leaves."""

    async def outer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        parts: asyncio.Queue[Message] = asyncio.Queue()
        answering = asyncio.ensure_future(app(scope, parts.get, send))
        reading = asyncio.ensure_future(_read(receive, parts))
        try:
            await asyncio.wait({answering, reading}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                answering.cancel()
            await asyncio.gather(answering, return_exceptions=answering.cancelling() > 0)
        finally:
            reading.cancel()
            answering.cancel()

    return outer


async def _read(receive: Receive, parts: asyncio.Queue[Message]) -> None:
    """Pass on what a client sends, until it leaves."""
    while (message := await receive())["type"] != "http.disconnect":
        parts.put_nowait(message)
    parts.put_nowait(message)


def build(model: str) -> App:
    """The app that serves one model: a folder, or an id on the hub."""
    setattr(transformers, StepMoeForCausalLM.__name__, StepMoeForCausalLM)  # where `serve` looks for classes
    manager = ModelManager(device="cpu", force_model=model)
    state = GenerationState()
    parts: dict[str, Any] = {"model_manager": manager, "generation_state": state}
    loaded, tokenizer = manager.load_model_and_processor(manager.process_model_name(model))
    chat: Any
    completion: Any
    if batchable(loaded):
        decoder = Decoder(loaded, tokenizer)
        chat = Batched(decoder, chat=True, **parts)
        completion = Batched(decoder, chat=False, **parts)
    else:
        chat = OneByOne(ChatCompletionHandler(**parts), loaded, chat=True)
        completion = OneByOne(CompletionHandler(**parts), loaded, chat=False)
    app = build_server(
        manager,
        chat,
        completion_handler=completion,
        response_handler=ResponseHandler(**parts),
        transcription_handler=TranscriptionHandler(manager, state),
        systemone_handler=SystemOneHandler(**parts),
        generation_state=state,
    )
    # The others load whatever model a client names, or forget the one that is here.
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) in _PATHS]
    if os.environ.get("VLLM_SERVER_DEV_MODE") == "1" and batchable(loaded):
        _take_weights(app, decoder)
    return without_the_gone(app)


def _take_weights(app: FastAPI, decoder: Decoder) -> None:
    """vLLM's routes by which reinforcement learning replaces weights: they let who can ask read any folder as a model."""

    @app.post("/collective_rpc")
    async def collective_rpc(request: Request) -> JSONResponse:
        """Read weights from a folder."""
        body = await request.json()
        if body.get("method") != "reload_weights":
            raise HTTPException(status_code=400, detail="only reload_weights is known here.")
        try:
            new = AutoModelForCausalLM.from_pretrained(body["kwargs"]["weights_path"], dtype=torch.float32)
            decoder.load(new.state_dict())
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as wrong:
            raise HTTPException(status_code=400, detail=f"the weights cannot be read ({wrong}).") from None
        return JSONResponse({"results": [None]})

    @app.post("/reset_prefix_cache")
    async def reset_prefix_cache() -> JSONResponse:
        """There is none."""
        return JSONResponse({})


def main(model: str, hosts: Hosts, key: str | None) -> None:
    """Be the server of a model, on the socket that is stdin."""
    name = model
    if Path(model).is_dir():
        name = Path(model).resolve().name
        os.chdir(Path(model).resolve().parent)
    listening = socket.socket(fileno=os.dup(0))
    limits = Limits()
    app = guarded(build(name), hosts=hosts, key=key, limits=limits, open_paths=("/health",))
    config = server_config(app, limits, timeout_graceful_shutdown=_GRACE_SECONDS, lifespan="off")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1], hosts_for(sys.argv[2], sys.argv[3:]), os.environ.pop(KEY_VARIABLE, None) or None)
