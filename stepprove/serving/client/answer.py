"""What a model's answer holds: the Lean code in it, once its thinking is over."""

from __future__ import annotations

import re

_FENCE = re.compile(r"```[ \t]*(\w*)[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)


def code_of(text: str, name: str = "") -> str | None:
    """The last fenced block that names `name`, else the last one, else the text itself; None when there is nothing.

    A block that is never closed goes to the end. Blocks marked as another language than Lean are passed over.
    """
    blocks = [code for kind, code in _FENCE.findall(text) if kind.lower() in ("", "lean", "lean4")]
    word = re.compile(rf"(?<![\w']){re.escape(name.rpartition('.')[2])}(?![\w'])")
    named = [code for code in blocks if name and word.search(code)]
    code = (named or blocks or ["" if "```" in text else text])[-1].strip()
    return code if code and "\0" not in code else None


def after_thinking(text: str) -> str:
    """What follows the last `</think>`; the whole text where there is none."""
    return text.rpartition("</think>")[2]
