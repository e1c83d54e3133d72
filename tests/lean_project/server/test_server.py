"""The Lean server on real Lean, asked by the real client of Kimina Lean Server and by plain HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from kimina import AsyncKiminaClient, KiminaClient, Snippet, SnippetStatus
from prometheus_client.parser import text_string_to_metric_families

from stepprove.agent.models.problem import Problem
from stepprove.lean_project.pool.remote.remote_pool import RemotePool
from stepprove.outcome import Outcome

KEY = "a-key-for-the-tests"
RUNAWAY = "partial def spin (n : Nat) : IO Unit := spin (n + 1)\n#eval spin 0\n"
GOOD = "theorem good (a b : Nat) : a + b = b + a := by omega\n"
HIDDEN = 'macro "magic" : tactic => `(tactic| exact sorryAx _ true)\ntheorem t : 1 = 2 := by magic\n'


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server as users start it, with two engines and a key."""
    options = [
        "--port",
        "0",
        "--engines",
        "2",
        "--time-limit",
        "60",
        "--max-request-mb",
        "1",
        "--max-waiting",
        "40",
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", "from stepprove.cli.start import run; run()", "lean-server", *options],
        env={**os.environ, "STEPPROVE_API_KEY": KEY, "COLUMNS": "200"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    address = line.split(" on ")[1].split()[0]
    for _ in range(300):
        try:
            httpx.get(f"{address}/health")
            break
        except httpx.TransportError:
            time.sleep(0.1)
    yield address
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in {0, -signal.SIGTERM}


@pytest.fixture
def client(url: str) -> KiminaClient:
    return KiminaClient(api_url=url, api_key=KEY, n_retries=1)


@pytest.fixture
def web(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=120) as web:
        yield web


def check(web: httpx.Client, *codes: str, **options: object) -> list[dict]:
    snippets = [{"id": str(i), "code": code} for i, code in enumerate(codes)]
    reply = web.post("/api/check", json={"snippets": snippets, **options})
    assert reply.status_code == 200, reply.text
    return reply.json()["results"]


def test_the_clients_own_test_passes(client: KiminaClient) -> None:
    client.test()
    assert client.health()["status"] == "ok"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        pytest.param(GOOD, SnippetStatus.valid, id="a proof"),
        pytest.param("theorem t : 1 = 2 := by sorry\n", SnippetStatus.sorry, id="a sorry"),
        pytest.param("theorem t : 1 = 2 := rfl\n", SnippetStatus.lean_error, id="an error"),
        pytest.param(RUNAWAY, SnippetStatus.timeout_error, id="no end"),
        pytest.param("#eval (IO.Process.exit 0 : IO Unit)\n", SnippetStatus.server_error, id="a crash"),
        pytest.param(HIDDEN, SnippetStatus.sorry, id="a sorry that no message tells"),
        pytest.param("import Std\n#check Std.HashMap\n" + GOOD, SnippetStatus.valid, id="imports"),
    ],
)
def test_the_client_tells_the_outcomes_apart(client: KiminaClient, code: str, status: SnippetStatus) -> None:
    timeout = 3 if code == RUNAWAY else 60
    [result] = client.check(code, timeout=timeout, show_progress=False).results
    assert result.analyze().status is status


def test_the_asynchronous_client_gets_every_snippet_under_its_id(url: str) -> None:
    async def main() -> None:
        client = AsyncKiminaClient(api_url=url, api_key=KEY)
        snippets = [
            Snippet(id=f"s{i}", code=f"example : {i} + 1 = {i % 7} + 1 := by decide") for i in range(12)
        ]
        reply = await client.check(snippets, timeout=30, show_progress=False)
        valid = {r.id for r in reply.results if r.analyze().status is SnippetStatus.valid}
        assert {r.id for r in reply.results} == {s.id for s in snippets}
        assert valid == {f"s{i}" for i in range(7)}

    asyncio.run(main())


def test_the_info_tree_is_there_when_asked_for(client: KiminaClient) -> None:
    [result] = client.check(GOOD, infotree="original", show_progress=False).results  # type: ignore[arg-type]
    assert result.response is not None
    assert result.response["infotree"]


