"""The server process that `cpu.py` starts: transformers' `serve` with continuous batching.

transformers loads the model and provides routes and errors. Requests may also have vLLM's fields (`n`, `logprobs`, `top_k`,
`stop_token_ids`, `include_stop_str_in_output`, `return_token_ids`); answers have its `stop_reason`. A client that disconnects
cancels its requests.
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
from stepprove.serving.serve.batching import Decoder, batchable
from stepprove.serving.serve.cpu import KEY_VARIABLE
from stepprove.serving.serve.cpu_request import (
    BadRequest,
    check_common_fields,
    messages_of,
    prompt_of,
    sampling_params_of,
)
from stepprove.serving.serve.rows import Row
from stepprove.serving.serve.sampler import SamplingParams
from stepprove.serving.step_moe import StepMoeForCausalLM

_GRACE_SECONDS = 1

LONG = 32_768
"""Context, in tokens, of a model whose configuration has none."""
MOST_WAITING = 10_000
"""Most waiting samples; the server refuses further ones with 503."""
_PATHS = ("/v1/completions", "/v1/chat/completions", "/v1/models", "/health")


class Batched(BaseHandler):
    """Answers requests in one batch, with a Decoder."""

    def __init__(self, decoder: Decoder, *, chat: bool, **parts: Any) -> None:
        super().__init__(**parts)
        self._decoder = decoder
        self._chat = chat

    async def handle_request(self, body: dict[str, Any], request_id: str) -> StreamingResponse | JSONResponse:
        """Answer a request for a completion or a chat."""
        with bad_request_as_400():
            check_common_fields(body)
        name, model, processor = self._resolve_model(body)
        tokenizer: Any = processor
        ends = _numbers(model.generation_config.eos_token_id) | _numbers(tokenizer.eos_token_id)
        with bad_request_as_400():
            samples = sampling_params_of(body, ends)
            prompt = self._prompt(body, model, tokenizer)
            answers = [_Completion(prompt, params, tokenizer, body) for params in samples]
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
                reason = ascii(str(wrong)[:200])
                raise BadRequest(f"the model's template does not take these messages: {reason}") from None
            return ids
        prompt = prompt_of(body, longest, model.get_input_embeddings().num_embeddings)
        return prompt if isinstance(prompt, list) else list(tokenizer(prompt).input_ids)

    async def _events(self, answer: _Completion, head: dict[str, Any]) -> AsyncIterator[bytes]:
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
    """Answers requests one by one with transformers' handler, for models that cannot be batched."""

    def __init__(self, handler: Any, model: Any, *, chat: bool) -> None:
        self._handler, self._chat = handler, chat
        self._longest: int = getattr(model.config.get_text_config(), "max_position_embeddings", LONG)
        self._vocabulary: int = model.get_input_embeddings().num_embeddings

    async def handle_request(self, body: dict[str, Any], request_id: str) -> StreamingResponse | JSONResponse:
        """Answer a request for a completion or a chat."""
        with bad_request_as_400():
            check_common_fields(body)
            sampling_params_of(body, frozenset())
            if self._chat:
                messages_of(body, self._longest)
            else:
                prompt_of(body, self._longest, self._vocabulary)
        answer: StreamingResponse | JSONResponse = await self._handler.handle_request(body, request_id)
        return answer


@contextmanager
def bad_request_as_400() -> Iterator[None]:
    """Turn a ValueError into status 400 with its sentence."""
    try:
        yield
    except ValueError as wrong:
        raise HTTPException(status_code=400, detail=f"{wrong}.") from None


class _Completion:
    """One sample of a request."""

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
        self.row = Row(prompt, params, self._notify)

    def _notify(self, row: Row) -> None:
        if row.over or self._streams:
            self._loop.call_soon_threadsafe(self._news.set)

    async def ended(self) -> None:
        """Wait for the end of the sample. Raises the model's exception."""
        while not self.row.over:
            await self._news.wait()
            self._news.clear()
        if self.row.failure is not None:
            raise self.row.failure

    async def growing(self) -> AsyncIterator[str]:
        """Yield the text so far after each token, without a tail that may become a stop string or half a character."""
        while not self.row.over:
            await self._news.wait()
            self._news.clear()
            text = self._decoded(list(self.row.tokens))
            yield text[: len(text) - self._withheld].rstrip("�")
        await self.ended()
        yield self.text()

    def text(self) -> str:
        """Return the whole text, cut at the stop string."""
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
        """Return the sample as a `choice` of the API."""
        row = self.row
        content = (
            {"message": {"role": "assistant", "content": self.text()}} if chat else {"text": self.text()}
        )
        return {
            "index": index,
            "finish_reason": row.finish,
            "stop_reason": row.stopped_by,
            "logprobs": self._logprobs_field(chat) if self._logprobs else None,
            **({"token_ids": row.tokens} if self._tells_ids else {}),
            **content,
        }

    def _logprobs_field(self, chat: bool) -> dict[str, Any]:
        pieces = [self._tokenizer.decode([token]) for token in self.row.tokens]
        if not chat:
            return {"tokens": pieces, "token_logprobs": self.row.logprobs}
        pairs = zip(pieces, self.row.logprobs, strict=True)
        return {"content": [{"token": piece, "logprob": value, "top_logprobs": []} for piece, value in pairs]}

    def _decoded(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return text


def _numbers(tokens: int | list[int] | None) -> frozenset[int]:
    return frozenset(() if tokens is None else [tokens] if isinstance(tokens, int) else tokens)


def _usage(answers: list[_Completion]) -> dict[str, int]:
    read = len(answers[0].row.prompt)
    written = sum(len(answer.row.tokens) for answer in answers)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _piece(text: str, finish: str | None, chat: bool) -> dict[str, Any]:
    content: dict[str, Any] = {"delta": {"content": text}} if chat else {"text": text}
    return {"index": 0, "finish_reason": finish, "logprobs": None, **content}


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


def cancelling_on_disconnect(app: App) -> App:
    """Wrap an app so that a client's disconnect cancels its request."""

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
    """Forward the client's messages until it disconnects."""
    while (message := await receive())["type"] != "http.disconnect":
        parts.put_nowait(message)
    parts.put_nowait(message)


def build(model: str) -> App:
    """Build the app for one model: a folder, or a name on the hub."""
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
    # The other routes let clients load any model, or unload this one.
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) in _PATHS]
    if os.environ.get("VLLM_SERVER_DEV_MODE") == "1" and batchable(loaded):
        _take_weights(app, decoder)
    return cancelling_on_disconnect(app)


def _take_weights(app: FastAPI, decoder: Decoder) -> None:
    """Add vLLM's routes that replace weights; they let every client read any folder as a model."""

    @app.post("/collective_rpc")
    async def collective_rpc(request: Request) -> JSONResponse:
        """Reload the weights from a folder."""
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
        """Do nothing: this server has no prefix cache."""
        return JSONResponse({})


def main(model: str, hosts: Hosts, key: str | None) -> None:
    """Serve a model on the listening socket that is stdin."""
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
