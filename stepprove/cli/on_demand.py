"""Commands that are imported when they run, so that no command waits for the imports of the others."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class CommandPlace:
    """A command's name, its place in the code, and the first sentence of its help."""

    name: str
    module: str
    attribute: str
    """A function, or a `typer.Typer` with commands of its own."""
    help: str


class OnDemand(TyperCommand):
    """A command of which only the name and the first sentence of the help are here."""

    def __init__(self, place: CommandPlace) -> None:
        super().__init__(name=place.name, callback=None, help=place.help, rich_markup_mode="markdown")
        self._place = place

    def load(self) -> TyperCommand | TyperGroup:
        """Import the command."""
        place = self._place
        source = getattr(import_module(place.module), place.attribute)
        holder = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        holder.callback()(lambda: None)  # else typer makes a program of a single command
        if isinstance(source, typer.Typer):
            holder.add_typer(source, name=place.name)
        else:
            holder.command(place.name)(source)
        group = typer.main.get_command(holder)
        assert isinstance(group, TyperGroup)
        command = group.commands[place.name]
        assert isinstance(command, TyperCommand | TyperGroup)
        return command

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the command, and let it read its arguments: the context is then its own."""
        return self.load().make_context(info_name, args, parent=parent, **extra)