def test_positions_are_those_of_the_code_that_was_sent(web: httpx.Client) -> None:
    [result] = check(web, "import Std\n\n\ntheorem t : 1 = 2 := rfl\n")
    assert result["response"]["messages"][0]["pos"]["line"] == 4


DISGUISED = (
    'macro "also" : command => `(theorem $(Lean.mkIdent `_proof_1) : 1 = 2 := by exact sorryAx _ true)\n'
    + GOOD
    + "also\n"
)


INNER = (
    "def yes (_ : Nat) : Bool := true\ndef host (n : Nat) : Bool := go n\nwhere\n"
    "  @[implemented_by yes] go (_ : Nat) : Bool := false\n"
)
ODD = (
    "opaque same : (Type : Type 1) = Type := rfl\ndef Kind : Type := cast same Prop\n"
    "inductive Box : Kind\n  | mk (bit : Bool) : Box\n"
)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param(INNER + GOOD, "is implemented_by", id="replaced inner code"),
        pytest.param(ODD + GOOD, "`Box`", id="an odd inductive type"),
        pytest.param(
            "def b : Bool := true\ntheorem t : Lean.reduceBool b = true := by decide +kernel\n",
            "rests on axiom `Lean.reduceBool`",
            id="the compiler's word",
        ),
        pytest.param(
            "prelude\nimport Init.Prelude\nimport Init.Core\ntheorem t : True := True.intro\n",
            "`prelude`",
            id="a prelude",
        ),
    ],
)
def test_the_verdict_says_no_more_than_the_gate(web: httpx.Client, code: str, reason: str) -> None:
    [result] = check(web, code)
    assert result["verdict"]["outcome"] == "rejected"
    assert reason in result["verdict"]["reason"]


def test_the_verdict_says_what_no_message_says(web: httpx.Client) -> None:
    hidden, disguised, axiom, honest, silent = check(
        web,
        HIDDEN,
        DISGUISED,
        "axiom a : 1 = 2\ntheorem t : 1 = 2 := a\n",
        "theorem em (p : Prop) : p ∨ ¬p := propext (Iff.refl p) ▸ Classical.em p\n",
        "def n : Nat := 1\n",
    )
    assert hidden["verdict"]["outcome"] == "failed"
    assert "rests on `sorry`" in hidden["verdict"]["reason"]
    assert disguised["verdict"]["outcome"] == "failed"
    assert "`_proof_1` rests on `sorry`" in disguised["verdict"]["reason"]
    assert axiom["verdict"]["outcome"] == "rejected"
    assert honest["verdict"]["outcome"] == "proved"
    assert honest["verdict"]["declarations"][0]["axioms"] == ["propext"]
    assert silent["verdict"]["outcome"] == "rejected"
    assert check(web, HIDDEN, verdict=False)[0]["verdict"] is None


def test_a_snippet_is_held_against_what_it_must_prove(web: httpx.Client) -> None:
    original = "theorem good (a b : Nat) : a + b = b + a := by sorry\n"
    snippets = [
        {"id": "honest", "code": GOOD, "original": original},
        {"id": "other", "code": "theorem good : 1 = 1 := rfl\n", "original": original},
        {"id": "broken", "code": GOOD, "original": "theorem good : := sorry\n"},
    ]
    results = web.post("/api/check", json={"snippets": snippets}).json()["results"]
    verdicts = {r["id"]: r["verdict"] for r in results}
    assert verdicts["honest"]["outcome"] == "proved"
    assert verdicts["other"]["outcome"] == "rejected"
    assert "statement" in verdicts["other"]["reason"]
    assert verdicts["broken"]["outcome"] == "infrastructure"


def test_the_older_request_is_answered_in_its_form(web: httpx.Client) -> None:
    codes = [{"custom_id": 7, "proof": GOOD}, {"custom_id": "b", "code": "theorem t : 1 = 2 := rfl\n"}]
    results = web.post("/verify", json={"codes": codes, "timeout": 30}).json()["results"]
    assert [r["custom_id"] for r in results] == [7, "b"]
    assert results[0]["response"]["time"] > 0
    assert results[1]["response"]["messages"][0]["severity"] == "error"


