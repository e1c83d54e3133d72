"""Extract Lean code from a model's answer."""

from __future__ import annotations

import re

_FENCE = re.compile(r"```[ \t]*(\w*)[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)


def code_of(text: str, name: str = "") -> str | None:
    """Return the Lean code of an answer.

    Args:
        text: the answer after its thinking.
        name: prefer a block that mentions this declaration.

    Returns:
        The last fenced block that mentions `name`, else the last block, else the whole text; None when empty. An unclosed
        block ends with the text; blocks of other languages do not count.
    """
    blocks = [code for kind, code in _FENCE.findall(text) if kind.lower() in ("", "lean", "lean4")]
    word = re.compile(rf"(?<![\w']){re.escape(name.rpartition('.')[2])}(?![\w'])")
    named = [code for code in blocks if name and word.search(code)]
    code = (named or blocks or ["" if "```" in text else text])[-1].strip()
    return code if code and "\0" not in code else None


def after_thinking(text: str) -> str:
    """Return the text after the last `</think>`, or the whole text."""
    return text.rpartition("</think>")[2]
