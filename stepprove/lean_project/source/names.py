"""Lean names as data: the same name may be written with or without the brackets « »."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_COMPONENT = re.compile(r"«([^»]*)»|([^.«»]+)")


def components(name: str) -> tuple[str, ...]:
    """The parts of a name, without « »: equal for all ways to write it."""
    return tuple(quoted or plain for quoted, plain in _COMPONENT.findall(name))


class NameTree:
    """A set of names, cut at their dots: to ask whether a name extends one of them takes time of that name's length alone.

    Args:
        names: the names.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._root: dict[str | None, Any] = {}
        for name in self._names:
            node = self._root
            for part in name.split("."):
                node = node.setdefault(part, {})
            node[None] = True  # a name ends here

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def has_prefix_of(self, name: str) -> bool:
        """Whether one of the names is a proper prefix of `name`, as `f` is of `f.match_1.splitter`."""
        node = self._root
        for part in name.split(".")[:-1]:
            if part not in node:
                return False
            node = node[part]
            if None in node:
                return True
        return False
