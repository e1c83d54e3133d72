"""Several processes that train one model: their update is that of one process, and a run of theirs goes on after a kill."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from micro import THEOREM
from torch import multiprocessing
from transformers import AutoModelForCausalLM

from stepprove.serving.serve.cpu import cpu_server
from stepprove.serving.serve.server import listen
from stepprove.train.distributed import FSDPProcesses, ProcessGroup, SingleProcess, shard_model
from stepprove.train.rl.batches import Batch
from stepprove.train.rl.rlvr import RlvrOptions
from stepprove.train.rl.update import StepFigures, update

OPTIONS = RlvrOptions(learning_rate=1e-2)


def parts() -> list[Batch]:
    """Three batches of different widths."""
    torch.manual_seed(3)
    made = []
    for texts, tokens in ((2, 9), (3, 14), (1, 30)):
        mask = (torch.rand(texts, tokens) < 0.7).float()
        mask[:, :3] = 0
        ids = torch.randint(5, 200, (texts, tokens))
        made.append(Batch(ids, mask, -5 - torch.rand(texts, tokens), torch.randn(texts)))
    return made


def learn(folder: Path, model: torch.nn.Module, own: list[Batch], processes: ProcessGroup, name: str) -> None:
    """Two updates; what they told and made of the weights goes into files."""
    optimizer = torch.optim.AdamW(model.parameters(), OPTIONS.learning_rate, weight_decay=0.0)
    model.train(False)
    told = [update(model, optimizer, own, OPTIONS, processes) for _ in range(2)]  # type: ignore[arg-type]
    weights = processes.weights(model)  # type: ignore[arg-type]
    moments = processes.gather(processes.optimizer_state(model, optimizer))[0]  # type: ignore[arg-type]
    third = update(model, optimizer, own, OPTIONS, processes)  # type: ignore[arg-type]
    processes.restore(model, optimizer, weights, moments)  # type: ignore[arg-type]
    again = update(model, optimizer, own, OPTIONS, processes)  # type: ignore[arg-type]
    if processes.rank == 0:
        torch.save((told, third, again, weights), folder / name)


def one_of_two(rank: int, model: Path, folder: Path, port: int) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = FSDPProcesses(gpus=False, everywhere=True)
    own = parts()[:2] if rank == 0 else parts()[2:]
    learn(folder, shard_model(model, processes.device, bf16=False, recompute=True), own, processes, "two")


@pytest.mark.nightly
def test_the_update_of_two_processes_is_that_of_one(models: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(models / "tiny", dtype=torch.float32)
    learn(tmp_path, model, parts(), SingleProcess(), "one")
    with listen() as free:
        port = free.getsockname()[1]
    multiprocessing.spawn(one_of_two, (models / "tiny", tmp_path, port), nprocs=2)
    one, two = (torch.load(tmp_path / name, weights_only=False) for name in ("one", "two"))
    for ours, theirs in zip((*one[0], *one[1:3]), (*two[0], *two[1:3]), strict=True):
        assert isinstance(ours, StepFigures)
        for name in ("loss", "grad_norm", "trusted", "drift"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-4, abs=1e-6)
    assert one[3].keys() == two[3].keys()
    for name, weight in one[3].items():
        torch.testing.assert_close(two[3][name], weight, rtol=1e-3, atol=1e-4)


def figures(folder: Path) -> list[dict[str, Any]]:
    """Of each update, the clock's left out."""
    path = folder / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [{k: v for k, v in line.items() if not k.endswith("_seconds")} for line in lines]


@pytest.fixture
def server(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that writes texts."""
    monkeypatch.setenv("VLLM_SERVER_DEV_MODE", "1")
    started = cpu_server(str(models / "tiny"), log=tmp_path / "log")
    asyncio.run(started.ready(120))
    yield f"{started.url}/v1"
    asyncio.run(started.stop())


@pytest.mark.nightly
@pytest.mark.parametrize("rollouts", ["here", "vllm"])
def test_two_processes_reinforce_a_model_and_go_on_after_a_kill(
    rollouts: str, models: Path, tmp_path: Path, launching: dict[str, str], server: str
) -> None:
    (tmp_path / "problems.jsonl").write_text(json.dumps({"formal_statement": THEOREM.source()}) + "\n")
    (tmp_path / "r.yaml").write_text(
        f"model: {models / 'tiny'}\nproblems: problems.jsonl\nrollouts: {rollouts}\njobs: 1\nrare_share: 0.95\n"
        "hardware: {gpus: 2xCPU:8}\n"
        "rlvr: {updates: 5, problems: 2, group: 4, max_tokens: 600, max_turns: 3, learning_rate: 1.0e-3}\n"
    )

    def launcher(output: Path) -> list[str]:
        command = [
            sys.executable,
            "-m",
            "stepprove",
            "train",
            "rlvr",
            str(tmp_path / "r.yaml"),
            "-o",
            str(output),
        ]
        subprocess.run([*command, "--plan", "--files", str(output.with_suffix(".launch"))], check=True)
        return ["sh", str(output.with_suffix(".launch") / "train.sh"), *[server] * (rollouts == "vllm")]

    subprocess.run(launcher(tmp_path / "whole"), check=True, env=launching)
    parts = launcher(tmp_path / "parts")
    process = subprocess.Popen(parts, env=launching, start_new_session=True)
    deadline = time.monotonic() + 200
    while process.poll() is None and len(figures(tmp_path / "parts")) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 2 <= len(figures(tmp_path / "parts")) < 5
    subprocess.run(parts, check=True, env=launching)
    whole = figures(tmp_path / "whole")
    assert len(whole) == 5 and whole[-1]["reward"] > 0.5
    for one, other in zip(whole, figures(tmp_path / "parts"), strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    assert (tmp_path / "whole" / "rare.jsonl").read_text() == (tmp_path / "parts" / "rare.jsonl").read_text()
    ours, theirs = (
        AutoModelForCausalLM.from_pretrained(tmp_path / name / "model").state_dict()
        for name in ("whole", "parts")
    )
    for name, weight in ours.items():
        torch.testing.assert_close(theirs[name], weight, rtol=1e-3, atol=1e-4)
