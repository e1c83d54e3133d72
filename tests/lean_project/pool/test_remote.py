"""Lean servers as a pool: the server's own routes on real Lean, on real ports, and what may become of them."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from stepprove.agent.models.problem import Problem
from stepprove.http_server.keys import RequireKey
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Judgement, Policy, Verdict
from stepprove.lean_project.gate.verify import BrokenOriginal
from stepprove.lean_project.pool.pool import Check, Pool, PoolClosed, SyncPool
from stepprove.lean_project.pool.remote import http as remote_http
from stepprove.lean_project.pool.remote import remote_pool as remote
from stepprove.lean_project.pool.remote.answers import contradiction
from stepprove.lean_project.pool.remote.http import NoLeanServer
from stepprove.lean_project.pool.remote.remote_pool import RemotePool
from stepprove.lean_project.server.pool_routes import pool_routes
from stepprove.lean_project.source.file import parse_source
from stepprove.lean_project.source.vetting import Parser
from stepprove.outcome import Outcome

KEY = "a-key-for-the-tests"
SUM = Problem.parse("theorem sum (a b : Nat) : a + b = b + a := by sorry")
RUNAWAY = "partial def spin (n : Nat) : IO Unit := spin (n + 1)\n#eval spin 0\n"

App = Callable[[Any, Any, Any], Awaitable[None]]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real pauses are too long for tests."""
    monkeypatch.setattr(remote_http, "FIRST_PAUSE", 0.005)
    monkeypatch.setattr(remote_http, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(remote, "TRIES", 2)


@asynccontextmanager
async def served(app: App, port: int = 0) -> AsyncIterator[str]:
    """An application on a free port, or on that one."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield "http://{}:{}".format(*listening.getsockname())
    finally:
        server.should_exit = True
        await task


def lean_app(engine: Engine, lean: SyncPool, *, key: str | None = None, time_limit: float = 60) -> FastAPI:
    """The server's application over a pool that others use too."""
    app = FastAPI()
    app.include_router(pool_routes(engine, Pool.over(lean), Parser(), time_limit))
    app.add_middleware(RequireKey, key=key)
    return app


class Faulty:
    """A server whose jobs meet faults, one after another; a job without a fault gets its answer."""

    def __init__(self, app: App, *faults: App | None) -> None:
        self.app, self.faults, self.jobs = app, list(faults), 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        fault = None
        if scope["method"] == "POST":
            self.jobs += 1
            fault = self.faults.pop(0) if self.faults else None
        await (fault or self.app)(scope, receive, send)


def says(status: int, body: bytes = b"{}", **headers: str) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": body})

    return app


async def cut(scope: Any, receive: Any, send: Any) -> None:
    """Begins an answer and hangs up."""
    length = [(b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": b'{"request": ', "more_body": True})
    raise ConnectionResetError


async def silent(scope: Any, receive: Any, send: Any) -> None:
    """Never answers."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Lying:
    """A server whose answers are the true ones, changed on the way; it remembers the true ones, for the same jobs come again."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.lie: Callable[[dict[str, Any]], object] = lambda answer: None
        self._true: dict[str, bytes] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        if path not in self._true:
            said = bytearray()

            async def keep(message: Any) -> None:
                said.extend(message.get("body", b""))

            await self.app(scope, receive, keep)
            self._true[path] = bytes(said)
        answer = json.loads(self._true[path])
        self.lie(answer)
        await says(200, json.dumps(answer).encode())(scope, receive, send)


def run(main: Awaitable[object]) -> None:
    asyncio.run(asyncio.wait_for(main, 60))


Use = Callable[[RemotePool], Awaitable[None]]


def with_servers(*apps: App, use: Use, **options: Any) -> None:
    """Serve the applications, and use them as a pool."""

    async def main() -> None:
        async with AsyncExitStack() as stack:
            urls = [await stack.enter_async_context(served(app)) for app in apps]
            await use(await stack.enter_async_context(RemotePool(urls, **options)))

    run(main())


# What a pool here says, the servers say.


def alike(a: Check, b: Check) -> bool:
    """But for numbers of environments, times and engines."""

    def told(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: told(each) for key, each in value.items() if key not in ("env", "proofState")}
        return [told(each) for each in value] if isinstance(value, list) else value

    one, other = (check.answer and told(check.answer.to_wire()) for check in (a, b))
    return one == other and (a.outcome, a.facts) == (b.outcome, b.facts)


CHECKS: tuple[tuple[str, str | None], ...] = (
    ("theorem a : 1 = 1 := rfl", None),
    ("theorem a : 1 = 2 := by\n  simp\n  sorry", None),
    ("theorem a : f 1 = 2 := by\n  show _ = 2; sorry", "def f (n : Nat) : Nat := n + 1\n"),
    ("theorem é : ∀ n : Nat, n = n := fun _ => rfl -- \u2028", None),
    ("", None),
)

ANSWERS = (
    "theorem sum (a b : Nat) : a + b = b + a := by omega",
    "theorem sum (a b : Nat) : a + b = b + a := by simp",
    "theorem sum (a b : Nat) : a + b = b + a := by sorry",
    "theorem sum (a b : Nat) : a + b = a + b := rfl",
    "axiom easy (a b : Nat) : a + b = b + a\ntheorem sum (a b : Nat) : a + b = b + a := easy a b",
    'macro "magic" : tactic => `(tactic| exact sorryAx _ true)\n'
    "theorem sum (a b : Nat) : a + b = b + a := by magic",
    "no Lean at all",
)


def test_it_answers_as_a_pool_does(engine: Engine, lean_pool: SyncPool) -> None:
    here = Pool.over(lean_pool)

    async def use(pool: RemotePool) -> None:
        assert pool.lean_version == engine.lean_version
        assert {health.lean for health in pool.servers.values()} == {engine.lean_version}
        for code, header in CHECKS:
            assert alike(await pool.check(code, header=header), await here.check(code, header=header))
        options: dict[str, Any] = {"facts": True, "all_tactics": True, "infotree": "original"}
        code = "theorem a (n : Nat) : n + 0 = n := by simp"
        assert alike(await pool.check(code, **options), await here.check(code, **options))
        outcomes = []
        for answer in ANSWERS:
            judgement = await SUM.judge(pool, answer)
            assert judgement == await SUM.judge(here, answer)
            outcomes.append(judgement.outcome)
        assert outcomes[:2] == [Outcome.PROVED, Outcome.FAILED]
        assert set(outcomes[2:]) == {Outcome.FAILED, Outcome.REJECTED}

    with_servers(lean_app(engine, lean_pool), use=use)


def test_it_passes_on_whatever_else_the_gate_is_asked(engine: Engine, lean_pool: SyncPool) -> None:
    here = Pool.over(lean_pool)
    two = parse_source("theorem a : 1 = 1 := by sorry\ntheorem b : ∀ n : ℕ, n = n := by sorry\n")
    half = parse_source("theorem a : 1 = 1 := rfl\ntheorem b : ∀ n : ℕ, n = n := by sorry\n")
    prelude = 'notation "ℕ" => Nat\n'
    own = parse_source("axiom a : 1 = 1\ntheorem b : 1 = 1 := by sorry\n")
    axiom = parse_source("axiom a : 1 = 1\ntheorem b : 1 = 1 := a\n")

    async def use(pool: RemotePool) -> None:
        for targets in (None, {"a"}, {"a", "c"}):
            one = await pool.verify(two, half, targets=targets, prelude=prelude)
            assert one == await here.verify(two, half, targets=targets, prelude=prelude)
            assert one.accepted == (targets == {"a"})
        for policy in (Policy(), Policy(axioms=frozenset({"a"}))):
            one = await pool.verify(own, axiom, policy=policy)
            assert one == await here.verify(own, axiom, policy=policy)
            assert one.accepted == bool(policy.axioms)
        with pytest.raises(BrokenOriginal, match="has errors of its own"):
            await Problem("", "theorem t : f 1 = 2 := by sorry", "t").judge(
                pool, "theorem t : f 1 = 2 := rfl"
            )
        with pytest.raises(ValueError, match="half of one"):
            await pool.check("-- \ud800")
        with pytest.raises(ValueError, match="greater than 0"):
            await pool.check("", timeout=0)

    with_servers(lean_app(engine, lean_pool), use=use)


# What may become of servers.


def test_a_server_that_fails_is_left_for_another_and_comes_back(engine: Engine, lean_pool: SyncPool) -> None:
    app = lean_app(engine, lean_pool)
    faults = [says(500), says(200, b"<html>"), cut, says(404)]
    bad, good = Faulty(app, *faults), Faulty(app)

    async def use(pool: RemotePool) -> None:
        while bad.faults:
            checks = await asyncio.gather(*(pool.check("theorem a : 1 = 1 := rfl") for _ in range(4)))
            assert [check.outcome for check in checks] == ["answered"] * 4
            await asyncio.sleep(0.02)
        assert {(await pool.check("")).outcome for _ in range(4)} == {"answered"}
        assert bad.jobs > len(faults)
        assert good.jobs > len(faults)

    with_servers(bad, good, use=use)


def test_what_no_server_answers_is_infrastructure_and_says_why(engine: Engine, lean_pool: SyncPool) -> None:
    faulty = Faulty(lean_app(engine, lean_pool), *[says(500)] * remote.TRIES * 2)

    async def use(pool: RemotePool) -> None:
        check = await pool.check("theorem a : 1 = 1 := rfl")
        assert (check.outcome, check.unanswered, check.answer) == ("crashed", Outcome.INFRASTRUCTURE, None)
        assert "it answered 500" in (check.reason or "")
        judgement = await SUM.judge(pool, ANSWERS[0])
        assert judgement.outcome is Outcome.INFRASTRUCTURE
        assert "it answered 500" in (judgement.reason or "")
        assert faulty.jobs == 2 * remote.TRIES
        assert (await SUM.judge(pool, ANSWERS[0])).accepted

    with_servers(faulty, use=use)


def test_a_busy_server_is_asked_again_as_often_as_it_takes(engine: Engine, lean_pool: SyncPool) -> None:
    busy = [says(429, Retry_After="0.02"), says(503), says(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT")]
    faulty = Faulty(lean_app(engine, lean_pool), *busy * 2)

    async def use(pool: RemotePool) -> None:
        assert (await pool.check("")).outcome == "answered"
        assert faulty.jobs == 7 > remote.TRIES

    with_servers(faulty, use=use)


def test_a_server_that_stays_busy_is_no_verdict(engine: Engine, lean_pool: SyncPool) -> None:
    async def use(pool: RemotePool) -> None:
        check = await pool.check("")
        assert check.unanswered is Outcome.INFRASTRUCTURE
        assert "takes no more (429)" in (check.reason or "")

    with_servers(Faulty(lean_app(engine, lean_pool), *[says(429)] * 99), use=use, patience=0.3)


def test_a_request_that_no_server_takes_is_sent_once(engine: Engine, lean_pool: SyncPool) -> None:
    faulty = Faulty(lean_app(engine, lean_pool), says(413, b"too large"))

    async def use(pool: RemotePool) -> None:
        check = await pool.check("")
        assert (check.unanswered, faulty.jobs) == (Outcome.INFRASTRUCTURE, 1)
        assert "413: too large" in (check.reason or "")

    with_servers(faulty, use=use)


def test_servers_that_are_gone_are_waited_for_so_long(engine: Engine, lean_pool: SyncPool) -> None:
    app = lean_app(engine, lean_pool)

    async def main() -> None:
        server = AsyncExitStack()
        url = await server.enter_async_context(served(app))
        async with RemotePool([url], patience=0.2) as pool:
            assert (await pool.check("")).outcome == "answered"
            await server.aclose()
            checks = await asyncio.gather(*(pool.check("") for _ in range(8)))
            assert {check.unanswered for check in checks} == {Outcome.INFRASTRUCTURE}
            assert "no Lean server has been up for 0.2 seconds" in (checks[-1].reason or "")
            assert (await SUM.judge(pool, ANSWERS[0])).outcome is Outcome.INFRASTRUCTURE
            later = asyncio.create_task(SUM.judge(pool, ANSWERS[0]))
            async with served(app, port=int(url.rpartition(":")[2])):
                assert (await later).accepted

    run(main())


def test_a_frozen_server_is_given_up_without_waiting_for_the_end(
    engine: Engine, lean_pool: SyncPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_HEARTBEAT", 0.05)
    monkeypatch.setattr(remote_http, "HEALTH_SECONDS", 0.3)
    app = lean_app(engine, lean_pool)
    frozen = False

    async def freezes(scope: Any, receive: Any, send: Any) -> None:
        nonlocal frozen
        frozen = frozen or scope["method"] == "POST"
        await (silent if frozen else app)(scope, receive, send)

    async def use(pool: RemotePool) -> None:
        checks = await asyncio.gather(*(pool.check("") for _ in range(4)))
        assert frozen
        assert {check.outcome for check in checks} == {"answered"}

    with_servers(freezes, app, use=use)


def test_an_answer_that_never_comes_is_no_time_out_of_lean(
    engine: Engine, lean_pool: SyncPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "HEADER_SECONDS", 0.05)

    async def use(pool: RemotePool) -> None:
        check = await pool.check("", timeout=0.01)
        assert check.unanswered is Outcome.INFRASTRUCTURE
        assert "no answer in" in (check.reason or "")

    with_servers(Faulty(lean_app(engine, lean_pool), *[silent] * remote.TRIES), use=use)


def test_jobs_go_where_the_least_is_under_way(engine: Engine, lean_pool: SyncPool) -> None:
    apps = [Faulty(lean_app(engine, lean_pool), *[silent] * 3) for _ in range(3)]

    async def use(pool: RemotePool) -> None:
        jobs = [asyncio.create_task(pool.check("")) for _ in range(9)]
        while sum(app.jobs for app in apps) < 6:  # two for each engine: the others wait here
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert [app.jobs for app in apps] == [2, 2, 2]
        jobs[0].cancel()
        while sum(app.jobs for app in apps) < 7:
            await asyncio.sleep(0.01)
        await pool.aclose()
        ended = await asyncio.gather(*jobs, return_exceptions=True)
        assert [type(end) for end in ended] == [asyncio.CancelledError] + [PoolClosed] * 8
        with pytest.raises(PoolClosed):
            await pool.check("")

    with_servers(*apps, use=use)


async def other_app(scope: Any, receive: Any, send: Any) -> None:
    await says(200, b'{"status": "ok"}')(scope, receive, send)


def test_an_address_that_cannot_be_used_is_told_in_one_sentence() -> None:
    no_server = "is not the Lean server of this version of StepProve."
    told = {
        "/other": no_server,
        "/older": no_server,
        "/key": "asks for another API key.",
        "/cut": "No Lean server answers at",
    }
    apps = {"/other": other_app, "/older": says(404), "/key": says(401), "/cut": cut}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await apps[scope["path"].removesuffix("/pool")](scope, receive, send)

    async def main() -> None:
        async with served(app) as url:
            addresses = {url + path: words for path, words in told.items()}
            for address, words in {**addresses, "http://127.0.0.1:1": "No Lean server answers at"}.items():
                pool = RemotePool([address], "wrong")
                with pytest.raises(NoLeanServer, match=words) as refusal:
                    await pool.__aenter__()
                assert address in str(refusal.value)
                assert "wrong" not in str(refusal.value)
                with pytest.raises(PoolClosed):
                    await pool.check("")

    run(main())


def test_the_key_is_asked_for(engine: Engine, lean_pool: SyncPool) -> None:
    async def main() -> None:
        async with served(lean_app(engine, lean_pool, key=KEY)) as url:
            async with RemotePool([url], KEY) as pool:
                assert (await pool.check("")).outcome == "answered"
            with pytest.raises(NoLeanServer, match="asks for an API key"):
                await RemotePool([url]).__aenter__()
            with pytest.raises(NoLeanServer, match="asks for another API key"):
                await RemotePool([url], KEY + "x").__aenter__()

    run(main())
    with pytest.raises(NoLeanServer, match="no request can carry") as told:
        run(RemotePool(["http://127.0.0.1:1"], "secret\n").__aenter__())
    assert "secret" not in str(told.value)


def test_servers_with_different_leans_are_no_pool(engine: Engine, lean_pool: SyncPool) -> None:
    other = replace(engine, lean_version="4.9.0")

    async def use(pool: RemotePool) -> None:
        raise AssertionError("it was entered")

    mine = re.escape(engine.lean_version)
    with pytest.raises(NoLeanServer, match=rf"differ: http\S+ has Lean {mine}, http\S+ has Lean 4\.9\.0\."):
        with_servers(lean_app(engine, lean_pool), lean_app(other, lean_pool), use=use)


# What is never believed.

PROVED = Judgement(
    outcome=Outcome.PROVED, verdicts=(Verdict(name="t", kind="theorem", outcome=Outcome.PROVED),)
)
FAILED = Judgement(
    outcome=Outcome.FAILED,
    reason="no",
    verdicts=(Verdict(name="t", kind="theorem", outcome=Outcome.FAILED),),
)


LIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another Lean": lambda answer: answer.update(lean="4.9.0"),
    "another request": lambda answer: answer.update(request="0" * 64),
    "no request": lambda answer: answer.pop("request"),
    "no judgement": lambda answer: answer.update(judgement=None),
    "judged and broken": lambda answer: answer.update(broken="it is broken"),
    "proved, and a part is not": lambda answer: answer["judgement"].update(outcome="proved"),
    "proved of nothing": lambda answer: answer["judgement"].update(outcome="proved", verdicts=[]),
    "no outcome": lambda answer: answer["judgement"].update(outcome="fine"),
}
WRONG_CHECKS: dict[str, Callable[[dict[str, Any]], object]] = {
    "out of time, with an answer": lambda answer: answer.update(outcome="timeout"),
    "answered with nothing": lambda answer: answer.update(answer=None),
    "nothing of Lean's": lambda answer: answer.update(answer={"lines": 3}),
    "no list": lambda answer: answer.update(answer={"env": 1, "messages": 3}),
    "a tactic's": lambda a: a.update(answer={"proofStatus": "Completed", "proofState": 0, "goals": []}),
    "before it began": lambda answer: answer.update(seconds=-1),
}


def test_an_answer_that_cannot_be_is_no_verdict(engine: Engine, lean_pool: SyncPool) -> None:
    app = lean_app(engine, lean_pool)
    server = Lying(app)

    async def jobs(scope: Any, receive: Any, send: Any) -> None:
        await (server if scope["method"] == "POST" else app)(scope, receive, send)

    async def use(pool: RemotePool) -> None:
        assert (await SUM.judge(pool, ANSWERS[2])).outcome is Outcome.FAILED
        assert (await pool.check("")).outcome == "answered"
        for name, lie in LIES.items():
            server.lie = lie
            judgement = await SUM.judge(pool, ANSWERS[2])
            assert judgement.outcome is Outcome.INFRASTRUCTURE, name
            assert judgement.reason
        for name, lie in WRONG_CHECKS.items():
            server.lie = lie
            assert (await pool.check("")).unanswered is Outcome.INFRASTRUCTURE, name

    with_servers(jobs, use=use)


@pytest.mark.parametrize(
    ("judgement", "targets", "words"),
    [
        (PROVED, None, None),
        (PROVED, {"t"}, None),
        (FAILED, None, None),
        (Judgement(outcome=Outcome.REJECTED, reason="no"), None, None),
        (Judgement(outcome=Outcome.TIMEOUT, reason="late"), {"t"}, None),
        (PROVED, {"t", "u"}, "not all"),
        (PROVED.model_copy(update={"culprit": "u"}), None, "something is wrong"),
        (PROVED.model_copy(update={"reason": "u"}), None, "something is wrong"),
        (PROVED.model_copy(update={"outcome": Outcome.TIMEOUT}), None, "and verdicts"),
        (PROVED.model_copy(update={"outcome": Outcome.REJECTED}), None, "do not say so"),
        (PROVED.model_copy(update={"outcome": Outcome.DISPROVED}), None, "disproves nothing"),
        (FAILED.model_copy(update={"outcome": Outcome.PROVED}), None, "do not say so"),
        (
            PROVED.model_copy(
                update={"verdicts": (PROVED.verdicts[0].model_copy(update={"axioms": ("sorryAx",)}),)}
            ),
            None,
            "axioms that are not allowed",
        ),
    ],
)
def test_a_judgement_must_agree_with_itself(
    judgement: Judgement, targets: set[str] | None, words: str | None
) -> None:
    wrong = contradiction(judgement, Policy(), targets)
    assert wrong is None if words is None else words in (wrong or "")
