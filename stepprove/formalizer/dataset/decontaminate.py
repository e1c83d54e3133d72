"""Whether a record is, or resembles, a problem of a benchmark: by name, by thirteen words in a row, by its statement.

StepFun-Formalizer (arXiv 2508.04440) removes what shares a 13-gram with a benchmark, or a problem's name. A text of fewer words
is compared as a whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from stepprove.formalizer.majority import words_of
from stepprove.formalizer.statement import BadStatement, read_statement
from stepprove.lean_project.source.lexer import tokenize

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class KnownProblem:
    """A problem of a benchmark."""

    benchmark: str
    name: str
    informal: str | None
    formal: str | None


@dataclass(slots=True)
class Benchmarks:
    """What must not be in the training data; some bytes for each word of it."""

    length: int = 13
    """Words in a row."""
    _names: dict[str, str] = field(default_factory=dict)
    _runs: dict[bytes, str] = field(default_factory=dict)
    _statements: dict[bytes, str] = field(default_factory=dict)

    def add(self, problems: Iterable[KnownProblem]) -> int:
        """Keep problems out; returns how many there were."""
        count = 0
        for problem in problems:
            count += 1
            self._names.setdefault(_plain(problem.name), problem.benchmark)
            for run in self._of(problem.informal or ""):
                self._runs.setdefault(run, problem.benchmark)
            if problem.formal:
                self._statements.setdefault(statement_key(problem.formal), problem.benchmark)
        return count

    def why(self, name: str | None, problem: str, formal: str) -> str | None:
        """Why a record must go: how it meets which benchmark; None when it does not."""
        if name and (found := self._names.get(_plain(name))):
            return f"has the name of a problem of {found}"
        for run in self._of(problem):
            if found := self._runs.get(run):
                return f"shares {self.length} words in a row with {found}"
        if found := self._statements.get(statement_key(formal)):
            return f"states the same as a problem of {found}"
        return None

    def _of(self, text: str) -> Iterable[bytes]:
        words = _WORD.findall(text.lower())
        if not words:
            return
        for start in range(max(1, len(words) - self.length + 1)):
            run = words[start : start + self.length]
            yield hashlib.blake2b(" ".join([str(len(run)), *run]).encode(), digest_size=12).digest()


def problem_key(problem: str) -> bytes:
    """Equal for problems of the same words."""
    return hashlib.blake2b(" ".join(_WORD.findall(problem.lower())).encode(), digest_size=16).digest()


def statement_key(formal: str) -> bytes:
    """Equal for statements of the same tokens, whatever the theorem's name, its proof, white space, imports and comments."""
    try:
        words = words_of(read_statement(formal))
    except BadStatement:
        words = tuple(formal[t.start : t.end] for t in tokenize(formal))
    return hashlib.blake2b("\0".join(words).encode(), digest_size=16).digest()


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.lower()).strip("_")
