"""Detect records that resemble a benchmark problem: by name, by a 13-gram, by statement.

StepFun-Formalizer (arXiv 2508.04440) removes records that share a 13-gram or a name with a benchmark problem. A text of fewer
words is compared as a whole.
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
    """The problems to keep out of the training data, in a few bytes for each word."""

    length: int = 13
    """Words of an n-gram."""
    _names: dict[str, str] = field(default_factory=dict)
    _runs: dict[bytes, str] = field(default_factory=dict)
    _statements: dict[bytes, str] = field(default_factory=dict)

    def add(self, problems: Iterable[KnownProblem]) -> int:
        """Add problems; return their number."""
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
        """Return the reason to drop a record: the benchmark and the kind of match; None if there is none."""
        if name and (benchmark := self._names.get(_plain(name))):
            return f"has the name of a problem of {benchmark}"
        for run in self._of(problem):
            if benchmark := self._runs.get(run):
                return f"shares {self.length} words in a row with {benchmark}"
        if benchmark := self._statements.get(statement_key(formal)):
            return f"states the same as a problem of {benchmark}"
        return None

    def _of(self, text: str) -> Iterable[bytes]:
        words = _WORD.findall(text.lower())
        if not words:
            return
        for start in range(max(1, len(words) - self.length + 1)):
            run = words[start : start + self.length]
            yield hashlib.blake2b(" ".join([str(len(run)), *run]).encode(), digest_size=12).digest()


def problem_key(problem: str) -> bytes:
    """Return a key that is equal for problems with the same words."""
    return hashlib.blake2b(" ".join(_WORD.findall(problem.lower())).encode(), digest_size=16).digest()


def statement_key(formal: str) -> bytes:
    """Return a key that is equal for statements with the same tokens.

    The theorem's name, its proof, white space, imports and comments do not count.
    """
    try:
        words = words_of(read_statement(formal))
    except BadStatement:
        words = tuple(formal[t.start : t.end] for t in tokenize(formal))
    return hashlib.blake2b("\0".join(words).encode(), digest_size=16).digest()


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.lower()).strip("_")