def test_results_stream_as_they_end(web: httpx.Client) -> None:
    snippets = [{"id": "slow", "code": RUNAWAY}, {"id": "fast", "code": GOOD}]
    body = {"snippets": snippets, "timeout": 3}
    with web.stream("POST", "/api/check", json=body, headers={"Accept": "application/x-ndjson"}) as reply:
        lines = [json.loads(line) for line in reply.iter_lines()]
    assert [line["id"] for line in lines] == ["fast", "slow"]
    assert lines[1]["outcome"] == "timeout"


def test_a_client_that_leaves_frees_the_engines(web: httpx.Client, url: str) -> None:
    body = {"snippets": [{"id": str(i), "code": RUNAWAY} for i in range(8)], "timeout": 60}
    with pytest.raises(httpx.ReadTimeout):
        web.post("/api/check", json=body, timeout=1.5)
    start = time.monotonic()
    assert check(web, GOOD)[0]["outcome"] == "answered"
    assert time.monotonic() - start < 30
    health = web.get("/health").json()
    assert health["waiting"] == 0


@pytest.mark.parametrize("key", [None, "wrong", "ü"])
def test_without_the_key_nothing_is_checked(url: str, key: str | None) -> None:
    headers = {} if key is None else {"Authorization": f"Bearer {key}".encode()}
    body = {"snippets": [{"id": "a", "code": GOOD}]}
    assert httpx.post(f"{url}/api/check", json=body, headers=headers).status_code == 401
    assert httpx.get(f"{url}/health").status_code == 200


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"{", 422, id="no JSON"),
        pytest.param(b'{"snippets": []}', 422, id="no snippet"),
        pytest.param(
            b'{"snippets": [{"id": "a", "code": "x"}, {"id": "a", "code": "y"}]}', 422, id="one id twice"
        ),
        pytest.param(b'{"snippets": [{"id": "a", "code": "x"}], "timeout": -1}', 422, id="no time"),
        pytest.param(b'{"snippets": [{"id": "a", "code": "x"}], "timeout": NaN}', 422, id="no number"),
        pytest.param(b'{"snippets": [{"id": "a", "code": "-- \\ud800"}]}', 422, id="half a character"),
        pytest.param(b'{"snippets": [{"id": "\\ud800", "code": "x"}]}', 422, id="an id of half a character"),
        pytest.param(
            b'{"snippets": [{"id": "a", "code": "x", "original": "\\ud800"}]}', 422, id="such an original"
        ),
        pytest.param(b'{"x": "' + b"a" * 1_100_000 + b'"}', 413, id="too large"),
        pytest.param(b"[" * 100_000, 400, id="deep"),
        pytest.param(b'{"snippets": ' + b'{"a":' * 100_000, 400, id="deep objects"),
        pytest.param(
            b'{"snippets": [{"id": "a", "code": "x"}], "timeout": 1' + b"0" * 4000 + b"}",
            422,
            id="4000 digits",
        ),
        pytest.param(
            b'{"snippets": [{"id": "a", "code": "x"}], "timeout": 1' + b"0" * 9000 + b"}",
            400,
            id="9000 digits",
        ),
        pytest.param(b'{"snippets": [{"id": "a", "code": "x"}], "priority": 1e999}', 422, id="no priority"),
    ],
)
def test_what_cannot_be_served_is_refused(web: httpx.Client, content: bytes, code: int) -> None:
    json = {"Content-Type": "application/json"}
    for body in (content, iter([content])):
        answer = web.post("/api/check", content=body, headers=json)
        assert (answer.status_code, bool(answer.json()["detail"])) == (code, True)


def test_other_names_and_pages_of_others_are_refused(web: httpx.Client) -> None:
    body = {"snippets": [{"id": "a", "code": GOOD}]}
    foreign = web.post("/api/check", json=body, headers={"Host": "evil.example"})
    assert foreign.status_code == 421 and "--allow-host" in foreign.json()["detail"]
    assert web.get("/health", headers={"Host": "evil.example"}).status_code == 421
    assert web.post("/api/check", json=body, headers={"Origin": "http://evil.example"}).status_code == 403
    assert web.get("/health", headers={"Host": "localhost:1"}).status_code == 200


