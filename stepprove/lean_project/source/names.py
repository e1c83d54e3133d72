"""Lean names as data: the same name may be written with or without the brackets « »."""

from __future__ import annotations

import re

_COMPONENT = re.compile(r"«([^»]*)»|([^.«»]+)")


def components(name: str) -> tuple[str, ...]:
    """The parts of a name, without « »: equal for all ways to write it."""
    return tuple(quoted or plain for quoted, plain in _COMPONENT.findall(name))
