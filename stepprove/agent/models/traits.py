"""What a model's name says of it: its style of prompts, its sampling, its stop tokens. No other place looks at a model's name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from stepprove.serving.client.model_name import TINY

Style = Literal["tir", "chat"]
"""`tir`: one growing text with sketches (`stepfun.py`); `chat`: whole proofs and repairs (`refine.py`)."""

END_ID, SKETCH_END_ID = 151643, 151666
"""The end of the text and `</sketch>` in the tokenizer of the StepFun-Prover models."""


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """The traits of a model; the defaults are those of an unknown one, the numbers those of StepFun-Prover's demo."""

    style: Style = "chat"
    """The style that it is trained for."""
    stop_ids: tuple[int, ...] = ()
    """The stop tokens that it is known to have."""
    temperature: float = 0.999
    """Of its growing text."""
    max_seq_len: int = 20480
    """Tokens of its growing text."""


_STEPFUN = ModelTraits(style="tir", stop_ids=(END_ID, SKETCH_END_ID))
_TINY = ModelTraits(style="tir", temperature=0.7, max_seq_len=1024)


def traits_of(model: str) -> ModelTraits:
    """Return the traits of a model by its server's name for it."""
    letters = re.sub(r"[^a-z]", "", model.lower())
    if "stepfunprover" in letters:
        return _STEPFUN
    return _TINY if letters == TINY else ModelTraits()
