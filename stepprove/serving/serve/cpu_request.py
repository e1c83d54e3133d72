"""Validate requests to the CPU server before anything uses them.

A request must not harm other clients: a bad field in the decoding thread would end every row of the batch, and a client's
template or pattern is a program that may not terminate.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import Any

from stepprove.serving.serve.sampler import SamplingParams

DEFAULT_TOKENS = 1024
MOST_SAMPLES = 256
_MOST_TOKENS = 1_000_000_000
_MOST_STOPS = 64
_LONGEST_STOP = 1000
_MOST_STOP_TOKENS = 1000
_MOST_MESSAGES = 1000
_LONGEST_NAME = 500
_CHARACTERS_A_TOKEN = 16
"""Most characters per token; the server refuses longer texts before tokenizing them."""
_COLDEST = 1e-30
_HOTTEST = 1e6

_PROGRAMS = {
    "chat_template": "a template is a program",
    "chat_template_kwargs": "a template is a program, and they are its input",
    "documents": "a template is a program, and they are its input",
    "generation_config": "only the fields that are named in the API are taken",
    "logits_processors": "a processor is a program",
}
_UNKNOWN = (
    *("bad_words", "grammar", "guided_choice", "guided_decoding_backend", "guided_grammar", "guided_json"),
    *("guided_regex", "guided_whitespace_pattern", "logit_bias", "regex", "structured_outputs"),
)


class BadRequest(ValueError):
    """The request is invalid or unsupported; the message is one sentence without its full stop."""


def check_common_fields(body: Mapping[str, Any]) -> None:
    """Check the fields common to chats and completions. Raises BadRequest."""
    for field, why in _PROGRAMS.items():
        if body.get(field):
            raise BadRequest(f"{field} is not taken from clients: {why}")
    for field in _UNKNOWN:
        if body.get(field):
            raise BadRequest(f"{field} is not known to this server")
    form = body.get("response_format")
    if form and (not isinstance(form, dict) or form.get("type") != "text"):
        raise BadRequest("response_format other than text is not known to this server")
    name = body.get("model")
    if name is not None and not (isinstance(name, str) and len(name) <= _LONGEST_NAME and name.isprintable()):
        raise BadRequest("model must be the name of one")
    for field in ("stream", "include_stop_str_in_output", "return_token_ids"):
        if not isinstance(body.get(field) or False, bool):
            raise BadRequest(f"{field} must be true or false")


def sampling_params_of(body: Mapping[str, Any], ends: frozenset[int]) -> list[SamplingParams]:
    """Return the sampling parameters of each sample; sample i of a seeded request has seed + i. Raises BadRequest."""
    count = _whole(body, "n", 1, MOST_SAMPLES) or 1
    if count > 1 and body.get("stream"):
        raise BadRequest(f"n must be 1 to {MOST_SAMPLES}, in a stream 1")
    most = _whole(body, "max_completion_tokens", 1, _MOST_TOKENS) or _whole(
        body, "max_tokens", 1, _MOST_TOKENS
    )
    top_k = _whole(body, "top_k", -1, _MOST_TOKENS) or 0
    seed = _whole(body, "seed", -(2**63), 2**63 - 1)
    temperature = _number(body, "temperature", 1.0)
    top_p = _number(body, "top_p", 1.0)
    if 0 < temperature < _COLDEST or not 0 < top_p <= 1:
        raise BadRequest(f"temperature must be 0 or from {_COLDEST:g}, top_p be from (0, 1]")
    stops, stop_tokens = _stops(body), _stop_tokens(body)
    return [
        SamplingParams(
            max_tokens=most or DEFAULT_TOKENS,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k if top_k > 0 else None,
            seed=None if seed is None else seed + index,
            stop=stops,
            end_tokens=ends | stop_tokens,
        )
        for index in range(count)
    ]


def prompt_of(body: Mapping[str, Any], longest: int, vocabulary: int) -> str | list[int]:
    """The prompt of a completion, for a model of so many tokens of context and of vocabulary. Raises BadRequest."""
    prompt = body.get("prompt")
    if isinstance(prompt, str):
        _check_length(len(prompt), longest)
        if not _encodable(prompt):
            raise BadRequest("the prompt has half a character in it (a lone surrogate)")
        return prompt
    if not isinstance(prompt, list) or not all(type(token) is int for token in prompt):
        raise BadRequest("prompt must be a string or a list of tokens")
    if not all(0 <= token < vocabulary for token in prompt):
        raise BadRequest(f"the tokens of the prompt must be from 0 to {vocabulary - 1}")
    return prompt


def messages_of(body: Mapping[str, Any], longest: int) -> list[dict[str, Any]]:
    """The messages of a chat: a role and a text each, the text perhaps in parts, and other texts. Raises BadRequest."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not 0 < len(messages) <= _MOST_MESSAGES:
        raise BadRequest(f"messages must be a list of 1 to {_MOST_MESSAGES}")
    size = 0
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadRequest("each of the messages must have a role")
        texts = [*_texts(message.get("content")), *message]
        for field, value in message.items():
            if isinstance(value, str):
                texts.append(value)
            elif value is not None and field != "content":
                raise BadRequest(f"{reprlib.repr(field)} of a message must be a string")
        size += sum(map(len, texts))
        if not all(map(_encodable, texts)):
            raise BadRequest("a message has half a character in it (a lone surrogate)")
    _check_length(size, longest)
    return messages


