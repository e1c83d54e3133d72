"""Compare CPU servers for a small model: ours, and transformers' plain and with continuous batching.

    python benchmarks/serving.py

A random Qwen3-MoE of 6 M parameters and a StepMoE of 17 M write 128 tokens after a prompt of about 100, for 1, 8 and 16 clients
at once. The benchmark prints seconds from start to ready, resident memory, tokens a second, and the slowest client's seconds. All
servers get one thread, with which they are fastest at this size.
"""

from __future__ import annotations

import asyncio
import os
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3MoeConfig, Qwen3MoeForCausalLM

from stepprove.serving.client.client import Client
from stepprove.serving.client.exchange import Sampling
from stepprove.serving.serve.cpu import cpu_server
from stepprove.serving.serve.server import ModelServer, running
from stepprove.serving.serve.vllm import free_port
from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM

TOKENS = 128
CLIENTS = (1, 8, 16)
VOCABULARY = 2048


def make(root: Path) -> list[Path]:
    """Return the folders of the two models."""
    words = {word: place for place, word in enumerate(["</s>", "Ġ", *sorted(set(string.printable) - {" "})])}
    letters = Tokenizer(models.BPE(words, []))
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=letters, eos_token="</s>", pad_token="</s>")
    torch.manual_seed(0)
    qwen = Qwen3MoeForCausalLM(
        Qwen3MoeConfig(
            vocab_size=VOCABULARY,
            hidden_size=256,
            intermediate_size=512,
            moe_intermediate_size=128,
            num_hidden_layers=6,
            num_attention_heads=8,
            num_key_value_heads=2,
            head_dim=32,
            num_experts=8,
            num_experts_per_tok=2,
            tie_word_embeddings=True,
            eos_token_id=0,
            pad_token_id=0,
        )
    )
    qwen.generation_config.do_sample = True
    ours = StepMoeForCausalLM(StepMoeConfig(vocab_size=VOCABULARY, eos_token_id=0, pad_token_id=0))
    folders = []
    for name, model in (("qwen3-moe", qwen), ("step-moe", ours)):
        model.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
        folders.append(root / name)
    return folders


@asynccontextmanager
async def transformers_server(folder: Path, *options: str) -> AsyncIterator[ModelServer]:
    """Start transformers' own server for a folder."""
    port = free_port()
    program = str(Path(sys.executable).with_name("transformers"))
    if not Path(program).exists():
        program = "transformers"
    server = ModelServer(
        [program, "serve", str(folder), "--host", "127.0.0.1", "--port", str(port), *options],
        name=folder.name,
        url=f"http://127.0.0.1:{port}",
        log=folder.parent / f"{port}.log",
        environment={"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )
    async with running(server, 300):
        yield server


async def measure(server: ModelServer, model: str, started: float) -> str:
    """Print a line of figures."""
    ready = time.monotonic() - started
    figures = []
    how = Sampling(max_tokens=TOKENS, top_p=0.95)
    async with Client(f"{server.url}/v1", model) as client:
        prompts = [f"theorem t{place} : " + "a + b = b + a " * 7 for place in range(max(CLIENTS))]
        await client.complete(prompts[0], how)
        for clients in CLIENTS:
            begun = time.monotonic()
            replies = await asyncio.gather(*(client.complete(prompts[i], how) for i in range(clients)))
            seconds = time.monotonic() - begun
            written = sum(reply.usage.completion_tokens for reply in replies)
            slowest = max(reply.seconds for reply in replies)
            figures.append(f"{written / seconds:6.0f} tok/s {slowest:6.2f} s")
    return f"{ready:6.1f} s {memory(server.pid) / 1000:7.0f} MB   " + "   ".join(figures)


def memory(group: int) -> int:
    """Return the resident memory of a process group, in kB."""
    listing = subprocess.run(["ps", "-A", "-o", "pgid=,rss="], capture_output=True, text=True, check=True)
    return sum(int(rss) for pgid, rss in map(str.split, listing.stdout.splitlines()) if int(pgid) == group)


async def main() -> None:
    with tempfile.TemporaryDirectory() as root:
        qwen, ours = make(Path(root))
        print(
            f"{'':34} ready   memory   "
            + "   ".join(f"{clients:3} clients" + " " * 10 for clients in CLIENTS)
        )
        for folder in (qwen, ours):
            started = time.monotonic()
            async with running(cpu_server(str(folder), log=Path(root) / f"{folder.name}.log"), 300) as server:
                print(
                    f"{folder.name + ', stepprove':34}",
                    await measure(server, folder.name, started),
                    flush=True,
                )
        for words, options in {
            "transformers": (),
            "transformers, continuous": ("--continuous-batching", "--cb-num-blocks", "200"),
        }.items():
            started = time.monotonic()
            async with transformers_server(qwen, *options) as server:
                line = await measure(server, str(qwen), started)
                print(f"{qwen.name + ', ' + words:34}", line, flush=True)


if __name__ == "__main__":
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    asyncio.run(main())
