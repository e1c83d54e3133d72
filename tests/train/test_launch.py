"""Plans of recipes, and that what they write starts training."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import Qwen2Config, Qwen2ForCausalLM

from stepprove.cli.main import status
from stepprove.train.launch import TrainPlan, facts_of, plan_rlvr, plan_sft
from stepprove.train.recipe import read_rlvr, read_sft
from stepprove.train.sft.tokenizer import train_tokenizer

OUT = Path("runs/x")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["stepprove", "train", *map(str, arguments)])
    return status()


def planned(name: str) -> TrainPlan:
    if "-sft" in name:
        recipe, _ = read_sft(name)
        return plan_sft(recipe, name, facts_of(recipe.model), OUT)
    other, _ = read_rlvr(name)
    return plan_rlvr(other, name, facts_of(other.model), OUT)


@pytest.mark.parametrize(
    ("name", "processes"),
    [
        ("stepfun-prover-sft", 16),
        ("stepfun-prover-rlvr", 16),
        ("stepfun-formalizer-sft", 8),
        ("stepfun-formalizer-rlvr", 16),
    ],
)
def test_a_recipe_in_the_papers_size_fits_its_machines(name: str, processes: int) -> None:
    plan = planned(name)
    assert plan.parameters == pytest.approx(7.6e9, rel=0.01)
    assert plan.fits and plan.memory.total < 75 < plan.otherwise.total
    config = yaml.safe_load(plan.files["accelerate.yaml"])
    assert (plan.processes, config["num_processes"]) == (processes, processes)
    assert config["num_machines"] == processes // 8
    assert config["mixed_precision"] == "bf16"


def test_each_of_several_machines_is_told_which_it_is() -> None:
    plan = planned("stepfun-prover-sft")
    assert "rank=$1 head=$2" in plan.files["train.sh"]
    assert '--machine_rank "$rank" --main_process_ip "$head"' in plan.files["train.sh"]
    assert "-m stepprove train sft stepfun-prover-sft -o runs/x" in plan.files["train.sh"]
    assert any("shared file system" in note for note in plan.notes)
    assert "machine_rank" not in planned("stepfun-formalizer-sft").files["train.sh"]


def test_rollouts_and_lean_have_machines_of_their_own() -> None:
    plan = planned("stepfun-formalizer-rlvr")
    assert (
        "\nVLLM_SERVER_DEV_MODE=1 vllm serve deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"
        in plan.files["rollouts.sh"]
    )
    assert "--max-model-len 16384" in plan.files["rollouts.sh"]
    assert "--data-parallel-size 8" in plan.files["rollouts.sh"]
    assert "lean.sh" not in plan.files  # BEq has Lean beside the training
    train = plan.files["train.sh"]
    assert "sh train.sh RANK HEAD SERVER..." in train and train.rstrip().endswith("-o runs/x $servers")
    prover = planned("stepfun-prover-rlvr").files
    assert "LEAN_REPLICAS=64 LEAN_ENGINES=16" in prover["lean.sh"]
    assert "sh train.sh RANK HEAD LEAN SERVER..." in prover["train.sh"]
    assert '-o runs/x --lean-server "$lean" $servers' in prover["train.sh"]
    assert any("those that write texts too: a shared file system" in note for note in plan.notes)


def test_a_tiny_recipe_is_for_one_process_and_needs_no_files() -> None:
    plan = planned("stepfun-prover-sft-tiny")
    assert (plan.processes, plan.files, plan.fits) == (1, {}, None)
    assert 1e6 < plan.parameters < 4e6 and plan.memory.total < 2


def test_what_does_not_fit_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        "model: deepseek-ai/DeepSeek-R1-Distill-Qwen-7B\nstages: [{name: a, data: x.jsonl}]\ncontext: 4096\n"
    )
    (tmp_path / "r.yaml").write_text(text + "hardware: {gpus: 2xRTX4090}\n")
    assert run(monkeypatch, "sft", tmp_path / "r.yaml", "--plan") == 0
    assert "of 24 GB, beside a reserve of 5 GB: it does not fit" in capsys.readouterr().out


def test_a_process_that_writes_its_own_texts_has_whole_weights_besides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "model: deepseek-ai/DeepSeek-R1-Distill-Qwen-7B\nhardware: {gpus: 8xH100}\nrollouts: "
    for rollouts, words in (("here", "it does not fit"), ("vllm", ": it fits")):
        (tmp_path / "r.yaml").write_text(text + rollouts)
        assert run(monkeypatch, "rlvr", tmp_path / "r.yaml", "--plan") == 0
        said = capsys.readouterr().out
        assert words in said and ("91.4 GB  whole weights" in said) == (rollouts == "here")


def test_the_plan_is_one_document_and_writes_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "launch"
    assert run(monkeypatch, "sft", "stepfun-formalizer-sft", "--plan", "--files", folder, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["fits"] and told["processes"] == 8
    assert {path.name for path in folder.iterdir()} == {"accelerate.yaml", "train.sh"}
    assert (folder / "train.sh").read_text() == told["files"]["train.sh"]


def test_a_plan_needs_no_torch() -> None:
    code = (
        "import sys\nsys.modules.update(torch=None, transformers=None, accelerate=None)\n"
        "sys.argv = ['stepprove', 'train', 'rlvr', 'stepfun-prover-rlvr', '--plan']\n"
        "from stepprove.cli.start import run; run()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and "it fits" in done.stdout


def test_files_go_with_a_plan(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "sft", "stepfun-formalizer-sft", "--files", "x") == 2
    assert "--files goes with --plan." in capsys.readouterr().err


def test_reinforcement_in_the_papers_size_is_refused_before_a_model_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "rlvr", "stepfun-prover-rlvr", "--model-server", "http://127.0.0.1:1/v1") == 2
    said = capsys.readouterr().err
    assert "The recipe is for 16 processes and this is one of 1" in " ".join(said.split())


def model_in(folder: Path) -> None:
    tokenizer = train_tokenizer(["theorem t : 1 = 1 := by rfl"] * 20, 300, 256)
    torch.manual_seed(0)
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=256,
        tie_word_embeddings=False,
        **ids,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def recipe_in(folder: Path, name: str, accumulate: int, **more: object) -> Path:
    stages = [
        {"name": stage, "data": "pairs.jsonl", "epochs": 2, "learning_rate": 1e-2}
        | {"batch_tokens": 300, "batch_texts": 2, "accumulate": accumulate}
        for stage in ("one", "two")
    ]
    recipe = {"kind": "sft", "model": str(folder / "base"), "context": 128, "stages": stages, "save_every": 3}
    (folder / name).write_text(json.dumps(recipe | {"recompute": True} | more))
    return folder / name


def figures(output: Path) -> list[dict[str, Any]]:
    files = sorted(output.glob("*/metrics.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.fixture
def environment(tmp_path: Path, launching: dict[str, str]) -> dict[str, str]:
    """With a model and texts in the folder, and `accelerate` among the programs."""
    model_in(tmp_path / "base")
    pairs = ({"prompt": f"theorem t{i} : {i} = {i} := by", "completion": f"  rfl -- {i}"} for i in range(24))
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    return launching


def trained_alone(folder: Path, environment: dict[str, str]) -> list[dict[str, Any]]:
    one = recipe_in(folder, "one.yaml", 2)
    command = [sys.executable, "-m", "stepprove", "train", "sft", str(one), "-o", str(folder / "alone")]
    subprocess.run(command, check=True, env=environment)
    return figures(folder / "alone")


def launcher(folder: Path, hardware: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What starts training of the same texts in `both` on that hardware."""
    two = recipe_in(folder, "two.yaml", 1, hardware=hardware)
    assert run(monkeypatch, "sft", two, "-o", folder / "both", "--plan", "--files", folder / "launch") == 0
    return ["sh", str(folder / "launch" / "train.sh")]


