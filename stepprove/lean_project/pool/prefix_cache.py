"""A cache of the environments after common prefixes of texts, for a REPL without such a cache.

The embedded engine reuses the commands that a text shares with the one before it. The community's REPL does not: this cache sends
it a file in chunks, each in the environment after the chunk before it, and skips chunks whose environment it has.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence

from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse, Message, Position, Sorry
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import SourceFile

# These words could change the meaning of the chunks: they end the text early, or add words to Lean's grammar.
_WHOLE_ONLY = re.compile(r"#exit|macro|syntax|elab|notation|infix|prefix|postfix|declare_|initialize|run_")
_KEPT = 4096


def common_prefix(a: str, b: str) -> int:
    """The length of the common prefix of two texts, in characters."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def divisible(source: SourceFile) -> bool:
    """Whether the chunks of a text, elaborated in turn, certainly mean the same as the whole."""
    return _WHOLE_ONLY.search(source.text) is None


class PrefixCache:
    """The environments of one REPL process after prefixes of texts; the least recently used are dropped."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int | None, str], CommandResponse] = OrderedDict()
        self.hits = 0

    def clear(self) -> None:
        """Drop every environment, since the process has ended."""
        self._known.clear()

    def elaborate(
        self, repl: Repl, source: SourceFile, env: int | None, timeout: float | None
    ) -> CommandResponse | ErrorResponse:
        """Elaborate the commands of a divisible text in `env`; the answer's positions are those of the text."""
        answers: list[tuple[int, CommandResponse]] = []
        at = env
        for chunk in source.chunks:
            key = (at, chunk.text)
            answer = self._known.get(key)
            if answer is None:
                fresh = repl.command(chunk.text, at, timeout=timeout)
                if isinstance(fresh, ErrorResponse):
                    return fresh
                answer = self._known[key] = fresh
                if len(self._known) > _KEPT:
                    self._known.popitem(last=False)
            else:
                self.hits += 1
                self._known.move_to_end(key)
            answers.append((chunk.line - 1, answer))
            at = answer.env
        return _joined(answers, at)


def _joined(answers: Sequence[tuple[int, CommandResponse]], env: int | None) -> CommandResponse:
    return CommandResponse(
        env=env or 0,
        messages=tuple(_message_down(m, lines) for lines, a in answers for m in a.messages),
        sorries=tuple(_sorry_down(s, lines) for lines, a in answers for s in a.sorries),
    )


def _down(position: Position, lines: int) -> Position:
    return position.model_copy(update={"line": position.line + lines})


def _message_down(message: Message, lines: int) -> Message:
    end = message.end_pos and _down(message.end_pos, lines)
    return message.model_copy(update={"pos": _down(message.pos, lines), "end_pos": end})


def _sorry_down(sorry: Sorry, lines: int) -> Sorry:
    return sorry.model_copy(
        update={
            "pos": sorry.pos and _down(sorry.pos, lines),
            "end_pos": sorry.end_pos and _down(sorry.end_pos, lines),
        }
    )
