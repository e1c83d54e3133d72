"""A problem's meaning, in words and in Lean side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Objects:
    """Variables of one type."""

    names: tuple[str, ...]
    type: str
    one: str
    """`natural number`."""
    many: str
    """`natural numbers`."""

    @property
    def lean(self) -> str:
        """Return the Lean binder."""
        return f"({' '.join(self.names)} : {self.type})"

    @property
    def listed(self) -> str:
        """`a, b and c`."""
        return joined(self.names)

    @property
    def let(self) -> str:
        """`n be a natural number`."""
        return (
            f"{self.listed} be {self._article} {self.one}"
            if self._single
            else f"{self.listed} be {self.many}"
        )

    @property
    def every(self) -> str:
        """`every natural number n`."""
        return f"every {self.one} {self.listed}" if self._single else f"all {self.many} {self.listed}"

    @property
    def given(self) -> str:
        """`a natural number n`."""
        return f"{self._article} {self.one} {self.listed}" if self._single else f"{self.many} {self.listed}"

    @property
    def _single(self) -> bool:
        return len(self.names) == 1

    @property
    def _article(self) -> str:
        return "an" if self.one[0] in "aeiou" else "a"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A supposition or a claim."""

    lean: str
    words: tuple[str, ...]
    """Ways to say the phrase in English."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The parts of a statement: objects, suppositions, claim."""

    objects: tuple[Objects, ...]
    suppositions: tuple[Phrase, ...]
    claim: Phrase
    concepts: tuple[str, ...] = ()
    """Definitions of words in Lean, such as `even: n % 2 = 0`."""
    trap: str = ""
    """A likely mistake."""

    @property
    def binders(self) -> tuple[str, ...]:
        """The binders of objects and suppositions."""
        names = ("h",) if len(self.suppositions) == 1 else tuple(f"h{i}" for i in range(1, 10))
        supposed = (f"({name} : {part.lean})" for name, part in zip(names, self.suppositions, strict=False))
        return (*(objects.lean for objects in self.objects), *supposed)

    @property
    def lean(self) -> str:
        """Binders and claim of the theorem."""
        return " ".join([*self.binders, ":", self.claim.lean])


def joined(words: Sequence[str]) -> str:
    """Join words: `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
