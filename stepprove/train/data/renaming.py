"""Augment trajectories with new names and docstrings, so that a model learns to copy a statement from its problem."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Sequence

from transformers import PreTrainedTokenizerFast

from stepprove.train.sft.trajectories import TrainingText

_THEOREM = re.compile(r"\btheorem ([^\s({:\[]+)")
_DEFINITION = re.compile(r"\bdef ([^\s({:\[]+)")
_TRIES = 20
_SHORT = 2
"""Most characters of a short piece."""
_CODE = "```lean4\n"
_WORDS = 12
"""Most words of a remark."""


def fragments(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """Return the tokens of letters only, sorted: names consist of these."""
    words = {token.removeprefix("Ġ") for token in tokenizer.get_vocab()}
    return sorted(word for word in words if re.fullmatch("[A-Za-z]+", word))


def any_name(length: int, rng: random.Random, pieces: Sequence[str] = string.ascii_letters) -> str:
    """Draw a name of `length` characters from random pieces, some joined by an underscore, a dot or a digit.

    Half of the names use single letters or short pieces only: a model trained on names of few tokens loses its place in longer
    ones. The other half use any piece, so that each occurs in names.

    Args:
        length: characters of the name.
        rng: the source of randomness.
        pieces: the pieces.
    """
    longest = rng.choice((1, _SHORT, length, length))
    pieces = [piece for piece in pieces if len(piece) <= longest] or pieces
    name = ""
    while len(name) < length:
        joint = rng.choice(("", "", "", "_", "_", "_", ".", rng.choice("123456789"))) if name else ""
        name += joint + rng.choice(pieces)
    name = name[:length]
    return name[:-1] + rng.choice("aenrst") if name[-1] in "._" else name


def renamed(
    text: TrainingText,
    rng: random.Random,
    pieces: Sequence[str] = string.ascii_letters,
    *,
    definitions: bool = False,
) -> TrainingText:
    """Rename a trajectory's theorem, and its definitions with `definitions`.

    A new name has the old one's length, so that positions in Lean's messages stay true, and occurs nowhere else in the text.

    Args:
        text: the trajectory.
        rng: the source of randomness.
        pieces: the pieces of new names.
        definitions: rename the definitions too.
    """
    whole = text.text
    prompt = text.pieces[0][0]
    parts = [piece for piece, _ in text.pieces]
    names = _THEOREM.findall(prompt) + (_DEFINITION.findall(prompt) if definitions else [])
    for name in dict.fromkeys(names):
        drawn = (any_name(len(name), rng, pieces) for _ in range(_TRIES))
        other = next(
            (new for new in drawn if re.search(rf"(?<!\w){re.escape(new)}(?!\w)", whole) is None), name
        )
        parts = [_standing(name).sub(other, piece) for piece in parts]
    return _with_pieces(text, parts)


def nameless(text: TrainingText) -> str:
    """Replace the theorem's name by a letter, for training a tokenizer.

    Otherwise words of names would become tokens. A model that sees new names in each epoch learns little of such tokens: one
    trained so copied names of unknown words, but not names of known ones.
    """
    whole = text.text
    for name in dict.fromkeys(_THEOREM.findall(text.pieces[0][0])):
        whole = _standing(name).sub("t", whole)
    return whole


def remarked(
    text: TrainingText, rng: random.Random, pieces: Sequence[str] = string.ascii_letters
) -> TrainingText:
    """Add a docstring of random words to the trajectory's problem, not to its sketches."""
    words = " ".join(any_name(rng.randint(2, 9), rng, pieces) for _ in range(rng.randint(1, _WORDS)))
    prompt, *rest = (piece for piece, _ in text.pieces)
    return _with_pieces(text, [prompt.replace(_CODE, f"{_CODE}/-- {words} -/\n", 1), *rest])


def _standing(name: str) -> re.Pattern[str]:
    """Match a name, but no longer one that contains it."""
    return re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w'])")


def _with_pieces(text: TrainingText, pieces: Sequence[str]) -> TrainingText:
    learned = (own for _, own in text.pieces)
    return text.model_copy(update={"pieces": tuple(zip(pieces, learned, strict=True))})
