"""Decoding many sequences together, on the CPU or a GPU, each joining when it comes and leaving when it ends.

transformers' server decodes one request after the other with `generate`; with its continuous batching (5.24) it has one
temperature for all and no stop strings. Here every sequence has sampling, seed and stop strings of its own. Rows of a batch
are padded on the left, so that all of them grow at the same end; each has its own positions.
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
from stepprove.serving.step_moe.cache import GrowingLayer

MOST_ROWS = 32
"""Sequences at any time on a CPU; more wait."""

MOST_ROWS_ON_GPU = 256
"""There a step takes about as long for many rows as for few; fewer where the memory is short."""

_CACHE_SHARE = 0.25
"""Of a GPU's free memory, what the keys and values of full rows may take: they are copied when a batch grows."""

FEW_PARAMETERS = 100_000_000
"""Up to here one thread is as fast as several, and far faster where the machine has other work (Lean's)."""


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How a sequence is sampled, and where it ends."""

    max_tokens: int
    temperature: float = 1.0
    """0: the likeliest token."""
    top_p: float = 1.0
    top_k: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    end_tokens: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Generation:
    """What was drawn after a text of tokens."""

    tokens: tuple[int, ...]
    """With those that ended it."""
    log_probs: tuple[float, ...]
    """Of each under the model itself, at temperature 1 and uncut."""
    finish: str
    """`stop` or `length`."""
    stopped_by: str | int | None = None
    """The stop string, or the end token."""


class Sampler(Protocol):
    """Whoever continues texts of tokens, and takes new weights: a Decoder, or a model on other machines."""

    @property
    def longest(self) -> int:
        """The most tokens of a text."""

    async def generate(self, ids: Sequence[int], params: SamplingParams) -> Generation:
        """Continue a text. Raises ModelRefused when it does not fit into the context, and ModelFailure."""

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Go on with other weights. Raises ModelFailure, OSError."""


@dataclass(eq=False, slots=True)
class Row:
    """A prompt and what has been written after it: a row of a batch."""

    prompt: Sequence[int]
    params: SamplingParams
    told: Callable[[Row], None]
    """Called in the decoding thread after every token, and once more when `failure` is set."""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    """Of the tokens under the model itself, at temperature 1 and uncut."""
    finish: str | None = None
    """`stop` or `length` at the end."""
    stopped_by: str | int | None = None
    """The stop string, or the end token among `params.end_tokens`."""
    failure: Exception | None = None
    cancelled: bool = False
    """To be set by who no longer wants it; it leaves at the next token."""
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.params.seed)

    @property
    def over(self) -> bool:
        """It takes no more tokens."""
        return self.finish is not None or self.failure is not None or self.cancelled


class Decoder:
    """A model with the thread that decodes for it, where its weights are.

    `longest` is the most tokens of a sequence, `rows` the most sequences at any time.
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
        """How many sequences wait for a row."""
        return self._waiting.qsize()

    def add(self, sequence: Row) -> None:
        """Let a sequence be decoded. Raises ValueError when it does not fit into the model's context."""
        if not 0 < len(sequence.prompt) < self.longest:
            raise ValueError(
                f"the prompt has {len(sequence.prompt)} tokens; this model takes 1 to {self.longest - 1}"
            )
        self._waiting.put(sequence)

    async def generate(self, ids: Sequence[int], params: SamplingParams) -> Generation:
        """Continue a text. Raises ModelRefused when it does not fit into the context, ModelFailure for what the model raises."""
        loop = asyncio.get_running_loop()
        over = asyncio.Event()

        def told(row: Row) -> None:
            if row.over:
                loop.call_soon_threadsafe(over.set)

        row = Row(tuple(ids), params, told)
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
        """Go on with other weights, between two tokens; rows under way keep what they have read."""
        with self._changing:
            self._model.load_state_dict(weights)
            if self._model.device.type == "cuda":
                torch.cuda.current_stream(
                    self._model.device
                ).synchronize()  # decoding has a stream of its own

    def _run(self) -> None:
        if sum(weight.numel() for weight in self._model.parameters()) <= FEW_PARAMETERS:
            torch.set_num_threads(1)
        batch = _Batch(self._model)
        with torch.inference_mode(), _own_stream(self._model.device):
            while True:
                try:
                    self._turn(batch)
                except Exception as failure:  # one that the model raises must not end the thread
                    lost, batch = batch.rows, _Batch(self._model)
                    for row in lost:
                        row.failure = failure
                        row.told(row)

    def _turn(self, batch: _Batch) -> None:
        """Decode a token for each row."""
        batch.keep([not row.over for row in batch.rows])
        new = list(self._arrived(self.rows - len(batch.rows), wait=not batch.rows))
        with self._changing:
            if new:
                batch.join(new)
            else:
                batch.advance()
        for row in new or batch.rows:
            self._judge(row)
            row.told(row)

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
        """Say whether the last token has ended a sequence."""
        token, params = row.tokens[-1], row.params
        if token in params.end_tokens:
            row.finish, row.stopped_by = "stop", token
        elif (found := self._ends.stop_string(row)) is not None:
            row.finish, row.stopped_by = "stop", found
        elif len(row.tokens) >= params.max_tokens or len(row.prompt) + len(row.tokens) >= self.longest:
            row.finish = "length"


