"""Texts that servers write, in vLLM's protocol: by this project's own server, and by vLLM where STEPPROVE_VLLM names one."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from micro import THEOREM, qwen, train
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from stepprove.agent.models.stepfun import feedback_of
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.serving.client.client import ModelRefused, ModelUnreachable
from stepprove.serving.serve.cpu import cpu_server
from stepprove.serving.serve.remote_model import RemoteModel
from stepprove.serving.serve.sampler import SamplingParams
from stepprove.serving.serve.server import HOST, ModelServer, listen
from stepprove.train.recipe import read_rlvr
from stepprove.train.rl.figures import Update
from stepprove.train.rl.run import run_rlvr
from stepprove.train.rl.update import log_probs

pytestmark = pytest.mark.nightly

VLLM = os.environ.get("STEPPROVE_VLLM")
PROMPT = list(range(20, 50))


@pytest.fixture(scope="module")
def folder(pool: SyncPool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that proves one theorem, of an architecture that vLLM has."""
    home = tmp_path_factory.mktemp("qwen") / "qwen"
    train(home, feedback_of(pool.check(THEOREM.source("simp"))), qwen)
    return home


def vllm_server(folder: Path, log: Path) -> ModelServer:
    with listen() as free:
        port = free.getsockname()[1]
    command = [str(VLLM), "serve", str(folder), "--port", str(port), "--max-model-len", "1024"]
    return ModelServer(
        [*command, "--dtype", "float32", "--enforce-eager"], name="vllm", url=f"http://{HOST}:{port}", log=log
    )


@pytest.fixture(
    scope="module",
    params=[
        "own",
        pytest.param("vllm", marks=pytest.mark.skipif(not VLLM, reason="no vLLM here")),
    ],
)
def url(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server that takes new weights."""
    log = tmp_path_factory.mktemp("log") / "log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_SERVER_DEV_MODE", "1")
        server = cpu_server(str(folder), log=log) if request.param == "own" else vllm_server(folder, log)
    asyncio.run(server.ready(300))
    yield f"{server.url}/v1"
    asyncio.run(server.stop())


def ask(
    url: str, home: Path, model: PreTrainedModel, work: Callable[[RemoteModel], Coroutine[Any, Any, None]]
) -> None:
    def write(new: Path, weights: Mapping[str, Tensor]) -> None:
        model.save_pretrained(new, state_dict=dict(weights))

    async def run() -> None:
        async with RemoteModel([url], 900, home, write) as remote:
            await work(remote)

    asyncio.run(run())


def likelihoods(model: PreTrainedModel, tokens: tuple[int, ...]) -> list[float]:
    with torch.no_grad():
        told: list[float] = log_probs(model, torch.tensor([[*PROMPT, *tokens]]))[0, len(PROMPT) :].tolist()
    return told


def test_tokens_are_as_likely_as_the_weights_of_the_moment_say(
    url: str, folder: Path, tmp_path: Path
) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    params = SamplingParams(max_tokens=20, seed=7)

    async def work(remote: RemoteModel) -> None:
        for noise in (0.0, 0.3, 0.3):
            with torch.no_grad():
                for weight in model.parameters():
                    weight.add_(noise * weight.std() * torch.randn_like(weight))
            remote.load(model.state_dict())
            drawn = await remote.generate(PROMPT, params)
            assert len(drawn.tokens) == 20 and drawn.finish == "length"
            assert list(drawn.log_probs) == pytest.approx(likelihoods(model, drawn.tokens), abs=2e-3)

    torch.manual_seed(1)
    ask(url, tmp_path, model, work)
    assert [path.name for path in tmp_path.iterdir()] == ["weights-2"]  # older ones are not kept


def test_a_text_ends_where_a_string_or_a_token_ends_it(url: str, folder: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)

    async def work(remote: RemoteModel) -> None:
        remote.load(model.state_dict())
        whole = await remote.generate(PROMPT, SamplingParams(max_tokens=30, temperature=0))
        third = tokenizer.decode(whole.tokens[2:3])
        by_text = await remote.generate(PROMPT, SamplingParams(max_tokens=30, temperature=0, stop=(third,)))
        assert (by_text.finish, by_text.stopped_by) == ("stop", third)
        assert third in tokenizer.decode(by_text.tokens) and len(by_text.tokens) <= 3
        ends = frozenset({whole.tokens[4]})
        by_token = await remote.generate(
            PROMPT, SamplingParams(max_tokens=30, temperature=0, end_tokens=ends)
        )
        assert by_token.tokens == whole.tokens[: len(by_token.tokens)] and by_token.tokens[-1] in ends

    ask(url, tmp_path, model, work)


def test_a_text_that_outgrows_the_context_is_refused_in_words_of_tokens(
    url: str, folder: Path, tmp_path: Path
) -> None:
    async def work(remote: RemoteModel) -> None:
        with pytest.raises(ModelRefused, match="the prompt has 900 tokens"):
            await remote.generate([5] * 900, SamplingParams(max_tokens=5))

    ask(url, tmp_path, AutoModelForCausalLM.from_pretrained(folder), work)


def test_vllm_is_not_given_weights_that_it_would_take_in_part(
    url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async def enter() -> None:
        async with RemoteModel([url], 900, tmp_path, lambda new, weights: None, tied=True):
            pass

    if "vllm" in request.node.callspec.id:
        with pytest.raises(ModelRefused, match="whose embeddings are tied"):
            asyncio.run(enter())
    else:
        asyncio.run(enter())


def test_weights_that_no_server_can_read_are_a_failure(url: str, folder: Path, tmp_path: Path) -> None:
    async def work(remote: RemoteModel) -> None:
        with pytest.raises(ModelUnreachable):
            RemoteModel(["http://127.0.0.1:1/v1"], 900, tmp_path, lambda new, weights: None).load({})

    ask(url, tmp_path, AutoModelForCausalLM.from_pretrained(folder), work)


def test_a_run_with_a_server_trains_and_goes_on_after_a_stop(
    url: str, folder: Path, tmp_path: Path, engine: Engine
) -> None:
    (tmp_path / "problems.jsonl").write_text(json.dumps({"formal_statement": THEOREM.source()}) + "\n")
    (tmp_path / "r.yaml").write_text(
        "problems: problems.jsonl\nrollouts: vllm\njobs: 1\nrare_share: 0.9\n"
        "rlvr: {updates: 3, problems: 2, group: 4, max_tokens: 600, max_turns: 3, learning_rate: 1.0e-3}\n"
    )
    recipe, text = read_rlvr(str(tmp_path / "r.yaml"))
    told: list[Update] = []

    def listen(update: Update) -> None:
        told.append(update)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_rlvr(recipe, text, folder, tmp_path / "run", engine, servers=[url], listen=listen)
    run_rlvr(recipe, text, folder, tmp_path / "run", engine, servers=[url], listen=listen)
    assert [update.number for update in told] == [0, 1, 2]
    assert all(update.reward > 0.5 and update.drift < 0.2 for update in told)
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()
