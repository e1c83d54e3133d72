"""StepProve: prove and formalize mathematics and programs in Lean 4.

The names below are the public face; each is imported when it is first used, so that `import stepprove` takes milliseconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepprove.api import check, disprove, equivalent, prove, verify
    from stepprove.formalizer.autoformalize import autoformalize
    from stepprove.lean_project.engines.find import find_engine
    from stepprove.lean_project.pool.pool import Pool
    from stepprove.lean_project.repl.repl import Repl
    from stepprove.outcome import Outcome

__version__ = "0.2.0"

__all__ = [
    "Outcome",
    "Pool",
    "Repl",
    "autoformalize",
    "check",
    "disprove",
    "equivalent",
    "find_engine",
    "prove",
    "verify",
]

_HOMES = {
    "Outcome": "stepprove.outcome",
    "Pool": "stepprove.lean_project.pool.pool",
    "Repl": "stepprove.lean_project.repl.repl",
    "autoformalize": "stepprove.formalizer.autoformalize",
    "find_engine": "stepprove.lean_project.engines.find",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "stepprove.api")), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
