"""Keys of compiled modules: the same key means the same artifacts, on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from stepprove.lean_project.modules.graph import ModuleSource

__all__ = ["artifact_keys"]

_FORM = 1
"""Of the artifacts in the cache; a change makes all of them anew."""


def artifact_keys(order: Iterable[ModuleSource], engine: str) -> Mapping[str, str]:
    """Give each module the key of its artifacts: the hash of engine, name, options, text and the keys of its imports.

    Args:
        order: modules, every one after all that it imports.
        engine: what identifies the Lean and its runtime.

    Returns:
        For each module's name 64 hexadecimal digits.
    """
    keys: dict[str, str] = {}
    for module in order:
        content = {
            "form": _FORM,
            "engine": engine,
            "module": module.name,
            "options": sorted((name, repr(value)) for name, value in module.options.items()),
            "source": module.sha256,
            "imports": [(name, keys[name]) for name in module.imports],
        }
        keys[module.name] = hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()
    return keys
