"""A run of reinforcement learning as a folder: recipes, figures, and going on after a stop."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from micro import THEOREM

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.remote.http import NoLeanServer
from stepprove.lean_project.pool.remote.remote_pool import RemotePool
from stepprove.serving.client.client import ModelUnreachable
from stepprove.train.recipe import BadRecipe, Hardware, RlvrRecipe, built_in, read_rlvr, read_sft
from stepprove.train.rl.figures import Update
from stepprove.train.rl.run import run_rlvr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rlvr: {group: 1}", "rlvr.group: Input should be greater than or equal to 2"),
        ("rlvr: {loss: ppo}", "rlvr.loss"),
        ("steps: 3", "steps: Extra inputs are not permitted"),
        ("[1, 2", "is not YAML"),
        ("- 1", "valid dictionary"),
        ("rlvr: {text_bounds: [2, 1]}", "text_bounds: 2"),
        ("hardware: {gpus: 3xCPU:8}", "3 processes cannot have equal parts of 8 problems"),
        ("reward: beq\nhardware: {gpus: 2xCPU:8, lean_cores: 9}", "not on lean_cores"),
        ("hardware: {gpus: 2xCPU:8}\nmethods: {angular: true}", "`angular` needs whole weights"),
        ("hardware: {gpus: 2xCPU:8}\nmethods: {baseline: learned}", "needs all problems of a round"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(BadRecipe, match=words):
        read_rlvr(str(tmp_path / "r.yaml"))


def test_recipes_come_with_the_package() -> None:
    assert {"stepfun-prover-rlvr-tiny", "stepfun-prover-sft-tiny"} <= {*built_in()}
    with pytest.raises(BadRecipe, match=r"neither a file nor a recipe; there are .*stepfun-prover-rlvr-tiny"):
        read_rlvr("nothing")


@pytest.mark.parametrize("name", built_in())
def test_a_recipe_that_comes_with_the_package_is_for_one_command(name: str) -> None:
    readers: dict[str, Callable[[str], object]] = {"sft": read_sft, "rlvr": read_rlvr}
    for kind, read in readers.items():
        if f"-{kind}" in f"-{name}":
            read(name)
        else:
            with pytest.raises(BadRecipe, match="is a recipe for"):
                read(name)


@pytest.mark.parametrize(
    ("asked", "servers", "words"),
    [
        ({"rollouts": "vllm"}, [], "written by servers: name them with --model-server"),
        ({}, ["http://127.0.0.1:1/v1"], "--model-server goes with a recipe that says `rollouts: vllm`"),
        (
            {"hardware": Hardware(gpus="8xA800")},
            [],
            "is for 8 processes and this is one of 1: `--plan` shows",
        ),
    ],
)
def test_what_does_not_fit_the_recipe_is_refused_before_anything_is_done(
    tmp_path: Path, engine: Engine, asked: dict[str, Any], servers: list[str], words: str
) -> None:
    with pytest.raises(BadRecipe, match=words):
        run_rlvr(RlvrRecipe(**asked), "", tmp_path / "model", tmp_path / "run", engine, servers=servers)
    assert not (tmp_path / "run").exists()


def test_servers_that_cannot_judge_are_refused_before_the_folder_is_made(tmp_path: Path) -> None:
    def run(recipe: RlvrRecipe) -> None:
        servers = RemotePool(["http://127.0.0.1:1"])
        run_rlvr(recipe, "", tmp_path / "model", tmp_path / "run", servers)

    with pytest.raises(BadRecipe, match="`reward: beq` needs Lean on this machine"):
        run(RlvrRecipe(reward="beq"))
    with pytest.raises(NoLeanServer, match=r"No Lean server answers at http://127\.0\.0\.1:1"):
        run(RlvrRecipe())
    assert not (tmp_path / "run").exists()


def test_a_server_of_texts_that_is_not_there_is_told_before_the_folder_is_made(
    tmp_path: Path, engine: Engine
) -> None:
    with pytest.raises(ModelUnreachable, match=r"http://127\.0\.0\.1:1/v1 cannot be reached"):
        run_rlvr(
            RlvrRecipe(rollouts="vllm"),
            "",
            tmp_path / "model",
            tmp_path / "run",
            engine,
            servers=["http://127.0.0.1:1/v1"],
        )
    assert not (tmp_path / "run").exists()


def test_unknown_gpus_are_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("hardware: {gpus: 8xABC}")
    with pytest.raises(BadRecipe, match=r"hardware\.gpus: .*The memory of ABC is not known"):
        read_rlvr(str(tmp_path / "r.yaml"))


@pytest.fixture
def lean_servers() -> Iterator[list[tuple[str, subprocess.Popen[str]]]]:
    """Two servers as users start them, with one engine each: their addresses and processes."""
    start = [sys.executable, "-c", "from stepprove.cli.start import run; run()", "lean-server"]
    processes = [
        subprocess.Popen([*start, "--port", "0", "--engines", "1"], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    servers = []
    for process in processes:
        assert process.stderr is not None
        url = process.stderr.readline().split(" on ")[1].split()[0]
        for _ in range(300):
            with suppress(httpx2.TransportError):
                httpx2.get(f"{url}/health")
                break
            time.sleep(0.1)
        servers.append((url, process))
    yield servers
    for process in processes:
        process.terminate()
        process.wait(30)


def figures(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if not k.endswith("_seconds")} for line in lines]


@pytest.mark.nightly
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    models: Path, tmp_path: Path, engine: Engine
) -> None:
    (tmp_path / "problems.jsonl").write_text(json.dumps({"formal_statement": THEOREM.source()}) + "\n")
    (tmp_path / "r.yaml").write_text(
        "problems: problems.jsonl\njobs: 1\n"
        "rlvr: {updates: 3, problems: 1, group: 4, canaries: 0, max_tokens: 600, max_turns: 3}\n"
        "methods: {angular: true, baseline: learned}\n"
    )
    recipe, text = read_rlvr(str(tmp_path / "r.yaml"))

    def run(folder: Path, stop_at: int | None = None) -> list[int]:
        told: list[int] = []

        def listen(update: Update) -> None:
            told.append(update.number)
            if update.number == stop_at:
                raise KeyboardInterrupt

        run_rlvr(recipe, text, models / "tiny", folder, engine, listen=listen)
        return told

    assert run(tmp_path / "whole") == [0, 1, 2]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", stop_at=0)
    assert run(tmp_path / "parts") == [1, 2]
    for one, other in zip(figures(tmp_path / "whole"), figures(tmp_path / "parts"), strict=True):
        assert one == pytest.approx(other, abs=1e-6)
    assert (tmp_path / "parts" / "model" / "model.safetensors").exists()
    assert run(tmp_path / "parts") == []  # there is nothing left to do

    other = recipe.model_copy(update={"rlvr": recipe.rlvr.model_copy(update={"seed": 5})})
    with pytest.raises(BadRecipe, match="another recipe"):
        run_rlvr(other, text, models / "tiny", tmp_path / "parts", engine)


@pytest.mark.nightly
def test_lean_servers_judge_as_lean_here_and_one_may_die(
    models: Path, tmp_path: Path, engine: Engine, lean_servers: list[tuple[str, subprocess.Popen[str]]]
) -> None:
    (tmp_path / "problems.jsonl").write_text(json.dumps({"formal_statement": THEOREM.source()}) + "\n")
    (tmp_path / "r.yaml").write_text(
        "problems: problems.jsonl\nrlvr: {updates: 2, problems: 1, group: 4, canaries: 1, max_tokens: 600, max_turns: 3}\n"
    )
    recipe, text = read_rlvr(str(tmp_path / "r.yaml"))
    (_, other) = lean_servers[1]

    def listen(update: Update) -> None:
        if update.number == 0:
            other.kill()

    servers = RemotePool([url for url, _ in lean_servers])
    run_rlvr(recipe, text, models / "tiny", tmp_path / "there", servers, listen=listen)
    run_rlvr(recipe, text, models / "tiny", tmp_path / "here", engine)
    for one, same in zip(figures(tmp_path / "there"), figures(tmp_path / "here"), strict=True):
        assert one == pytest.approx(same, abs=1e-6)
    assert [line["unknown"] for line in figures(tmp_path / "there")] == [0.0, 0.0]
    assert other.poll() is not None


@pytest.mark.nightly
def test_statements_are_rewarded_by_beq(models: Path, tmp_path: Path, engine: Engine) -> None:
    (tmp_path / "problems.jsonl").write_text(
        json.dumps({"problem": "Show that 1 is 1.", "formal_statement": "theorem one : 1 = 1 := by sorry"})
    )
    (tmp_path / "r.yaml").write_text(
        "problems: problems.jsonl\nreward: beq\njobs: 1\nrlvr: {updates: 1, problems: 1, group: 2, max_tokens: 900}\n"
    )
    recipe, text = read_rlvr(str(tmp_path / "r.yaml"))
    run_rlvr(recipe, text, models / "tiny", tmp_path / "run", engine)
    (line,) = figures(tmp_path / "run")
    assert (line["reward"], line["unknown"]) == (0.0, 0.0)  # it writes proofs of another theorem
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()
