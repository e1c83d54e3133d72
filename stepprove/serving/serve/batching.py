"""Continuous batching on the CPU or a GPU: a sequence joins the batch when it arrives and leaves when it ends.

transformers' server decodes requests one by one; its continuous batching (5.24) has one temperature for all sequences and no
stop strings. Here every sequence has its own sampling parameters, seed and stop strings. Rows are padded on the left, so all
grow at the same end; each row has its own positions.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from stepprove.serving.client.client import ModelFailure, ModelRefused
from stepprove.serving.serve.rows import DecoderBatch, Row
from stepprove.serving.serve.sampler import Generation, SamplingParams

MOST_ROWS = 32
"""Most rows of a batch on a CPU; further sequences wait."""

MOST_ROWS_ON_GPU = 256
"""Most rows on a GPU, where a step takes about as long for many rows as for few; short memory allows fewer."""

_CACHE_SHARE = 0.25
"""Share of a GPU's free memory for the KV cache of full rows, which is copied when a batch grows."""

FEW_PARAMETERS = 100_000_000
"""Up to this size one thread is as fast as several, and far faster beside Lean's processes."""


class Decoder:
    """A model and the thread that decodes its batch, on the device of its weights.

    `longest` is the most tokens of a sequence, `rows` the most rows of the batch.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any) -> None:
        self._model = model
        self._waiting: queue.SimpleQueue[Row] = queue.SimpleQueue()
        self._changing = threading.Lock()
        self._ends = _Ends(tokenizer)
        self.longest: int = model.config.get_text_config().max_position_embeddings
        self.rows = _most_rows(model, self.longest)
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def waiting(self) -> int:
        """Number of sequences that wait for a row."""
        return self._waiting.qsize()

    def add(self, sequence: Row) -> None:
        """Queue a sequence. Raises ValueError when its prompt does not fit the context."""
        if not 0 < len(sequence.prompt) < self.longest:
            raise ValueError(
                f"the prompt has {len(sequence.prompt)} tokens; this model takes 1 to {self.longest - 1}"
            )
        self._waiting.put(sequence)

    async def generate(self, ids: Sequence[int], params: SamplingParams) -> Generation:
        """Sample one continuation.

        Args:
            ids: the prompt's tokens.
            params: how to sample, and where to stop.

        Raises:
            ModelRefused: the prompt does not fit the context.
            ModelFailure: the model raised an exception.
        """
        loop = asyncio.get_running_loop()
        over = asyncio.Event()

        def notify(row: Row) -> None:
            if row.over:
                loop.call_soon_threadsafe(over.set)

        row = Row(tuple(ids), params, notify)
        try:
            self.add(row)
        except ValueError as wrong:
            raise ModelRefused(f"{wrong}.") from None
        try:
            await over.wait()
        finally:
            row.cancelled = True
        if row.failure is not None:
            raise ModelFailure(f"the model failed ({row.failure}).") from row.failure
        return Generation(tuple(row.tokens), tuple(row.logprobs), row.finish or "stop", row.stopped_by)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Replace the weights between two tokens; running rows keep their cache."""
        with self._changing:
            self._model.load_state_dict(weights)
            if self._model.device.type == "cuda":
                # Decoding runs on a stream of its own.
                torch.cuda.current_stream(self._model.device).synchronize()

    def _run(self) -> None:
        if sum(weight.numel() for weight in self._model.parameters()) <= FEW_PARAMETERS:
            torch.set_num_threads(1)
        batch = DecoderBatch(self._model)
        with torch.inference_mode(), _own_stream(self._model.device):
            while True:
                try:
                    self._turn(batch)
                except Exception as failure:  # an exception of the model must not end the thread
                    lost, batch = batch.rows, DecoderBatch(self._model)
                    for row in lost:
                        row.failure = failure
                        row.notify(row)

    def _turn(self, batch: DecoderBatch) -> None:
        """Decode one token: for the new rows if there are any, else for all."""
        batch.keep([not row.over for row in batch.rows])
        new = list(self._arrived(self.rows - len(batch.rows), wait=not batch.rows))
        with self._changing:
            if new:
                batch.join(new)
            else:
                batch.advance()
        for row in new or batch.rows:
            self._judge(row)
            row.notify(row)

    def _arrived(self, most: int, *, wait: bool) -> Iterator[Row]:
        for _ in range(most):
            try:
                sequence = self._waiting.get(block=wait)
            except queue.Empty:
                return
            if not sequence.cancelled:
                wait = False
                yield sequence

    def _judge(self, row: Row) -> None:
        """Set `finish` when the last token ends the row."""
        token, params = row.tokens[-1], row.params
        if token in params.end_tokens:
            row.finish, row.stopped_by = "stop", token
        elif (stop := self._ends.stop_string(row)) is not None:
            row.finish, row.stopped_by = "stop", stop
        elif len(row.tokens) >= params.max_tokens or len(row.prompt) + len(row.tokens) >= self.longest:
            row.finish = "length"


class _Ends:
    """Finds the stop string that a row's last token completes."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._could: dict[tuple[str, int], bool] = {}

    def stop_string(self, row: Row) -> str | None:
        """Return the first stop string in the text, or None."""
        stops, last = row.params.stop, row.tokens[-1]
        if not any(self._could_end(stop[-1], last) for stop in stops):
            return None
        reach = max(len(stop.encode()) for stop in stops) + 1  # a token has at least one byte
        tail = self._tokenizer.decode(row.tokens[-reach:])
        places = [(tail.find(stop), stop) for stop in stops if stop in tail]
        return min(places)[1] if places else None

    def _could_end(self, character: str, token: int) -> bool:
        """Return whether a token may end with this character; cached, because decoding is slow."""
        could = self._could.get((character, token))
        if could is None:
            # A token may hold just the last byte of a character; decoding may drop a blank before the first word.
            plain = character.isascii() and not character.isspace()
            could = not plain or character in self._tokenizer.decode([token])
            self._could[character, token] = could
        return could


def batchable(model: PreTrainedModel) -> bool:
    """Return whether a model's cache holds only keys and values, so that rows can be padded on the left."""
    layers = DynamicCache(config=model.config).layers
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


def _most_rows(model: PreTrainedModel, longest: int) -> int:
    if model.device.type != "cuda":
        return MOST_ROWS
    free, _ = torch.cuda.mem_get_info(model.device)
    return rows_within(_CACHE_SHARE * free, model.config.get_text_config(), longest, model.dtype.itemsize)


def rows_within(memory: float, config: Any, longest: int, bytes_per_value: int) -> int:
    """Count the rows whose KV cache fits in memory.

    Args:
        memory: bytes.
        config: the text model's configuration.
        longest: tokens of a row.
        bytes_per_value: of the cache.

    Returns:
        From 1 to MOST_ROWS_ON_GPU.
    """
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    row = 2 * config.num_hidden_layers * heads * width * bytes_per_value * longest
    return int(min(MOST_ROWS_ON_GPU, max(1, memory // row)))


def _own_stream(device: torch.device) -> AbstractContextManager[Any]:
    """A CUDA stream for decoding, so that tokens do not wait for training on the same GPU."""
    if device.type != "cuda":
        return nullcontext()
    return torch.cuda.stream(torch.cuda.Stream(device))  # type: ignore[no-untyped-call]
