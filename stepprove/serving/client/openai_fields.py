"""The fields of a request and the parts of an answer, in the form of OpenAI's API with vLLM's and SGLang's fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stepprove.serving.client.exchange import Sample, Sampling, Turn, Usage

__all__ = ["OPTIONAL", "messages", "options", "sample", "usage", "without"]

OPTIONAL = frozenset(
    {
        "include_stop_str_in_output",
        "logprobs",
        "n",
        "return_token_ids",
        "seed",
        "skip_special_tokens",
        "stop_token_ids",
        "stream_options",
        "temperature",
        "top_k",
        "top_p",
    }
)
"""Fields that the client drops when a server refuses them by name."""


def messages(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """The messages of a chat."""
    return [turn.model_dump() for turn in turns]


def options(sampling: Sampling, *, chat: bool) -> dict[str, Any]:
    """A request's parameters; fields of vLLM and SGLang go into `extra_body`."""
    options: dict[str, Any] = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    if sampling.max_tokens is not None:
        options["max_tokens"] = sampling.max_tokens
    if sampling.n > 1:
        options["n"] = sampling.n
    if sampling.stop:
        options["stop"] = list(sampling.stop)
    if sampling.seed is not None:
        options["seed"] = sampling.seed
    if sampling.logprobs:
        options["logprobs"] = True if chat else 0
    extra: dict[str, Any] = {}
    if sampling.top_k is not None:
        extra["top_k"] = sampling.top_k
    if sampling.stop_token_ids:
        extra["stop_token_ids"] = list(sampling.stop_token_ids)
    if sampling.keep_stop:
        extra["include_stop_str_in_output"] = True
    if sampling.token_ids:
        extra |= {"return_token_ids": True, "skip_special_tokens": False}
        # Else vLLM applies the model's generation_config.json and samples from another distribution.
        extra |= {"top_k": sampling.top_k or 0, "min_p": 0.0, "repetition_penalty": 1.0}
    if extra:
        options["extra_body"] = extra
    return options


def without(options: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """A request's parameters without these."""
    kept = {name: value for name, value in options.items() if name not in names}
    if extra := kept.pop("extra_body", None):
        kept["extra_body"] = {name: value for name, value in extra.items() if name not in names}
    return kept


def sample(choice: Any, sampling: Sampling) -> Sample:
    """One choice of an answer, cut off at a stop string that the server has passed over."""
    text = (choice.message.content if hasattr(choice, "message") else choice.text) or ""
    extra = choice.model_extra or {}
    stopped_by = extra.get("stop_reason")
    finish = choice.finish_reason or "stop"
    if left := [(text.find(stop), stop) for stop in sampling.stop if stop in text]:
        place, stopped_by = min(left)
        text, finish = text[: place + len(stopped_by) * sampling.keep_stop], "stop"
    elif sampling.keep_stop and isinstance(stopped_by, str):
        text += stopped_by
    return Sample(
        text=text.encode(errors="replace").decode(),  # half a surrogate pair cannot be sent back
        finish=finish,
        stopped_by=stopped_by,
        stop_told="stop_reason" in extra,
        logprobs=_logprobs(choice),
        token_ids=None if extra.get("token_ids") is None else tuple(extra["token_ids"]),
    )


def _logprobs(choice: Any) -> tuple[float, ...] | None:
    logprobs = choice.logprobs
    if logprobs is None:
        return None
    if (tokens := getattr(logprobs, "content", None)) is not None:  # of a chat
        return tuple(token.logprob for token in tokens)
    values = getattr(logprobs, "token_logprobs", None)
    return None if values is None else tuple(float(value) for value in values if value is not None)


def usage(counts: Any) -> Usage:
    """The tokens that an answer reports; none if it reports none."""
    if counts is None:
        return Usage()
    return Usage(prompt_tokens=counts.prompt_tokens or 0, completion_tokens=counts.completion_tokens or 0)
