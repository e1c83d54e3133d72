"""Text from models and Lean as a reader may see it: nothing in it hides, moves or breaks what is around it."""

from __future__ import annotations

import re
from typing import Any

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, but for tab and newline
    "\u061c\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060\u2066-\u2069\ufeff"  # invisible, or changing the direction
    "\ud800-\udfff]"  # halves of a character
)

_BRIEF = 300
"""Characters."""


def visible(text: str) -> str:
    """The text with every control, invisible or direction-changing character written as its code: `⟨U+202E⟩`."""
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.replace("\r\n", "\n"))


def brief(text: str) -> str:
    """As much of a text, made visible, as fits where a name or a reason stands in a line."""
    return visible(text if len(text) <= _BRIEF else text[:_BRIEF] + " …")


def shortened(text: str, most: int) -> str:
    """The beginning and the end of a text that has more than `most` characters, with a remark between."""
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
    """JSON data whose texts can be written as UTF-8: half a character becomes a question mark."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {encodable(key): encodable(each) for key, each in value.items()}
        case list() | tuple():
            return [encodable(each) for each in value]
        case _:
            return value
