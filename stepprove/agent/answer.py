"""The Lean code in what a model says."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^[ \t]*```[ \t]*(\w*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.MULTILINE | re.DOTALL)


def code_of(text: str, name: str = "") -> str | None:
    """The last fenced block that names `name`, else the last one, else the text itself; None when there is nothing.

    A block that is never closed goes to the end. Blocks marked as another language than Lean are passed over.
    """
    blocks = [code for kind, code in _FENCE.findall(text) if kind.lower() in ("", "lean", "lean4")]
    word = re.compile(rf"(?<![\w']){re.escape(name.rpartition('.')[2])}(?![\w'])")
    named = [code for code in blocks if name and word.search(code)]
    if named or blocks:
        return (named or blocks)[-1].strip() or None
    return None if "```" in text else text.strip() or None
