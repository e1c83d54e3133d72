"""A small tokenizer: byte-level BPE trained on the trajectories, with one token for each fixed text of the protocol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from stepprove.agent.models.stepfun import (
    ASSISTANT,
    BEGIN,
    END,
    REPL,
    REPL_END,
    SKETCH,
    SKETCH_END,
    SYSTEM_PROMPT,
    THINK,
    THINK_END,
    USER,
)

PAD = "<｜▁pad▁｜>"
_KEPT = (
    THINK,
    THINK_END,
    SKETCH,
    SKETCH_END,
    REPL,
    REPL_END,
    "```lean4\n",
    "```",
    SYSTEM_PROMPT,
)
"""Fixed texts of the protocol that decoding keeps."""
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ m['content'] }}{% elif m['role'] == 'user' %}"
    f"{USER}{{{{ m['content'] }}}}{{% else %}}{ASSISTANT}{{{{ m['content'] }}}}{END}{{% endif %}}{{% endfor %}}"
    f"{{% if add_generation_prompt %}}{ASSISTANT}{THINK}\n{{% endif %}}"
)
"""The chat template of DeepSeek-R1-Distill-Qwen, for text messages."""


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, context: int, fixed: Sequence[str] = ()
) -> PreTrainedTokenizerFast:
    """Train a tokenizer; every digit is a token of its own.

    Args:
        texts: the training texts.
        vocabulary: number of tokens.
        context: most tokens of a text.
        fixed: further texts that become one token each.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [PAD, BEGIN, END, USER, ASSISTANT]
    kept = [AddedToken(text, special=False, normalized=False) for text in (*_KEPT, *fixed)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    size = vocabulary - len(kept)
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator((_without(text) for text in texts), trainer)
    tokenizer.add_tokens(kept)
    wrapped: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def _without(text: str) -> str:
    """Remove the pieces that are one token each."""
    for piece in (*_KEPT, BEGIN, END, USER, ASSISTANT):
        text = text.replace(piece, " ")
    return text
