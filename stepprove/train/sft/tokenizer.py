"""A small tokenizer for a small model: byte-level BPE learned on the trajectories, the protocol's fixed texts one token each."""

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
"""Texts of the protocol that stay in what is decoded."""
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ m['content'] }}{% elif m['role'] == 'user' %}"
    f"{USER}{{{{ m['content'] }}}}{{% else %}}{ASSISTANT}{{{{ m['content'] }}}}{END}{{% endif %}}{{% endfor %}}"
    f"{{% if add_generation_prompt %}}{ASSISTANT}{THINK}\n{{% endif %}}"
)
"""The template of DeepSeek-R1-Distill-Qwen, as far as texts go."""


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, context: int, fixed: Sequence[str] = ()
) -> PreTrainedTokenizerFast:
    """Learn a vocabulary of so many tokens; `context` is the most tokens of a text. Digits stay single.

    `fixed` are more texts that become one token each.
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
    """A text without the pieces that are one token anyway."""
    for piece in (*_KEPT, BEGIN, END, USER, ASSISTANT):
        text = text.replace(piece, " ")
    return text