@pytest.mark.parametrize("path", ["/api/check", "/verify", "/pool/verify", "/metrics", "/nowhere"])
def test_the_key_comes_before_the_body(url: str, path: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as to:
        to.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 900000\r\n\r\n".encode())
        assert to.recv(1000).startswith(b"HTTP/1.1 401")


def test_the_shortest_time_is_enough_for_a_short_proof(web: httpx.Client) -> None:
    [result] = check(web, "theorem t : 1 = 1 := rfl\n", timeout=1e-320)
    assert (result["outcome"], result["verdict"]["outcome"]) == ("answered", "proved")
    job = {"code": "theorem t : 1 = 1 := rfl\n", "timeout": 1e-320}
    assert web.post("/pool/check", json=job).json()["outcome"] == "answered"
    assert web.post("/pool/check", json={**job, "priority": 10**400}).status_code == 422


def test_too_many_snippets_at_once_are_told_to_come_again(web: httpx.Client) -> None:
    body = {"snippets": [{"id": str(i), "code": "#eval 1"} for i in range(80)], "timeout": 30}
    reply = web.post("/api/check", json=body)
    assert reply.status_code == 429
    assert int(reply.headers["Retry-After"]) > 0


def test_a_pool_of_servers_has_what_the_engines_there_say(url: str) -> None:
    problem = Problem.parse("theorem t (a b : Nat) : a + b = b + a := by sorry")

    async def main() -> None:
        async with RemotePool([url], KEY) as pool:
            assert pool.servers[url].engines == 2
            good, bad, late = await asyncio.gather(
                problem.judge(pool, GOOD.replace("good", "t")),
                problem.judge(pool, HIDDEN),
                problem.judge(pool, RUNAWAY, timeout=1),
            )
            outcomes = (good.outcome, bad.outcome, late.outcome)
            assert outcomes == (Outcome.PROVED, Outcome.REJECTED, Outcome.TIMEOUT), (good, bad, late)

    asyncio.run(main())


@pytest.mark.nightly
def test_a_pool_of_servers_tells_what_lean_dies_of(url: str) -> None:
    async def main() -> None:
        async with RemotePool([url], KEY) as pool:
            late, dead = await asyncio.gather(
                pool.check(RUNAWAY, timeout=2), pool.check("#eval (IO.Process.exit 0 : IO Unit)\n")
            )
            assert (late.outcome, late.unanswered) == ("timeout", Outcome.TIMEOUT)
            assert (dead.outcome, dead.unanswered) == ("crashed", Outcome.INFRASTRUCTURE)
            assert dead.engine >= 0  # a server said so

    asyncio.run(main())


def test_the_metrics_are_prometheus_text_that_counts(web: httpx.Client) -> None:
    check(web, GOOD)
    families = {f.name: f for f in text_string_to_metric_families(web.get("/metrics").text)}
    assert families["stepprove_pool_engines"].samples[0].value == 2
    assert families["stepprove_pool_answered"].samples[0].value >= 1
    assert any(s.labels.get("outcome") == "answered" for s in families["stepprove_snippet_seconds"].samples)


def test_a_port_that_is_taken_is_said_so(url: str) -> None:
    port = url.rsplit(":", 1)[1]
    ended = subprocess.run(
        [sys.executable, "-c", "from stepprove.cli.start import run; run()", "lean-server", "--port", port],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 3
    assert f"Cannot listen on 127.0.0.1:{port}" in ended.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--allow-host", "http://a.b"], "is no host name"),
        (["--api-key", ""], "The API key is empty"),
        (["--api-key", "a\nb"], "control characters"),
    ],
)
def test_what_is_no_host_and_no_key_is_said(words: list[str], sentence: str) -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "from stepprove.cli.start import run; run()",
            "lean-server",
            "--port",
            "0",
            *words,
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert (ended.returncode, sentence in ended.stderr) == (2, True), ended.stderr
