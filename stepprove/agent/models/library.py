"""Premise selection: BM25 over the statements of a library, restricted to what a file can use.

The library is a `corpus.jsonl` of LeanDojo (arXiv 2306.15626, section 4): one line for each Lean file, after the files that it
imports, with its path, its imports, and its theorems and definitions.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Self

import orjson

_SATURATION, _LENGTH = 1.2, 0.75
"""BM25's k1 and b, as Robertson and Zaragoza (2009, section 3.2) advise."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_]|[^\w\s.,;:(){}\[\]⦃⦄]")
_IMPORT = re.compile(r"^\s*(?:public )?(?:meta )?import (?:all )?([^\s]+)", re.MULTILINE)

Position = tuple[int, int]
"""(line, column), both from 1."""


class BadLibrary(ValueError):
    """The file is not a library; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Premise:
    """A theorem or definition that proofs can use."""

    name: str
    path: str
    """The path of its file in the repository."""
    code: str
    """Its text; for a theorem, the part before the proof."""
    start: Position
    end: Position
    kind: str


@dataclass(frozen=True)
class Library:
    """The premises of each file, and the import graph."""

    premises: tuple[Premise, ...]
    imports: dict[str, tuple[str, ...]]
    """The direct imports of each file."""
    _closures: dict[str, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a `corpus.jsonl`; skip premises without a name or a text.

        Raises:
            BadLibrary: the file is not a library.
            OSError: the file cannot be read.
        """
        premises: list[Premise] = []
        imports: dict[str, tuple[str, ...]] = {}
        for place, line in enumerate(path.read_bytes().splitlines(), 1):
            try:
                row = orjson.loads(line)
                imports[row["path"]] = tuple(row["imports"])
                premises += [_premise(row["path"], each) for each in row["premises"] if _usable(each)]
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as wrong:
                raise BadLibrary(
                    f"{path}, line {place}: no file of a traced repository ({wrong!r})."
                ) from None
        if not premises:
            raise BadLibrary(f"{path} holds no premise.")
        return cls(tuple(premises), imports)

    def closure(self, path: str) -> frozenset[str]:
        """Return the transitive imports of a file."""
        if path not in self._closures:
            seen: set[str] = set()
            todo = list(self.imports.get(path, ()))
            while todo:
                if (one := todo.pop()) not in seen:
                    seen.add(one)
                    todo += self.imports.get(one, ())
            self._closures[path] = frozenset(seen)
        return self._closures[path]

    def imported_by(self, header: str) -> frozenset[str]:
        """Return the files that a text with this header can use; empty if it imports nothing of the library."""
        found: set[str] = set()
        for module in _IMPORT.findall(header):
            stem = module.replace(".", "/").replace("«", "").replace("»", "")
            named = [p for p in self.imports if p == f"{stem}.lean" or p.endswith(f"/{stem}.lean")]
            # A root module has no premises and may be missing from the list: `Mathlib` stands for all files below it.
            under = [] if named else [p for p in self.imports if f"/{stem}/" in f"/{p}"]
            for path in named or under:
                found |= {path, *self.closure(path)}
        return frozenset(found)

    def usable(self, premise: Premise, path: str, position: Position) -> bool:
        """Return whether a premise stands before a position of a file, or in a file that it imports."""
        if premise.path == path:
            return premise.end <= position
        return premise.path in self.closure(path)

    def at(self, path: str, position: Position) -> Premise | None:
        """Return the innermost premise around a position."""
        around = [one for one in self._by_path.get(path, ()) if one.start <= position <= one.end]
        return max(around, key=lambda one: one.start, default=None)

    def near(self, text: str, count: int, allowed: Callable[[Premise], bool]) -> list[Premise]:
        """Return the premises that BM25 ranks highest for a text.

        Args:
            text: the query, such as a goal.
            count: the most premises to return.
            allowed: whether a premise may be returned.

        Returns:
            Premises that share a word with the text, the best first.
        """
        scores: dict[int, float] = {}
        index = self._index
        for word, weight in Counter(words(text)).items():
            if (held := index.places.get(word)) is None:
                continue
            rarity = math.log(1 + (len(self.premises) - len(held) + 0.5) / (len(held) + 0.5))
            for place, times in zip(held, index.times[word], strict=True):
                length = index.lengths[place] / index.mean
                norm = _SATURATION * (1 - _LENGTH + _LENGTH * length)
                gain = weight * rarity * times * (_SATURATION + 1) / (times + norm)
                scores[place] = scores.get(place, 0.0) + gain
        best = sorted(scores, key=lambda place: (-scores[place], place))
        return list(islice((self.premises[i] for i in best if allowed(self.premises[i])), count))

    @cached_property
    def _by_path(self) -> dict[str, list[Premise]]:
        found: dict[str, list[Premise]] = {}
        for one in self.premises:
            found.setdefault(one.path, []).append(one)
        return found

    @cached_property
    def _index(self) -> _Index:
        return _Index.of(f"{one.name} {one.code}" for one in self.premises)


@dataclass(frozen=True, slots=True)
class _Index:
    """An inverted index: where each word occurs, and how often."""

    places: dict[str, array[int]]
    times: dict[str, array[int]]
    lengths: array[int]
    mean: float

    @classmethod
    def of(cls, texts: Iterable[str]) -> _Index:
        places: dict[str, array[int]] = {}
        times: dict[str, array[int]] = {}
        lengths: array[int] = array("L")
        for place, text in enumerate(texts):
            counts = Counter(words(text))
            lengths.append(sum(counts.values()))
            for word, count in counts.items():
                places.setdefault(word, array("L")).append(place)
                times.setdefault(word, array("L")).append(count)
        return cls(places, times, lengths, max(1.0, sum(lengths) / max(1, len(lengths))))


def words(text: str) -> list[str]:
    """Split a Lean text into the words that BM25 compares: parts of names (`addLeftCancel`, `mul_le_mul`), numbers
    and signs.
    """
    return [word.lower() for word in _WORD.findall(text)]


def _usable(row: dict[str, Any]) -> bool:
    name = row["full_name"]
    return bool(name and row["code"]) and "user__.n" not in name and not name.startswith("[")


def _premise(path: str, row: dict[str, Any]) -> Premise:
    (line, column), (last, end) = row["start"], row["end"]
    return Premise(row["full_name"], path, row["code"], (line, column), (last, end), str(row.get("kind", "")))
