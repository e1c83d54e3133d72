"""Continuous batching on the CPU or a GPU: a sequence joins the batch when it arrives and leaves when it ends.

transformers' server decodes requests one by one; its continuous batching (5.24) has one temperature for all sequences and no
stop strings. Here every sequence has its own sampling parameters, seed and stop strings. Rows are padded on the left, so all
grow at the same end; each row has its own positions.
"""

from __future__ import annotations

import asyncio
import queue
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import Cache, DynamicLayer, DynamicSlidingWindowLayer

from stepprove.serving.client.client import ModelFailure, ModelRefused
from stepprove.serving.step_moe.attention.cache import GrowingLayer

MOST_ROWS = 32
"""Most rows of a batch on a CPU; further sequences wait."""

MOST_ROWS_ON_GPU = 256
"""Most rows on a GPU, where a step takes about as long for many rows as for few; short memory allows fewer."""

_CACHE_SHARE = 0.25
"""Share of a GPU's free memory for the KV cache of full rows, which is copied when a batch grows."""

FEW_PARAMETERS = 100_000_000
"""Up to this size one thread is as fast as several, and far faster beside Lean's processes."""


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How to sample a sequence, and where to stop."""

    max_tokens: int
    temperature: float = 1.0
    """0: greedy decoding."""
    top_p: float = 1.0
    top_k: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    end_tokens: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Generation:
    """The tokens sampled after a prompt."""

    tokens: tuple[int, ...]
    """The sampled tokens, an end token included."""
    log_probs: tuple[float, ...]
    """Each token's log-probability under the model, at temperature 1, without top-p or top-k."""
    finish: str
    """`stop` or `length`."""
    stopped_by: str | int | None = None
    """The stop string, or the end token."""


class Sampler(Protocol):
    """Samples from a model whose weights can be replaced: a Decoder, or a model on other machines."""

    @property
    def longest(self) -> int:
        """The most tokens of a text, prompt included."""

    async def generate(self, ids: Sequence[int], params: SamplingParams) -> Generation:
        """Sample one continuation.

        Args:
            ids: the prompt's tokens.
            params: how to sample, and where to stop.

        Raises:
            ModelRefused: the prompt does not fit the context.
            ModelFailure: the model failed.
        """

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Replace the weights. Raises ModelFailure, OSError."""


@dataclass(eq=False, slots=True)
class Row:
    """A row of a batch: a prompt and the tokens sampled after it."""

    prompt: Sequence[int]
    params: SamplingParams
    notify: Callable[[Row], None]
    """Called in the decoding thread after every token, and once more when `failure` is set."""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    """The tokens' log-probabilities under the model, at temperature 1, without top-p or top-k."""
    finish: str | None = None
    """`stop` or `length` at the end."""
    stopped_by: str | int | None = None
    """The stop string, or the end token among `params.end_tokens`."""
    failure: Exception | None = None
    cancelled: bool = False
    """Set by the caller to give the row up; it leaves the batch at the next token."""
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.params.seed)

    @property
    def over(self) -> bool:
        """Whether the row takes no more tokens."""
        return self.finish is not None or self.failure is not None or self.cancelled


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
        batch = _Batch(self._model)
        with torch.inference_mode(), _own_stream(self._model.device):
            while True:
                try:
                    self._turn(batch)
                except Exception as failure:  # an exception of the model must not end the thread
                    lost, batch = batch.rows, _Batch(self._model)
                    for row in lost:
                        row.failure = failure
                        row.notify(row)

    def _turn(self, batch: _Batch) -> None:
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


