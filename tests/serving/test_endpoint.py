"""What `--model` forms become, with real server processes of a small random model."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from scripted_vllm import script_programs
from small_models import save

from stepprove.serving.client import Client, ModelFailure, ModelRefused
from stepprove.serving.cpu import cpu_server
from stepprove.serving.endpoint import Endpoint, serving
from stepprove.serving.exchange import Reply, Sampling, Turn
from stepprove.serving.server import ModelServer, ServerFailure, running

USER = [Turn(role="user", content="hi")]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models, as $STEPPROVE_MODELS has them."""
    root = tmp_path_factory.mktemp("models")
    save(root / "tiny")
    return root


@pytest.fixture(autouse=True)
def own_places(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPPROVE_MODELS", str(models))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="module")
def served(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one server for the tests that only ask."""
    log = tmp_path_factory.mktemp("log") / "log"
    server = cpu_server(str(models / "tiny"), log=log)
    asyncio.run(server.ready(120))
    yield f"{server.url}/v1"
    asyncio.run(server.stop())


def ask(url: str, *requests: Callable[[Client], object]) -> list[Reply]:
    async def run() -> list[Reply]:
        async with Client(url, "tiny", retries=0) as client:
            return list(await asyncio.gather(*(request(client) for request in requests)))  # type: ignore[call-overload]

    return asyncio.run(run())


def members(group: int) -> list[int]:
    """The processes of a group that have not ended."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listing.stdout.splitlines()]
    return [int(pid) for pid, pgid, stat in rows if int(pgid) == group and not stat.startswith("Z")]


@contextmanager
def soon(seconds: float = 15) -> Iterator[Callable[[Callable[[], bool]], None]]:
    def wait(true: Callable[[], bool]) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end
            time.sleep(0.05)

    yield wait


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("openai:m", Endpoint("https://api.openai.com/v1", "m")),
        ("http://h:1/v1#a/b", Endpoint("http://h:1/v1", "a/b")),
    ],
)
def test_what_is_served_already_is_only_named(text: str, endpoint: Endpoint) -> None:
    async def run() -> Endpoint:
        async with serving(text) as found:
            return found

    assert asyncio.run(run()) == endpoint


def test_the_small_model_is_served_twice_at_once_and_stopped(tmp_path: Path) -> None:
    said: list[str] = []

    async def run() -> tuple[set[str], list[str]]:
        async with serving("tiny", said.append) as one, serving("tiny") as other:
            texts = []
            for endpoint in (one, other):
                async with endpoint.client() as client:
                    texts.append((await client.complete("a", Sampling(max_tokens=8, seed=3))).samples[0].text)
            return {one.url, other.url}, texts

    urls, (first, second) = asyncio.run(run())
    assert len(urls) == 2 and first == second
    assert said[0].startswith("Starting the server of tiny; its log is ")
    for url in urls:
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{url}/models")
    assert len(list((tmp_path / "state").rglob("*.log"))) == 2


def test_completions_and_chats_have_seeds_counts_and_logprobs(served: str) -> None:
    how = Sampling(max_tokens=12, seed=5, n=3, logprobs=True, top_k=40, top_p=0.9)
    again, text, chat = ask(
        served, lambda c: c.complete("ab", how), lambda c: c.complete("ab", how), lambda c: c.chat(USER, how)
    )
    assert [sample.text for sample in text.samples] == [sample.text for sample in again.samples]
    assert len({sample.text for sample in text.samples}) == 3
    for reply in (text, chat):
        assert [len(sample.logprobs or ()) for sample in reply.samples] == [12] * 3
        assert reply.usage.completion_tokens == 36
    assert chat.samples != text.samples


def test_stop_strings_are_left_out_or_kept(served: str) -> None:
    how = Sampling(max_tokens=40, temperature=0)
    (whole,) = ask(served, lambda c: c.complete("ab", how))
    text = whole.samples[0].text
    stop = text[10:13]
    cut = text[: text.find(stop)]
    without, kept = ask(
        served,
        lambda c: c.complete("ab", how.model_copy(update={"stop": (stop,)})),
        lambda c: c.complete("ab", how.model_copy(update={"stop": (stop,), "keep_stop": True})),
    )
    assert (without.samples[0].text, without.samples[0].stopped_by) == (cut, stop)
    assert (kept.samples[0].text, kept.samples[0].finish) == (cut + stop, "stop")


@pytest.mark.parametrize("prompt", ["ab", USER], ids=["text", "chat"])
def test_a_stream_is_the_whole_answer_in_pieces(served: str, prompt: str | list[Turn]) -> None:
    how = Sampling(max_tokens=30, temperature=0)

    async def run() -> tuple[list[str], str, int]:
        async with Client(served, "tiny") as client:
            pieces = [piece async for piece in client.stream(prompt, how)]
            counted = client.account.usage.completion_tokens
            whole = await (
                client.complete(prompt, how) if isinstance(prompt, str) else client.chat(prompt, how)
            )
            return pieces, whole.samples[0].text, counted

    pieces, text, counted = asyncio.run(run())
    assert "".join(pieces) == text and counted == 30


