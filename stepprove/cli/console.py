"""What the commands print: one JSON document on stdout, or text for people; progress goes to stderr."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection
from typing import Any

import orjson
import typer
from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


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


def print_json(document: Any) -> None:
    """Write one machine-readable document to stdout, and nothing else."""
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())
