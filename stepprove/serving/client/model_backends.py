"""Parse `--model`: the model and the way to serve it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from stepprove.faults import Failure

OPENAI_URL = "https://api.openai.com/v1"
TINY = "tiny"
"""The name of the small model that `stepprove train tiny` makes."""
FORMS = f"openai:NAME, http://HOST:PORT/v1#NAME, vllm:NAME or {TINY}"


class BadModelName(Failure, ValueError):
    """A text names no model; the message is one sentence."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model and the way to serve it."""

    kind: Literal["openai", "url", "vllm", "tiny"]
    name: str | None
    """The server's name for the model; None: its only one."""
    url: str | None = None
    """The base URL; None: a server must be started."""


def parse_model(text: str) -> ModelName:
    """Read `openai:NAME`, `http://host:port/v1#NAME`, `vllm:NAME` or `tiny`. Raises BadModelName."""
    kind, colon, name = text.strip().partition(":")
    if text.strip() == TINY:
        return ModelName("tiny", TINY)
    if kind in ("http", "https"):
        return _at_url(text.strip())
    if not colon or not name.strip():
        raise BadModelName(f"{text!r} names no model: write {FORMS}.")
    if kind == "openai":
        return ModelName("openai", name, OPENAI_URL)
    if kind == "vllm":
        return ModelName("vllm", name)
    raise BadModelName(f"{text!r} begins with {kind!r}, which is no way to serve a model: write {FORMS}.")


def _at_url(text: str) -> ModelName:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as wrong:
        raise BadModelName(f"{text!r} is no address ({wrong}).") from None
    if not parts.hostname:
        raise BadModelName(f"{text!r} names no host.")
    if parts.username or parts.password:
        raise BadModelName("An address must hold no password; put the key into STEPPROVE_MODEL_KEY.")
    url = parts._replace(fragment="", path=parts.path.rstrip("/")).geturl()
    return ModelName("url", parts.fragment or None, url)
