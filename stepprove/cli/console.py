"""What the commands print: one JSON document on stdout, or text for people; progress goes to stderr.

Names, paths, messages and what models write come from others. `shown` and `shown_lines` make them fit for rich's markup; whatever
is printed without them loses its control characters all the same, for both consoles look at each piece that they write.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection, Iterable
from typing import Any

import orjson
import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from stepprove.visible import encodable, in_json, in_line, visible

_BRACKET = re.compile(r"(\\*)\[")


class VisibleConsole(Console):
    """A console that writes no control character but its own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces of what is printed."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


out = VisibleConsole(highlight=False, soft_wrap=True, emoji=False)
err = VisibleConsole(stderr=True, highlight=False, soft_wrap=True, emoji=False)


class CommandError(Exception):
    """Something the user can mend, in one sentence. `code` is the exit status: 2 bad input, 3 infrastructure."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.code = code


def need_extra(extra: str, modules: Collection[str]) -> None:
    """Raise CommandError when a module that an extra of the package brings is not there."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            raise CommandError(f"{name} is not installed: run `pip install 'stepprove[{extra}]'`.", code=3)


def shown(text: object) -> str:
    """Markup that shows a name, a path or a sentence of foreign origin in one line, and nothing but that."""
    return _unmarked(in_line(text))


def shown_lines(text: str, indent: int = 0) -> str:
    """Markup that shows a foreign text of several lines; all but the first are indented, so that none poses as one of ours."""
    return _unmarked(visible(text).rstrip("\n").replace("\n", "\n" + " " * indent))


def _unmarked(text: str) -> str:
    return _BRACKET.sub(r"\1\1\\[", text)


def print_json(document: Any) -> None:
    """Write one machine-readable document to stdout, and nothing else."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    try:
        data = orjson.dumps(document, option=option)
    except TypeError:  # half a character, as in the name of a file that is no UTF-8
        data = orjson.dumps(encodable(document), option=option)
    typer.echo(in_json(data.decode()))
