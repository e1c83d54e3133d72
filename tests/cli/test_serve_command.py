"""`stepprove serve`: real servers of a small model on the CPU, a scripted vLLM, and plans."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from scripted_vllm import script_programs
from small_models import save

from stepprove.cli import main

KEY = "a-key-for-the-tests"
STEPPROVE = [sys.executable, "-c", "from stepprove.cli.start import run; run()"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """One without a GPU, and with a scripted `vllm` on the PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    script_programs(programs, gpus=0)
    return {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "STEPPROVE_MODELS": str(tmp_path / "models"),
        "HF_ENDPOINT": "http://127.0.0.1:9",
    }


Start = Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """`stepprove serve --json` as a process, with what it said when it was ready."""
    processes: list[subprocess.Popen[str]] = []

    def start(*words: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        process = subprocess.Popen(
            [*STEPPROVE, "serve", *words, "--json", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        said = ""
        assert process.stdout is not None and process.stderr is not None
        while not said.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said += line
        return process, json.loads(said)

    yield start
    for process in processes:
        process.kill()  # its server ends with it
        process.communicate()


class Ended(NamedTuple):
    """What a command without a server said."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """`stepprove serve` in this process."""

    def run(*words: str, **variables: str) -> Ended:
        for name, value in {**environment, **variables}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["stepprove", "serve", *words])
        code = main.status()
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


def members(group: int) -> list[int]:
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listing.stdout.splitlines()]
    return [int(pid) for pid, pgid, stat in rows if int(pgid) == group and not stat.startswith("Z")]


def gone(group: int) -> bool:
    end = time.monotonic() + 15
    while members(group):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_folder_is_served_until_it_is_told_to_stop(
    folder: Path, start: Start, number: signal.Signals
) -> None:
    process, ready = start(str(folder))
    assert httpx2.get(ready["url"].removesuffix("/v1") + "/health").json() == {"status": "ok"}
    asked = {"model": ready["model"].partition("#")[2], "max_tokens": 5}
    chat = httpx2.post(
        f"{ready['url']}/chat/completions", json={**asked, "messages": [{"role": "user", "content": "hi"}]}
    ).json()
    text = httpx2.post(f"{ready['url']}/completions", json={**asked, "prompt": "hi"}).json()
    assert chat["choices"][0]["message"]["role"] == "assistant"
    assert text["usage"]["prompt_tokens"] == 2 and 1 <= text["usage"]["completion_tokens"] <= 5
    assert "POST /v1/completions" in Path(ready["log"]).read_text()
    assert len(members(ready["pid"])) >= 1
    process.send_signal(number)
    assert process.wait(20) == 0
    assert gone(ready["pid"])


def test_vllm_scripted_is_started_as_planned_and_leaves_no_worker(start: Start) -> None:
    process, ready = start(
        "stepfun-ai/Step-3.5-Flash", "--gpus", "8xH800", "--mtp", "3", "--context", "65536"
    )
    words = Path(ready["log"]).read_text()
    assert "serve stepfun-ai/Step-3.5-Flash --host 127.0.0.1" in words
    assert "--max-model-len 65536" in words and "--enable-expert-parallel" in words
    assert '{"method": "mtp", "num_speculative_tokens": 3}' in words
    assert ready["model"] == f"{ready['url']}#stepfun-ai/Step-3.5-Flash"
    assert len(members(ready["pid"])) >= 2
    process.terminate()
    assert process.wait(20) == 0
    assert gone(ready["pid"])


@pytest.mark.parametrize("how", ["option", "environment"])
def test_the_key_is_asked_for_and_never_written(
    folder: Path, start: Start, environment: dict[str, str], how: str
) -> None:
    if how == "environment":
        environment["STEPPROVE_API_KEY"] = KEY
    words = ["--api-key", KEY] if how == "option" else []
    _, ready = start(str(folder), "--allow-host", "lean.example.org", *words)
    asked = {"model": ready["model"].partition("#")[2], "max_tokens": 2, "prompt": "hi"}
    at = f"{ready['url']}/completions"
    assert httpx2.get(ready["url"].removesuffix("/v1") + "/health").status_code == 200
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer x"}, 401),
        ({"Authorization": b"Bearer \xff"}, 401),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"Authorization": f"Bearer {KEY}", "Host": "lean.example.org"}, 200),
        ({"Authorization": f"Bearer {KEY}", "Host": "evil.example"}, 421),
    ):
        assert httpx2.post(at, json=asked, headers=headers).status_code == status
    assert httpx2.get(f"{ready['url']}/models").status_code == 401
    assert KEY not in Path(ready["log"]).read_text() and KEY not in json.dumps(ready)
    listing = subprocess.run(["ps", "-o", "args=", "-g", str(ready["pid"])], capture_output=True, text=True)
    assert "cpu_app" in listing.stdout and KEY not in listing.stdout


def test_vllm_scripted_gets_the_key_in_its_environment(start: Start) -> None:
    _, ready = start("Goedel-LM/Goedel-Prover-V2-8B", "--gpus", "H200", "--api-key", KEY)
    words = Path(ready["log"]).read_text()
    assert f"key: {KEY}" in words and KEY not in words.replace(f"key: {KEY}", "")


def test_vllm_scripted_that_dies_is_reported(start: Start) -> None:
    process, ready = start("Goedel-LM/Goedel-Prover-V2-8B", "--gpus", "H200")
    os.killpg(ready["pid"], signal.SIGKILL)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "Goedel-Prover-V2-8B has ended" in errors and "scripted vllm: serve" in errors


def test_vllm_scripted_that_does_not_start_says_its_last_words(run: Callable[..., Ended]) -> None:
    ended = run("Goedel-LM/Goedel-Prover-V2-8B", "--gpus", "H200", "--port", "0", BROKEN="1")
    assert ended.code == 3
    assert "ended at its start (exit status 1)" in ended.err and "CUDA out of memory" in ended.err


def test_without_vllm_it_says_how_to_get_it(run: Callable[..., Ended]) -> None:
    ended = run("a/b", "--gpus", "H200", STEPPROVE_VLLM="/nowhere/vllm")
    assert ended.code == 3
    assert "There is no program /nowhere/vllm: give vLLM an environment of its own" in ended.err
    assert "pip install vllm" in ended.err


def test_a_plan_needs_no_gpu_and_no_network(run: Callable[..., Ended]) -> None:
    document = json.loads(run("stepfun-ai/step3", "--gpus", "16xH800", "--plan", "--json").out)
    assert document["command"][:3] == ["vllm", "serve", "stepfun-ai/step3"]
    assert document["gb_per_gpu"]["needed"] < 0.9 * 80
    prices = {row["where"]: row["total"] for row in document["dollars_per_million_tokens"]["8192"]}
    (apart,) = (dollars for where, dollars in prices.items() if "apart" in where)
    assert round(apart, 3) == 0.055  # table 6 of the paper
    assert round(prices["H800"], 3) == 0.063


def test_a_plan_for_people_and_other_prices(run: Callable[..., Ended]) -> None:
    words = ["stepfun-ai/StepFun-Prover-Preview-7B", "--gpus", "2xRTX4090", "--plan", "--price", "910B=0.01"]
    ended = run(*words)
    assert "On 2 x RTX4090: tensor parallel 1, data parallel 2" in ended.out
    assert "Each GPU needs 20.1 GB: weights 15.2" in ended.out
    assert "910B + 910B, apart" in ended.out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["a/b", "--plan"], 2, "No GPU is found here: say with --gpus which to plan for"),
        (["a/b", "--plan", "--gpus", "H900"], 2, "The memory of H900 is not known"),
        (["a/b", "--plan", "--gpus", "H200"], 2, "a/b is no folder, and the hub cannot be asked"),
        (["a/b", "--plan", "--gpus", "H200", "--price", "H20"], 2, "'H20' is no price"),
        (["stepfun-ai/step3", "--plan", "--gpus", "H200"], 1, "would do"),
        (["Goedel-LM/Goedel-Prover-V2-8B", "--plan", "--gpus", "H200", "--mtp", "1"], 2, "has no heads for multi"),
        (["a/b", "--price", "H20=1"], 2, "--price goes with --plan"),
        (["a/b", "--mtp", "1"], 2, "need a GPU, and none is found here"),
        (["tiny"], 3, "not trained yet"),
        (["tiny", "--allow-host", "http://a.b"], 2, "is no host name"),
        (["tiny", "--api-key", " "], 2, "The API key is empty"),
        (["a/b", "--gpus", "H200", "--allow-host", "a.b"], 2, "vLLM does not look at hosts"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(
    run: Callable[..., Ended], words: list[str], code: int, sentence: str
) -> None:
    ended = run(*words)
    assert (ended.code, sentence in " ".join(ended.err.split())) == (code, True), ended.err


def test_a_taken_port_is_said(folder: Path, run: Callable[..., Ended]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        ended = run(str(folder), "--port", port)
    assert ended.code == 3 and f"127.0.0.1:{port}: Address already in use" in ended.err
