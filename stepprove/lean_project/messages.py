"""Lean's wording: every pattern on the text of its messages, of its printed answers and of its last words.

Lean promises no wording and changes it between releases. Where two releases differ, a pattern here accepts both, and its comment
says which one prints what. The decisions stay with their callers: this module only reads.

The layout of a printed goal is in `agent/search/goal.py`, the REPL's JSON in `repl/protocol.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = [
    "COMPLETED",
    "NO_GOALS",
    "built_by_another_lean",
    "evaluates_a_sorry",
    "finds_no_goals",
    "first_line",
    "is_out_of_memory",
    "leaves_goals",
    "printed_axioms",
    "refuses_the_type",
    "reports_a_limit",
    "suggested_tactics",
    "uses_sorry",
    "version_of",
]

COMPLETED = "Completed"
"""The REPL's `proofStatus` for a finished proof."""

NO_GOALS = "no goals"
"""Lean prints this where a proof state has no goal left."""

_EVALUATES_A_SORRY = "aborting evaluation since the expression depends on the 'sorry' axiom"

# Lean 4.28 puts the tactic on a line of its own, after the words `[apply]`; older releases put it behind the colon.
_SUGGESTION = re.compile(r"Try this:\s*(?:\[\w+\]\s*)?(.*)", re.DOTALL)

_LIMIT = re.compile(r"\(deterministic\) timeout|maximum number of heartbeats|maximum recursion depth")

_UNSOLVED = "unsolved goals"

# Lean 4.28: "No goals to be solved"; older releases: "no goals to be proved".
_NO_GOALS_LEFT = re.compile("[Nn]o goals")

_OTHER_TYPE = "is not definitionally equal to"

_AXIOMS = re.compile(r"^'.*' (?:depends on axioms: \[(.*)\]|does not depend on any axioms)$", re.DOTALL)

# Lean's own words, those of C++, and those of Node.
_OUT_OF_MEMORY = ("INTERNAL PANIC: out of memory", "std::bad_alloc", "heap out of memory")

_USES_SORRY = re.compile(r"declaration uses [`']?sorry")
_OTHER_OLEAN = "incompatible header"

# `lake --version` prints "Lake version 5.0.0-src+… (Lean version 4.28.0)".
_VERSION = re.compile(r"Lean version ([^\s,)]+)")


def first_line(text: str) -> str:
    """The first line of an error, for a sentence that quotes it."""
    return text.splitlines()[0] if text else "error"


def evaluates_a_sorry(text: str) -> bool:
    """Whether an error says that Lean did not run an `#eval` because its term depends on `sorry`."""
    return text.startswith(_EVALUATES_A_SORRY)


def uses_sorry(text: str) -> bool:
    """Whether a warning says that a declaration depends on `sorry`."""
    return _USES_SORRY.match(text) is not None


def suggested_tactics(texts: Iterable[str]) -> list[str]:
    """The tactics that `exact?` or a similar tactic suggests in these messages, in their order."""
    matches = (_SUGGESTION.match(text) for text in texts)
    return [tactic for match in matches if match and (tactic := match[1].strip())]


def reports_a_limit(text: str) -> bool:
    """Whether an error says that Lean reached a limit of time or depth, after which nothing is known."""
    return _LIMIT.search(text) is not None


def leaves_goals(text: str) -> bool:
    """Whether an error says that a proof ends with open goals."""
    return text.startswith(_UNSOLVED)


def finds_no_goals(text: str) -> bool:
    """Whether an error says that a tactic had no goal to work on."""
    return _NO_GOALS_LEFT.match(text) is not None


def refuses_the_type(text: str) -> bool:
    """Whether an error of `show` says that the goal is another one."""
    return _OTHER_TYPE in text


def printed_axioms(text: str) -> list[str] | None:
    """The axioms in the answer to `#print axioms`, sorted; None if the text is no such answer."""
    match = _AXIOMS.match(text.strip())
    return None if match is None else sorted(a.strip() for a in (match[1] or "").split(",") if a.strip())


def is_out_of_memory(stderr: str) -> bool:
    """Whether the last words of a process say that the system refused it memory."""
    return any(words in stderr for words in _OUT_OF_MEMORY)


def built_by_another_lean(text: str) -> bool:
    """Whether Lean says that a compiled module comes from another version of Lean."""
    return _OTHER_OLEAN in text


def version_of(text: str) -> str | None:
    """The version of Lean in the answer to `lake --version`; None if it names none."""
    match = _VERSION.search(text)
    return None if match is None else match[1]
