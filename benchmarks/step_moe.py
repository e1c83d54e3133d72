"""Compare StepMoE with transformers' mixtures of experts of the same size; measure MTP's speed-up and MFA's cache.

    python benchmarks/step_moe.py [--sizes 3M,30M] [--rounds N] [--parts models,mtp,cache]

All run on one thread, in turns, and the figure is that thread's CPU time, which other work on the machine disturbs little and
equally. The best round counts. Every model has the same width, layers, heads, vocabulary, expert sizes and parameters per token;
one more routed expert replaces Qwen3's shared one. Each uses transformers' default experts, attention and cache.
Routers have large random weights, so that tokens spread over the experts as a trained model's do.
"""

from __future__ import annotations

import argparse
import platform
import random
import time
from collections.abc import Callable
from datetime import datetime

import torch
import transformers
from torch import Tensor, nn
from transformers import (
    AfmoeConfig,
    AfmoeForCausalLM,
    PreTrainedModel,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
    Step3p7Config,
    Step3p7ForConditionalGeneration,
)

from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM
from stepprove.serving.step_moe.step3p7 import step3p7_text_config

SIZES = {
    "3M": StepMoeConfig(
        vocab_size=1024, hidden_size=128, intermediate_size=384, num_attention_heads=4, head_dim=32, sliding_window=128,
        n_routed_experts=8, num_experts_per_tok=2, moe_intermediate_size=80, share_expert_dim=80, pad_token_id=0,
    ),
    "30M": StepMoeConfig(
        vocab_size=2048, hidden_size=384, intermediate_size=1024, num_attention_heads=6, head_dim=64, sliding_window=128,
        n_routed_experts=16, num_experts_per_tok=4, moe_intermediate_size=160, share_expert_dim=160, pad_token_id=0,
    ),
}  # fmt: skip

BATCH, LENGTH = 4, 1024
WRITERS, PROMPT, WRITTEN = 16, 512, 64


def rivals(ours: StepMoeConfig) -> dict[str, Callable[[], PreTrainedModel]]:
    shared = {
        "vocab_size": ours.vocab_size,
        "hidden_size": ours.hidden_size,
        "intermediate_size": ours.intermediate_size,
        "num_hidden_layers": ours.num_hidden_layers,
        "num_attention_heads": ours.num_attention_heads,
        "num_key_value_heads": ours.num_key_value_heads,
        "head_dim": ours.head_dim,
        "moe_intermediate_size": ours.moe_intermediate_size,
        "max_position_embeddings": ours.max_position_embeddings,
        "pad_token_id": 0,
    }
    eye = {"width": 16, "layers": 1, "heads": 2, "image_size": 28, "patch_size": 14}  # not used
    text = step3p7_text_config(ours).to_dict()
    experts, chosen = ours.n_routed_experts, ours.num_experts_per_tok
    afmoe = AfmoeConfig(
        **shared, num_dense_layers=1, num_experts=experts, num_experts_per_tok=chosen, num_shared_experts=1,
        layer_types=ours.layer_types, sliding_window=ours.sliding_window,
    )  # fmt: skip
    qwen = Qwen3MoeConfig(
        **shared,
        mlp_only_layers=[0],
        num_experts=experts + 1,
        num_experts_per_tok=chosen + 1,
        norm_topk_prob=True,
    )
    return {
        "StepMoE": lambda: StepMoeForCausalLM(ours),
        "Step3p7": lambda: Step3p7ForConditionalGeneration(
            Step3p7Config(text_config=text, vision_config=eye)
        ),
        "Afmoe": lambda: AfmoeForCausalLM(afmoe),
        "Qwen3Moe": lambda: Qwen3MoeForCausalLM(qwen),
    }


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def write(model: PreTrainedModel, prompt: Tensor, count: int, **options: bool) -> Tensor:
    written = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=count, min_new_tokens=count, do_sample=False,
        pad_token_id=0, **options,
    )  # fmt: skip
    assert isinstance(written, Tensor)
    return written


def language_parameters(model: nn.Module) -> int:
    return sum(
        p.numel() for name, p in model.named_parameters() if "vision" not in name and "projector" not in name
    )


