"""Random models of a few thousand parameters, as folders that can be served."""

from __future__ import annotations

import string
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM

TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "


def step_moe(vocabulary: int = 120) -> StepMoeForCausalLM:
    """A model with full and sliding layers, whose window is shorter than the tests' texts."""
    torch.manual_seed(0)
    config = StepMoeConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=5,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        sliding_window=6,
        n_routed_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=16,
        share_expert_dim=16,
        max_position_embeddings=512,
        initializer_range=0.4,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    return StepMoeForCausalLM(config).eval()


def tokenizer() -> PreTrainedTokenizerFast:
    """A letter is a token, and so are `</s>` and `</sketch>`."""
    words = ["</s>", "</sketch>", *sorted(set(string.printable) - {" "})]
    letters = Tokenizer(models.BPE({word: place for place, word in enumerate([*words, "Ġ"])}, []))
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.decoder = decoders.ByteLevel()
    letters.add_tokens(["</sketch>"])
    made = PreTrainedTokenizerFast(tokenizer_object=letters, eos_token="</s>", pad_token="</s>")
    made.chat_template = TEMPLATE
    return made


def save(folder: Path) -> Path:
    """Make a model's folder."""
    letters = tokenizer()
    step_moe(len(letters)).save_pretrained(folder)
    letters.save_pretrained(folder)
    return folder
