"""Other names for what a trajectory declares, so that a model learns to read a name off the problem, not to know it."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Sequence

from transformers import PreTrainedTokenizerFast

from stepprove.train.trajectories import TrainingText

_DECLARED = re.compile(r"\b(?:theorem|def) ([^\s({:\[]+)")
_TRIES = 20


def fragments(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """The tokens that consist of letters, in a fixed order: whatever a name is cut into is made of them."""
    words = {token.removeprefix("Ġ") for token in tokenizer.get_vocab()}
    return sorted(word for word in words if re.fullmatch("[A-Za-z]+", word))


def any_name(length: int, rng: random.Random, pieces: Sequence[str] = string.ascii_letters) -> str:
    """A name of so many characters: pieces drawn at random, some joined by underscores or dots, some with a digit between."""
    name = ""
    while len(name) < length:
        joint = rng.choice(("", "", "", "_", "_", "_", ".", rng.choice("123456789"))) if name else ""
        name += joint + rng.choice(pieces)
    name = name[:length]
    return name[:-1] + rng.choice("aenrst") if name[-1] in "._" else name


def renamed(
    text: TrainingText, rng: random.Random, pieces: Sequence[str] = string.ascii_letters
) -> TrainingText:
    """The same trajectory with other names for what its problem declares.

    Each is as long as the old one, so that places in Lean's messages stay true, and occurs nowhere else in the text.
    """
    whole = text.text
    parts = text.pieces
    for name in dict.fromkeys(_DECLARED.findall(parts[0][0])):
        drawn = (any_name(len(name), rng, pieces) for _ in range(_TRIES))
        other = next(
            (each for each in drawn if re.search(rf"(?<!\w){re.escape(each)}(?!\w)", whole) is None), name
        )
        pattern = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w'])")
        parts = tuple((pattern.sub(other, piece), learned) for piece, learned in parts)
    return text.model_copy(update={"pieces": parts})