def compare(size: str, rounds: int) -> None:
    torch.manual_seed(0)
    models = {name: build() for name, build in rivals(SIZES[size]).items()}
    vocabulary = SIZES[size].vocab_size
    optimizers = {}
    for name, model in models.items():
        for parameter_name, parameter in model.named_parameters():
            if parameter_name.endswith(("mlp.gate.weight", "router.gate.weight")):
                nn.init.normal_(parameter, std=0.3)
        optimizers[name] = torch.optim.AdamW(model.parameters(), lr=1e-5)
    ids = torch.randint(1, vocabulary, (BATCH, LENGTH))
    prompt = torch.randint(1, vocabulary, (WRITERS, PROMPT))

    def train(name: str) -> None:
        models[name].train()
        models[name](input_ids=ids, labels=ids).loss.backward()
        optimizers[name].step()
        optimizers[name].zero_grad()

    training: dict[str, list[float]] = {name: [] for name in models}
    writing: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds):
        for name, model in models.items():
            training[name].append(seconds(lambda name=name: train(name)))
            model.eval()
            writing[name].append(seconds(lambda model=model: write(model, prompt, WRITTEN)))
    print(f"\n{size}: tokens a second of CPU time, best of {rounds} rounds")
    print(
        f"training {BATCH} x {LENGTH} tokens (forward, backward, AdamW); writing {WRITTEN} tokens after {PROMPT}, {WRITERS} texts"
    )
    for name, model in models.items():
        million = language_parameters(model) / 1e6
        trained, written = BATCH * LENGTH / min(training[name]), WRITERS * WRITTEN / min(writing[name])
        print(f"{name:<9} {million:5.1f} M   training {trained:7.0f}   writing {written:7.0f}", flush=True)
    for what, times in (("training", training), ("writing", writing)):
        name = min((name for name in models if name != "StepMoE"), key=lambda name: min(times[name]))
        print(
            f"{what}: {min(times[name]) / min(times['StepMoE']):.2f} times the best of the others ({name})",
            flush=True,
        )


def lean_text(length: int, source: random.Random) -> str:
    """Synthetic Lean: mostly predictable, with random numbers, names and tactics."""
    text = ""
    while len(text) < length:
        a, b = source.sample("abmnxyz", 2)
        n, tactic = (
            source.randrange(1000),
            source.choice(["omega", "simp", "grind", "exact Nat.add_comm _ _"]),
        )
        text += f"theorem t{n} ({a} {b} : Nat) : {a} + {b} + {n} = {b} + {a} + {n} := by\n  {tactic}\n"
    return text[:length]


def measure_mtp(steps: int) -> None:
    source = random.Random(0)
    characters = sorted(set(lean_text(20000, source)))
    place = {character: index + 1 for index, character in enumerate(characters)}

    def tokens(batch: int, length: int) -> Tensor:
        return torch.tensor([[place[c] for c in lean_text(length, source)] for _ in range(batch)])

    for heads in (1, 3):
        torch.manual_seed(0)
        config = SIZES["3M"].to_dict() | {"vocab_size": len(place) + 1, "num_nextn_predict_layers": heads}
        config |= {"mtp_layer_types": None, "mtp_mlp_layer_types": None}
        model = StepMoeForCausalLM(StepMoeConfig(**config)).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        for _ in range(steps):
            ids = tokens(8, 160)
            model(ids, labels=ids).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        model.eval()
        passes = 0

        def count(*_: object) -> None:
            nonlocal passes
            passes += 1

        model.model.layers[0].register_forward_hook(count)
        times: dict[bool, float] = {False: 0.0, True: 0.0}
        drafted = 0
        for prompt in tokens(4, 100).split(1):
            texts = {}
            for drafting in (False, True):
                passes = 0
                started = time.process_time()
                texts[drafting] = write(model, prompt, 150, use_mtp=drafting)
                times[drafting] += time.process_time() - started
            drafted += passes
            assert torch.equal(texts[True], texts[False])
        # the first pass reads the prompt and drafts nothing; each later one writes one token and those accepted
        accepted = (4 * 150 - drafted) / (heads * (drafted - 4))
        print(
            f"{heads} MTP heads after {steps} steps on made-up Lean: {accepted:.0%} of drafts accepted, "
            f"{4 * 150 / drafted:.2f} tokens a pass, {times[False] / times[True]:.2f} times as fast (one text, greedy)",
            flush=True,
        )


@torch.no_grad()
def measure_cache() -> None:
    for heads in (2, 4, 8):
        held = {}
        for attention in ("gqa", "mfa"):
            config = StepMoeConfig(
                attention=attention,
                num_attention_heads=8,
                num_key_value_heads=heads,
                layer_types=["full_attention"] * 9,
            )
            cache = StepMoeForCausalLM(config).eval()(torch.ones(1, 100, dtype=torch.long)).cache
            held[attention] = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers) / 100
        print(
            f"cache, 9 full layers, 8 heads of 64, 32 bits: GQA with {heads} key-value heads {held['gqa']:.0f} B a token, "
            f"MFA {held['mfa']:.0f} B ({held['gqa'] / held['mfa']:.0f} times less)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="3M,30M")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=150, help="training steps before MTP is measured")
    parser.add_argument("--parts", default="cache,models,mtp")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    print(
        f"{datetime.now():%Y-%m-%d}, torch {torch.__version__}, transformers {transformers.__version__}, {platform.machine()}"
    )
    parts = arguments.parts.split(",")
    if "cache" in parts:
        measure_cache()
    if "models" in parts:
        for size in arguments.sizes.split(","):
            compare(size, arguments.rounds)
    if "mtp" in parts:
        measure_mtp(arguments.steps)


if __name__ == "__main__":
    main()
