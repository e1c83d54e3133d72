"""The output of the commands: one JSON document on stdout, or text for people; progress goes to stderr.

Names, paths, messages and model output are foreign text. `shown` and `shown_lines` escape them for rich's markup. Both consoles
also replace control characters in everything that they write.
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

from stepprove.faults import Failure
from stepprove.visible import encodable, in_json, in_line, visible

_BRACKET = re.compile(r"(\\*)\[")


class VisibleConsole(Console):
    """A console that writes only its own control characters."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render with control characters made visible."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


out = VisibleConsole(highlight=False, soft_wrap=True, emoji=False)
err = VisibleConsole(stderr=True, highlight=False, soft_wrap=True, emoji=False)


class CommandError(Failure):
    """A failure of a command: bad input, an option that does not fit, or another one with an exit code of its own."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.exit_code = code


def need_extra(extra: str, modules: Collection[str]) -> None:
    """Raise CommandError if a module of one of the package's extras is missing."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            raise CommandError(f"{name} is not installed: run `pip install 'stepprove[{extra}]'`.", code=3)


def shown(text: object) -> str:
    """Markup that shows a foreign name, path or sentence in one line and has no other effect."""
    return _unmarked(in_line(text))


def shown_lines(text: str, indent: int = 0) -> str:
    """Markup that shows a foreign text of several lines, indented from the second on so that none looks like one of ours."""
    return _unmarked(visible(text).rstrip("\n").replace("\n", "\n" + " " * indent))


def _unmarked(text: str) -> str:
    return _BRACKET.sub(r"\1\1\\[", text)


def print_json(document: Any) -> None:
    """Write one JSON document to stdout."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    try:
        data = orjson.dumps(document, option=option)
    except TypeError:  # a lone surrogate, as in a file name that is not UTF-8
        data = orjson.dumps(encodable(document), option=option)
    typer.echo(in_json(data.decode()))
