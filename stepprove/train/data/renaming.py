"""Other names for what a trajectory declares, and remarks above it, so that a model reads a statement off the problem."""

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
"""Characters of a short piece."""
_CODE = "```lean4\n"
_WORDS = 12
"""The most in a remark."""


def fragments(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """The tokens that consist of letters, in a fixed order: whatever a name is cut into is made of them."""
    words = {token.removeprefix("Ġ") for token in tokenizer.get_vocab()}
    return sorted(word for word in words if re.fullmatch("[A-Za-z]+", word))


def any_name(length: int, rng: random.Random, pieces: Sequence[str] = string.ascii_letters) -> str:
    """A name of so many characters: pieces drawn at random, some joined by underscores or dots, some with a digit between.

    Half of the names are made of single letters or of short pieces alone: a model that has only met names of few tokens loses
    its place in longer ones. The other half are made of any, so that each piece is met in names.
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
    """The same trajectory with another name for its theorem, and for its definitions too if so wished.

    Each is as long as the old one, so that places in Lean's messages stay true, and occurs nowhere else in the text.
    """
    whole = text.text
    prompt = text.pieces[0][0]
    parts = [piece for piece, _ in text.pieces]
    names = _THEOREM.findall(prompt) + (_DEFINITION.findall(prompt) if definitions else [])
    for name in dict.fromkeys(names):
        drawn = (any_name(len(name), rng, pieces) for _ in range(_TRIES))
        other = next(
            (each for each in drawn if re.search(rf"(?<!\w){re.escape(each)}(?!\w)", whole) is None), name
        )
        parts = [_standing(name).sub(other, piece) for piece in parts]
    return _with_pieces(text, parts)


def nameless(text: TrainingText) -> str:
    """The text with a letter for its theorem's name: what a tokenizer is to learn its words from.

    The words of names would become tokens of their own, of which a model that meets other names in each pass learns little: one
    trained so copied names of unknown words, and not names of known ones.
    """
    whole = text.text
    for name in dict.fromkeys(_THEOREM.findall(text.pieces[0][0])):
        whole = _standing(name).sub("t", whole)
    return whole


def remarked(
    text: TrainingText, rng: random.Random, pieces: Sequence[str] = string.ascii_letters
) -> TrainingText:
    """The same trajectory with a docstring of random words above what its problem declares; the sketches have none."""
    words = " ".join(any_name(rng.randint(2, 9), rng, pieces) for _ in range(rng.randint(1, _WORDS)))
    prompt, *rest = (piece for piece, _ in text.pieces)
    return _with_pieces(text, [prompt.replace(_CODE, f"{_CODE}/-- {words} -/\n", 1), *rest])


def _standing(name: str) -> re.Pattern[str]:
    """Where a name stands, and not a longer one."""
    return re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w'])")


def _with_pieces(text: TrainingText, pieces: Sequence[str]) -> TrainingText:
    learned = (own for _, own in text.pieces)
    return text.model_copy(update={"pieces": tuple(zip(pieces, learned, strict=True))})