def test_requests_at_once_are_decoded_together(served: str) -> None:
    how = Sampling(max_tokens=200, temperature=0)
    (single,) = ask(served, lambda c: c.complete("ab", how))
    assert single.usage.completion_tokens == 200  # an answer that ends early would measure nothing
    started = time.monotonic()
    replies = ask(served, *[lambda c: c.complete("ab", how)] * 12)
    assert len(replies) == 12
    assert time.monotonic() - started < 8 * single.seconds


def test_a_client_that_leaves_ends_its_requests(served: str) -> None:
    async def run() -> float:
        async with Client(served, "tiny") as client:
            many = [
                asyncio.create_task(client.complete("ab", Sampling(max_tokens=500, n=30))) for _ in range(20)
            ]
            await asyncio.sleep(0.5)
            for task in many:
                task.cancel()
            await asyncio.gather(*many, return_exceptions=True)
            started = time.monotonic()
            await client.complete("ab", Sampling(max_tokens=1))
            return time.monotonic() - started

    assert asyncio.run(run()) < 5


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"prompt": "a" * 600}, "has 600 tokens; this model takes 1 to 511"),
        ({"prompt": ["a"]}, "prompt must be a string"),
        ({"prompt": "a", "n": 2, "stream": True}, "in a stream 1"),
        ({"prompt": "a", "top_p": 0}, "top_p be from"),
        ({"prompt": "a", "temperature": "hot"}, "hot"),
        ({"prompt": "a", "model": "other"}, "pinned"),
    ],
)
def test_what_cannot_be_answered_is_refused(served: str, fields: dict[str, object], words: str) -> None:
    answer = httpx2.post(f"{served}/completions", json={"model": "tiny", **fields})
    assert answer.status_code == 400 and words in answer.text


def test_a_client_is_told_why_a_request_was_refused(served: str) -> None:
    with pytest.raises(ModelRefused, match=r"400: the prompt has 600 tokens; this model takes 1 to 511\.\)"):
        ask(served, lambda client: client.complete("a" * 600))


def test_the_small_model_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPPROVE_MODELS", str(tmp_path))

    async def run() -> None:
        async with serving("tiny"):
            pass

    with pytest.raises(ModelFailure, match=r"not trained yet .*: run `stepprove train tiny`"):
        asyncio.run(run())


def test_a_server_that_ends_at_its_start_says_its_last_words(tmp_path: Path) -> None:
    async def run() -> None:
        command = ["sh", "-c", "echo Unrecognized model; exit 1"]
        async with running(ModelServer(command, name="broken", url="http://x", log=tmp_path / "a.log"), 60):
            pass

    with pytest.raises(
        ServerFailure, match=r"(?s)broken ended at its start \(exit status 1\).*\.log:.*Unrecognized"
    ):
        asyncio.run(run())


@pytest.mark.parametrize("found", [True, False])
def test_vllm_scripted_is_started_on_the_gpus_found_and_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: bool
) -> None:
    script_programs(tmp_path, gpus=2 if found else 0)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said: list[str] = []

    async def run() -> int:
        async with serving("vllm:Goedel-LM/Goedel-Prover-V2-8B", said.append) as endpoint:
            assert endpoint.model == "Goedel-LM/Goedel-Prover-V2-8B"
            return httpx2.get(endpoint.url.removesuffix("/v1") + "/health").status_code

    if not found:
        with pytest.raises(ServerFailure, match="vLLM needs a GPU for Goedel"):
            asyncio.run(run())
        return
    assert asyncio.run(run()) == 200
    log = Path(said[0].partition("its log is ")[2].removesuffix("."))
    assert "--data-parallel-size 2" in log.read_text()


def test_a_taken_port_is_said(models: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerFailure, match=f"Cannot listen on 127.0.0.1:{port}: Address already in use"):
            cpu_server(str(models / "tiny"), port=port)


def test_what_is_not_installed_is_said(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepprove.serving.cpu._NEEDED", ("torch", "not_there"))
    with pytest.raises(
        ServerFailure, match=r"not_there is not installed: run `pip install 'stepprove\[local\]'`"
    ):
        cpu_server(str(models / "tiny"))


def test_a_server_dies_with_an_owner_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from stepprove.serving.server import ModelServer\n"
        "server = ModelServer(['sh', '-c', 'sleep 99 & sleep 99'], name='x', url='', log=Path(sys.argv[1]))\n"
        "print(server.pid, flush=True); time.sleep(99)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    group = int(owner.stdout.readline())
    with soon() as wait:
        wait(lambda: len(members(group)) >= 3)
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
        wait(lambda: not members(group))


def test_a_server_that_ignores_its_end_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepprove.serving.server._GRACE_SECONDS", 0.3)
    command = ["sh", "-c", "trap '' TERM; sleep 99 & sleep 99"]
    server = ModelServer(command, name="x", url="", log=tmp_path / "log")
    with soon() as wait:
        wait(lambda: len(members(server.pid)) >= 3)
        asyncio.run(server.stop())
        wait(lambda: not members(server.pid))
