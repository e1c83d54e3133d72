"""What a model's name says of it: its style, its form of prompt, its sampling, its stop tokens. No other place looks at names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from stepprove.serving.client.model_backends import TINY

Style = Literal["tir", "chat"]
"""A prover's: one growing text with sketches (`tir`), or whole proofs and repairs by chat (`chat`)."""
FormName = Literal["stepfun", "kimina", "chat"]
"""The form of a formalizer's prompt."""

END_ID, SKETCH_END_ID = 151643, 151666
"""The end of the text and `</sketch>` in the tokenizer of the StepFun-Prover models."""


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """The traits of a model; the defaults are those of an unknown one."""

    style: Style = "chat"
    """The style that it is trained for, as a prover."""
    form: FormName = "chat"
    """The form of prompt that it is trained for, as a formalizer."""
    stop_ids: tuple[int, ...] = ()
    """The stop tokens that it is known to have."""
    temperature: float = 0.999
    """Of its growing text; StepFun-Prover's demo has this."""
    max_seq_len: int = 20480
    """Tokens of its growing text; StepFun-Prover's demo has this."""


_KNOWN = {
    "stepfunprover": ModelTraits(style="tir", stop_ids=(END_ID, SKETCH_END_ID)),
    "stepfunformalizer": ModelTraits(form="stepfun"),
    "kiminaautoformalizer": ModelTraits(form="kimina"),
}
"""The letters in a name, and the traits of the models with them."""
_TINY = ModelTraits(style="tir", temperature=0.7, max_seq_len=1024)


def traits_of(model: str) -> ModelTraits:
    """Return the traits of a model by its server's name for it."""
    letters = re.sub(r"[^a-z]", "", model.lower())
    if letters == TINY:
        return _TINY
    return next((traits for part, traits in _KNOWN.items() if part in letters), ModelTraits())
