"""Answers read from the output of a Lean process, and the words for output that is no answer."""

from __future__ import annotations

import re
import secrets
import signal
from typing import Any

import orjson

from stepprove.lean_project.repl.errors import ReplProtocolError
from stepprove.process import Child

__all__ = ["excerpt", "holds_an_answer", "how_it_ended", "quoted_stderr", "read_answer", "read_signed"]

_OBJECT = re.compile(rb"^\{", re.MULTILINE)
_SIGNED = re.compile(rb"\n*#token ([0-9a-f]+) ([0-9]+)\n(?=\{)")


def holds_an_answer(output: bytes) -> bool:
    """Whether a JSON object starts a line of the output."""
    return _OBJECT.search(output) is not None


def read_answer(child: Child, deadline: float, *, starting: bool = False) -> dict[str, Any]:
    """Read blocks up to the one with an answer.

    Lines before the answer are noise (such as Lake's messages), and this function skips them. It skips a whole block of noise
    only while the process starts.
    """
    while True:
        block = child.read_block(deadline)
        start = _OBJECT.search(block)
        if start is None:
            if starting or not block.strip():
                continue
            raise ReplProtocolError(f"Lean printed no JSON: {excerpt(block)}", excerpt(block))
        try:
            answer: dict[str, Any] = orjson.loads(memoryview(block)[start.start() :])
        except orjson.JSONDecodeError as error:
            output = excerpt(block)
            raise ReplProtocolError(f"Lean printed broken JSON ({error}): {output}", output) from None
        return answer


def read_signed(child: Child, deadline: float, token: str) -> dict[str, Any]:
    """Read the block that answers the request with this token; any other output breaks the protocol."""
    block = child.read_block(deadline)
    match = _SIGNED.match(block)
    if match is None or not secrets.compare_digest(match[1].decode(), token):
        raise ReplProtocolError(
            f"Lean's answer does not carry its request's token: {excerpt(block)}", excerpt(block)
        )
    try:
        answer: dict[str, Any] = orjson.loads(memoryview(block)[match.end() :])
    except orjson.JSONDecodeError as error:
        output = excerpt(block)
        raise ReplProtocolError(f"Lean printed broken JSON ({error}): {output}", output) from None
    child.programs = max(child.programs, int(match[2]))
    return answer


def excerpt(output: bytes | dict[str, Any]) -> str:
    """The beginning of Lean's output, short enough for a message."""
    text = str(output) if isinstance(output, dict) else output[:2000].decode(errors="replace")
    return text if len(text) <= 300 else text[:300] + "…"


def how_it_ended(status: int | None) -> str:
    """How a process ended, as the predicate of a sentence."""
    if status is None:
        return "closed its output"
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def quoted_stderr(child: Child) -> str:
    """The last output on stderr, as the end of a message."""
    last = child.stderr_tail()[-500:].strip()
    return f"; its last words: {last}" if last else ""
