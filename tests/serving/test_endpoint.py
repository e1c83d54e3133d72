"""What `--model` forms become, with real server processes of a small random model."""

from __future__ import annotations

import asyncio
import json
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

from stepprove.serving.client.client import Client, ModelFailure, ModelRefused
from stepprove.serving.client.endpoint import Endpoint, serving
from stepprove.serving.client.exchange import Reply, Sampling, Turn
from stepprove.serving.serve.cpu import cpu_server
from stepprove.serving.serve.server import ModelServer, ServerFailure, running

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


NESTED = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
TURN = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"chat_template": NESTED}, "chat_template is not taken from clients"),
        ({"chat_template_kwargs": {"chat_template": NESTED}}, "chat_template_kwargs is not taken"),
        ({"chat_template_kwargs": {"enable_thinking": False}}, "chat_template_kwargs is not taken"),
        ({"generation_config": '{"num_beams": 100000}'}, "generation_config is not taken"),
        ({"guided_regex": "(a+)+$"}, "guided_regex is not known"),
        ({"structured_outputs": {"regex": "(a+)+$"}}, "structured_outputs is not known"),
        ({"response_format": {"type": "json_object"}}, "response_format other than text"),
        ({"logit_bias": {str(i): 1 for i in range(9999)}}, "logit_bias is not known"),
        ({"max_tokens": 10**4000}, "max_tokens must be a whole number"),
        ({"max_tokens": -1}, "max_tokens must be a whole number"),
        ({"max_tokens": 1.5}, "max_tokens must be a whole number"),
        ({"max_tokens": "9"}, "max_tokens must be a whole number"),
        ({"n": 257}, "n must be a whole number from 1 to 256"),
        ({"n": 0}, "n must be a whole number from 1 to 256"),
        ({"n": True}, "n must be a whole number"),
        ({"seed": 10**400}, "seed must be a whole number"),
        ({"top_k": 10**30}, "top_k must be a whole number"),
        ({"temperature": 10**400}, "temperature must be a number"),
        ({"temperature": -0.1}, "temperature must be a number"),
        ({"temperature": 1e-320}, "temperature must be 0 or from"),
        ({"top_p": 10**400}, "top_p must be a number"),
        ({"stop": ""}, None),
        ({"stop": [""]}, "each stop must be a string of 1 to 1000"),
        ({"stop": ["a"] * 65}, "a list of at most 64"),
        ({"stop": "a" * 1001}, "each stop must be"),
        ({"stop": {"a": 1}}, "stop must be"),
        ({"stop": ["\ud800"]}, "each stop must be"),
        ({"stop_token_ids": [0.5]}, "stop_token_ids must be"),
        ({"stop_token_ids": list(range(1001))}, "stop_token_ids must be"),
        ({"stream": "yes"}, "stream must be true or false"),
        ({"model": {"a": 1}}, "model must be the name"),
        ({"model": "\u202etiny"}, "model must be the name"),
        ({"prompt": [10**9], "messages": []}, "must be"),
        ({"prompt": [-1], "messages": 1}, "must be"),
        ({"prompt": [True], "messages": {}}, "must be"),
        ({"prompt": "\ud800", "messages": [{"role": "user", "content": "\ud800"}]}, "half a character"),
        (
            {"prompt": "a" * 9_000, "messages": [{"role": "user", "content": "a" * 9_000}]},
            "8192 characters at most",
        ),
        ({"prompt": {"a": 1}, "messages": [{"role": "user", "content": {"a": 1}}]}, "must be a string"),
        ({"prompt": None, "messages": [{"role": 1, "content": "a"}]}, "must"),
        ({"prompt": None, "messages": [{**TURN, "tool_calls": [[]]}]}, "must be a string"),
        ({"prompt": None, "messages": [TURN] * 1001}, "must be"),
    ],
)
def test_what_would_harm_others_is_refused_in_a_sentence(
    served: str, fields: dict[str, object], words: str | None
) -> None:
    for path, asked in (("completions", {"prompt": "a"}), ("chat/completions", {"messages": [TURN]})):
        body = json.dumps({"model": "tiny", "max_tokens": 1, **asked, **fields}).encode()
        answer = httpx2.post(
            f"{served}/{path}", content=body, headers={"Content-Type": "application/json"}, timeout=10
        )
        if words is None:
            assert answer.status_code == 200
            continue
        told = answer.json()["detail"]
        assert (answer.status_code, words in told, len(told) < 300) == (400, True, True), told


@pytest.mark.parametrize(
    "content",
    [
        b'{"prompt": "a", "temperature": NaN}',
        b'{"prompt": "a", "top_p": NaN}',
        b'{"prompt": "a", "top_p": Infinity}',
        b'{"prompt": "a", "seed": Infinity}',
        b'{"prompt": "a", "max_tokens": 1e999}',
        b'{"prompt": "a", "max_tokens": 1' + b"0" * 5000 + b"}",
        b"[" * 100_000,
        b'{"prompt":' * 100_000,
        b'{"prompt": "\xff"}',
        b"{",
        b"1",
    ],
)
def test_numbers_that_are_none_and_deep_json_are_refused(served: str, content: bytes) -> None:
    answer = httpx2.post(
        f"{served}/completions", content=content, headers={"Content-Type": "application/json"}
    )
    assert 400 <= answer.status_code < 500 and answer.json()["detail"]


def test_what_one_client_asks_does_not_end_the_requests_of_others(served: str) -> None:
    """Each of these went to the decoding thread, and what it raised there ended the whole batch."""
    bad: list[dict[str, object]] = [
        {"prompt": [10**6]},
        {"prompt": "a", "stop": [""]},
        {"prompt": "a", "top_k": 10**30},
    ]

    async def main() -> None:
        async with Client(served, "tiny", retries=0) as client, httpx2.AsyncClient() as web:
            good = asyncio.create_task(client.complete("ab", Sampling(max_tokens=300, temperature=0, seed=1)))
            for _ in range(5):
                for fields in bad:
                    answer = await web.post(f"{served}/completions", json={"model": "tiny", **fields})
                    assert answer.status_code == 400
            assert (await good).usage.completion_tokens > 0

    asyncio.run(main())


@pytest.mark.parametrize(
    "path", ["load_model", "reset", "v1/responses", "v1/systemone", "v1/audio/transcriptions"]
)
def test_there_is_no_way_to_other_models(served: str, path: str) -> None:
    answer = httpx2.post(f"{served.removesuffix('/v1')}/{path}", json={"model": "other"})
    assert answer.status_code == 404


def test_it_answers_for_localhost_alone(served: str) -> None:
    body = {"model": "tiny", "prompt": "a", "max_tokens": 1}
    for header, status in (
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({}, 200),
    ):
        assert httpx2.post(f"{served}/completions", json=body, headers=header).status_code == status


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
    monkeypatch.setattr("stepprove.serving.serve.cpu._NEEDED", ("torch", "not_there"))
    with pytest.raises(
        ServerFailure, match=r"not_there is not installed: run `pip install 'stepprove\[local\]'`"
    ):
        cpu_server(str(models / "tiny"))


def test_a_server_dies_with_an_owner_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from stepprove.serving.serve.server import ModelServer\n"
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
    monkeypatch.setattr("stepprove.serving.serve.server._GRACE_SECONDS", 0.3)
    command = ["sh", "-c", "trap '' TERM; sleep 99 & sleep 99"]
    server = ModelServer(command, name="x", url="", log=tmp_path / "log")
    with soon() as wait:
        wait(lambda: len(members(server.pid)) >= 3)
        asyncio.run(server.stop())
        wait(lambda: not members(server.pid))