class _Batch:
    """Rows with their KV cache; `_mask` is 1 for tokens and 0 for the padding left of them."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.rows: list[Row] = []
        self._model = model
        self._cache = _cache()
        self._device = model.device
        self._mask = torch.zeros(0, 0, dtype=torch.long, device=self._device)

    def keep(self, wanted: list[bool]) -> None:
        """Keep the wanted rows, and drop padding that all of them share."""
        if all(wanted):
            return
        self.rows = [row for row, kept in zip(self.rows, wanted, strict=True) if kept]
        kept_rows = torch.tensor(wanted, device=self._device)
        self._mask = self._mask[kept_rows]
        padding = int((self._mask.shape[1] - self._mask.sum(1)).min()) if self.rows else self._mask.shape[1]
        self._mask = self._mask[:, padding:]
        for layer in _layers(self._cache):
            layer.keys = layer.keys[kept_rows, :, padding:]
            layer.values = layer.values[kept_rows, :, padding:]

    def join(self, new: list[Row]) -> None:
        """Add rows: run their prompts and sample each row's first token."""
        width = max(len(row.prompt) for row in new)
        ids = self._tensor([[0] * (width - len(row.prompt)) + list(row.prompt) for row in new])
        mask = self._tensor([[0] * (width - len(row.prompt)) + [1] * len(row.prompt) for row in new])
        cache = _cache()
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        old, self.rows = self.rows, self.rows + new
        self._draw(new, ids, mask, positions, cache)
        if not old:
            self._cache, self._mask = cache, mask
            return
        self._mask = _stacked(self._mask, mask, 1)
        for mine, theirs in zip(_layers(self._cache), _layers(cache), strict=True):
            mine.keys = _stacked(mine.keys, theirs.keys, 2)
            mine.values = _stacked(mine.values, theirs.values, 2)

    def advance(self) -> None:
        """Sample the next token of every row."""
        ids = self._tensor([[row.tokens[-1]] for row in self.rows])
        positions = self._mask.sum(1, keepdim=True)
        self._mask = torch.cat([self._mask, torch.ones_like(ids)], 1)
        self._draw(self.rows, ids, self._mask, positions, self._cache)

    def _tensor(self, values: list[list[int]]) -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=self._device)

    def _draw(self, rows: list[Row], ids: Tensor, mask: Tensor, positions: Tensor, cache: Cache) -> None:
        logits = self._model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            cache=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        tokens = draw_tokens(logits, [row.params for row in rows], [row.chance.random() for row in rows])
        logprobs = logits.float().log_softmax(-1).gather(1, tokens[:, None])[:, 0]
        for row, token, logprob in zip(rows, tokens.tolist(), logprobs.tolist(), strict=True):
            row.tokens.append(token)
            row.logprobs.append(logprob)


def batchable(model: PreTrainedModel) -> bool:
    """Return whether a model's cache holds only keys and values, so that rows can be padded on the left."""
    layers = DynamicCache(config=model.config).layers
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


def draw_tokens(logits: Tensor, rows: Sequence[SamplingParams], chances: Sequence[float]) -> Tensor:
    """Sample a token for each row by inverting its distribution.

    Args:
        logits: (rows, vocabulary).
        rows: each row's sampling parameters.
        chances: a uniform number from [0, 1) for each row.

    Returns:
        Token ids, (rows,).
    """
    where = logits.device
    scale = torch.tensor([row.temperature or 1.0 for row in rows], device=where)
    scaled = logits.double() / scale[:, None]
    order = None
    if any(row.top_p < 1 or row.top_k for row in rows):
        scaled, order = scaled.sort(dim=-1, descending=True)
    mass = scaled.softmax(-1)
    if order is not None:
        places = torch.arange(mass.shape[1], device=where)
        most = torch.tensor([row.top_k or mass.shape[1] for row in rows], device=where)
        mass = mass.masked_fill(places >= most[:, None], 0.0)
        share = torch.tensor([row.top_p for row in rows], dtype=mass.dtype, device=where)[:, None]
        before = mass.cumsum(-1) - mass
        mass = mass.masked_fill((before >= share * mass.sum(-1, keepdim=True)) & (places > 0), 0.0)
    heights = mass.cumsum(-1)
    chosen = torch.tensor(chances, dtype=mass.dtype, device=where)[:, None] * heights[:, -1:]
    tokens = torch.searchsorted(heights, chosen, right=True).clamp(max=mass.shape[1] - 1)
    if order is not None:
        tokens = order.gather(1, tokens)
    greedy = torch.tensor([row.temperature == 0 for row in rows], device=where)
    return torch.where(greedy, logits.argmax(-1), tokens[:, 0])


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


def _cache() -> Cache:
    """An empty cache that keeps all tokens in every layer; the masks apply the windows."""
    return Cache(layer_class_to_replicate=GrowingLayer)


def _layers(cache: Cache) -> Any:
    """The cache's layers, each with `keys` and `values` (rows, heads, tokens, width)."""
    return cache.layers


def _stacked(top: Tensor, bottom: Tensor, along: int) -> Tensor:
    """Concatenate two batches; pad the narrower one on the left of dimension `along`."""
    width = max(top.shape[along], bottom.shape[along])
    return torch.cat([_widened(top, width, along), _widened(bottom, width, along)])


def _widened(tensor: Tensor, width: int, along: int) -> Tensor:
    missing = width - tensor.shape[along]
    if not missing:
        return tensor
    shape = list(tensor.shape)
    shape[along] = missing
    return torch.cat([tensor.new_zeros(shape), tensor], along)