def _texts(content: Any) -> list[str]:
    """The texts of a message's content."""
    if content is None or isinstance(content, str):
        return []  # counted with the other strings
    parts = content if isinstance(content, list) else [None]
    texts = [
        part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in parts
    ]
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest("the content of a message must be a string, or parts of the type text")
    return [text for text in texts if isinstance(text, str)]


def _check_length(characters: int, longest: int) -> None:
    if characters > _CHARACTERS_A_TOKEN * longest:
        raise BadRequest(
            f"the prompt has {characters} characters; this model takes {longest - 1} tokens, "
            f"and {_CHARACTERS_A_TOKEN * longest} characters at most"
        )


def _stops(body: Mapping[str, Any]) -> tuple[str, ...]:
    stop = body.get("stop") or ()
    stops = (stop,) if isinstance(stop, str) else stop
    if not isinstance(stops, list | tuple) or len(stops) > _MOST_STOPS:
        raise BadRequest(f"stop must be a string or a list of at most {_MOST_STOPS}")
    for text in stops:
        if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_STOP or not _encodable(text):
            raise BadRequest(f"each stop must be a string of 1 to {_LONGEST_STOP} characters")
    return tuple(stops)


def _stop_tokens(body: Mapping[str, Any]) -> frozenset[int]:
    tokens = body.get("stop_token_ids") or []
    if (
        not isinstance(tokens, list)
        or len(tokens) > _MOST_STOP_TOKENS
        or not all(type(token) is int for token in tokens)
    ):
        raise BadRequest(f"stop_token_ids must be a list of at most {_MOST_STOP_TOKENS} tokens")
    return frozenset(tokens)


def _number(body: Mapping[str, Any], field: str, default: float) -> float:
    """A number that is not negative."""
    value = body.get(field)
    if value is None:
        return default
    if (
        isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _HOTTEST
    ):  # no NaN either
        raise BadRequest(f"{field} must be a number from 0 to {_HOTTEST:g}, not {reprlib.repr(value)}")
    return float(value)


def _whole(body: Mapping[str, Any], field: str, least: int, most: int) -> int | None:
    """A whole number in a range, which JSON may have written with a point; None where there is none."""
    value = body.get(field)
    if value is None:
        return None
    whole = type(value) is int or (isinstance(value, float) and math.isfinite(value) and value.is_integer())
    if not whole or not least <= value <= most:
        raise BadRequest(f"{field} must be a whole number from {least} to {most}, not {reprlib.repr(value)}")
    return int(value)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