@pytest.mark.nightly
def test_two_processes_learn_as_one_does_and_go_on_after_a_kill(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = launcher(tmp_path, {"gpus": "2xCPU:4"}, monkeypatch)
    process = subprocess.Popen(start, env=environment, start_new_session=True)
    deadline = time.monotonic() + 120
    while process.poll() is None and len(figures(tmp_path / "both")) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len(figures(tmp_path / "both")) < 24
    subprocess.run(start, check=True, env=environment)

    alone, both = trained_alone(tmp_path, environment), figures(tmp_path / "both")
    assert len(alone) == len(both) == 24
    for a, b in zip(alone, both, strict=True):
        assert a == pytest.approx(b, abs=1e-4)
    weights = [Qwen2ForCausalLM.from_pretrained(tmp_path / name / "model") for name in ("alone", "both")]
    for a, b in zip(*(model.parameters() for model in weights), strict=True):
        assert torch.allclose(a, b, atol=1e-4)


@pytest.mark.nightly
def test_two_machines_learn_as_one_does(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = launcher(tmp_path, {"gpus": "CPU:4", "nodes": 2}, monkeypatch)
    machines = [subprocess.Popen([*start, rank, "127.0.0.1"], env=environment) for rank in "01"]
    assert [machine.wait(timeout=200) for machine in machines] == [0, 0]
    for a, b in zip(trained_alone(tmp_path, environment), figures(tmp_path / "both"), strict=True):
        assert a == pytest.approx(b, abs=1e-4)