class _Ends:
    """Finds the stop string that a sequence's last token has completed."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._could: dict[tuple[str, int], bool] = {}

    def stop_string(self, row: Row) -> str | None:
        """The one that stands first, or None."""
        stops, last = row.params.stop, row.tokens[-1]
        if not any(self._could_end(stop[-1], last) for stop in stops):
            return None
        reach = max(len(stop.encode()) for stop in stops) + 1  # a token has one byte at least
        tail = self._tokenizer.decode(row.tokens[-reach:])
        found = [(tail.find(stop), stop) for stop in stops if stop in tail]
        return min(found)[1] if found else None

    def _could_end(self, character: str, token: int) -> bool:
        """Whether a token may hold the end of this character: decoding is slow, and most tokens do not."""
        known = self._could.get((character, token))
        if known is None:
            # Of a character of several bytes a token may hold the last one alone; a blank may be lost before a text's first word.
            plain = character.isascii() and not character.isspace()
            known = not plain or character in self._tokenizer.decode([token])
            self._could[character, token] = known
        return known


class _Batch:
    """Rows with their cache. `_mask` has 1 where a row has a token and 0 left of it."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.rows: list[Row] = []
        self._model = model
        self._cache = _cache()
        self._device = model.device
        self._mask = torch.zeros(0, 0, dtype=torch.long, device=self._device)

    def keep(self, wanted: list[bool]) -> None:
        """Drop the other rows, and the padding that all that are left have."""
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
        """Take in rows, each with its first token drawn."""
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
        """Draw the next token of every row."""
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
    """Whether all that a model remembers is keys and values, of which rows can be padded on the left."""
    layers = DynamicCache(config=model.config).layers
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


def draw_tokens(logits: Tensor, rows: Sequence[SamplingParams], chances: Sequence[float]) -> Tensor:
    """A token for each row of `logits` (rows, vocabulary), by inverting its distribution at a chance from [0, 1)."""
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
    """How many rows of `longest` tokens have room for keys and values in so many bytes: from 1 to MOST_ROWS_ON_GPU."""
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    row = 2 * config.num_hidden_layers * heads * width * bytes_per_value * longest
    return int(min(MOST_ROWS_ON_GPU, max(1, memory // row)))


def _own_stream(device: torch.device) -> AbstractContextManager[Any]:
    """So that a token need not wait for what training has asked of the same GPU."""
    if device.type != "cuda":
        return nullcontext()
    return torch.cuda.stream(torch.cuda.Stream(device))  # type: ignore[no-untyped-call]


def _cache() -> Cache:
    """An empty cache, all of whose layers keep everything; the masks alone know of windows."""
    return Cache(layer_class_to_replicate=GrowingLayer)


def _layers(cache: Cache) -> Any:
    """The layers, each with `keys` and `values` of shape (rows, heads, tokens, width)."""
    return cache.layers


def _stacked(top: Tensor, bottom: Tensor, along: int) -> Tensor:
    """Rows of two batches, the narrower padded on the left of dimension `along`."""
    width = max(top.shape[along], bottom.shape[along])
    return torch.cat([_widened(top, width, along), _widened(bottom, width, along)])


def _widened(tensor: Tensor, width: int, along: int) -> Tensor:
    missing = width - tensor.shape[along]
    if not missing:
        return tensor
    shape = list(tensor.shape)
    shape[along] = missing
    return torch.cat([tensor.new_zeros(shape), tensor], along)
