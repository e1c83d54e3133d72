"""Make foreign text (from models, Lean, files and clients) safe to show: no character hides, moves or breaks the text around it.

Use `visible` for text of several lines and `in_line` for text within a line, wherever it reaches a terminal, a log or a page.
"""

from __future__ import annotations

import json
import re
from typing import Any

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, but for tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # changing the direction
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2028\u2029\u2060-\u2065\u206a-\u206f\u3164"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # invisible
    "\ud800-\udfff]"  # halves of a character
)
_BREAKING = re.compile("[\t\n]")

_BRIEF = 300
"""Characters."""


def visible(text: str) -> str:
    """The text with each control, invisible or direction-changing character replaced by its code: `⟨U+202E⟩`."""
    return _HIDDEN.sub(_code, text.replace("\r\n", "\n"))


def in_line(text: object) -> str:
    """A name, a path or a sentence within a line: as `visible`, with codes for line breaks and tabs too."""
    return _BREAKING.sub(_code, _HIDDEN.sub(_code, str(text)))


def in_json(document: str) -> str:
    """A JSON document with JSON escapes for its hidden characters: the same data, safe for a terminal."""
    return _HIDDEN.sub(lambda match: json.dumps(match[0])[1:-1], document)


def _code(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match[0]):04X}⟩"


def brief(text: str) -> str:
    """The beginning of a text, made visible, short enough for a name or a reason within a line."""
    return in_line(text if len(text) <= _BRIEF else text[:_BRIEF] + " …")


def shortened(text: str, most: int) -> str:
    """The beginning and the end of a text with more than `most` characters, with a remark between."""
    left = len(text) - most
    if left <= 0:
        return text
    head = text[: most - most // 2]
    tail = text[len(text) - most // 2 :]
    return f"{head}\n⟨… {left:,} characters are left out here; the log has them …⟩\n{tail}"


def middle_cut(text: str, most: int) -> str:
    """The beginning and the end of a text, for a log."""
    return text if len(text) <= most else f"{text[: most // 2]}\n[…]\n{text[-most // 2 :]}"


def encodable(value: Any) -> Any:
    """JSON data with a question mark for each lone surrogate, so that UTF-8 can encode its texts."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {encodable(key): encodable(item) for key, item in value.items()}
        case list() | tuple():
            return [encodable(item) for item in value]
        case _:
            return value
