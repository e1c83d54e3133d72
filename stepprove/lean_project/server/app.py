"""Lean over HTTP: compatible with clients of Kimina Lean Server, with the trust gate's verdict in each result.

`create_app` makes a FastAPI application around a pool of engines. `stepprove lean-server` runs it with uvicorn, and
`examples/lean_server_ray.py` with Ray Serve on many machines.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from stepprove import __version__
from stepprove.http_server.bodies import LimitBodies, Limits
from stepprove.http_server.hosts import Hosts, TrustedHosts, hosts_for
from stepprove.http_server.keys import RequireKey
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.advisory.advisory import kernel_bugs
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.pool.remote.models import Health
from stepprove.lean_project.server.disconnect import come_again, unless_gone
from stepprove.lean_project.server.kimina import result_of
from stepprove.lean_project.server.metrics import Metrics
from stepprove.lean_project.server.models import (
    CheckReply,
    KiminaCheck,
    KiminaVerify,
    Result,
    Snippet,
    seconds_allowed,
)
from stepprove.lean_project.server.pool_routes import health_of, pool_routes
from stepprove.lean_project.source.vetting import Parser

NDJSON = "application/x-ndjson"
_WITHOUT_KEY = ("/", "/health", "/docs", "/openapi.json")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """A server's settings and limits."""

    engines: int | None = None
    """The number of engines; None: one for each core, as far as the memory allows."""
    time_limit: float = 300.0
    """The most seconds a snippet may ask for."""
    memory_limit_mb: float | None = None
    """Resident memory of each Lean process in 10**6 B; None: the pool's default."""
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    """The limits on requests."""
    hosts: Hosts = hosts_for("127.0.0.1")  # noqa: RUF009 - frozen
    """The host names that it answers for."""
    max_snippets: int = 10_000
    """The most snippets in one request."""
    max_waiting: int = 20_000
    """The most waiting snippets of all requests; the server refuses more with 429."""
    api_key: str | None = None


def create_app(engine: Engine, settings: ServerSettings = ServerSettings()) -> FastAPI:
    """Create the application; its pool starts and ends with it.

    The routes are inner functions, since FastAPI reads their signatures and they share the pool: hence the length.
    """
    pool = Pool(
        engine,
        size=settings.engines,
        timeout=settings.time_limit,
        memory_limit_mb=settings.memory_limit_mb,
        max_waiting=settings.max_waiting,
    )
    metrics = Metrics(lambda: pool.stats)
    bugs = tuple(bug.id for bug in kernel_bugs(engine.lean_version))
    parser = Parser()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with pool:
            yield

    app = FastAPI(
        title="StepProve Lean server",
        version=__version__,
        description="Checks Lean 4 snippets. Compatible with Kimina Lean Server's clients; `verdict` is the trust gate's word.",
        lifespan=lifespan,
    )
    # The middleware added last runs first.
    app.add_middleware(LimitBodies, limits=settings.limits)
    app.add_middleware(RequireKey, key=settings.api_key, open_paths=_WITHOUT_KEY)
    app.add_middleware(TrustedHosts, hosts=settings.hosts)
    app.add_exception_handler(RequestValidationError, _misfit)

    async def one(snippet: Snippet, request: KiminaCheck) -> Result:
        with come_again():
            result = await result_of(
                pool,
                parser,
                snippet,
                seconds=seconds_allowed(request.timeout, settings.time_limit),
                infotree=request.infotree,
                verdict=request.verdict,
                debug=request.debug,
                priority=request.priority,
                advisory=bugs,
            )
        metrics.seconds.labels(result.outcome).observe(result.time)
        return result

    async def every(request: KiminaCheck) -> list[Result]:
        tasks = [asyncio.create_task(one(snippet, request)) for snippet in request.snippets]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    @app.post("/api/check", response_model=CheckReply)
    async def check(body: KiminaCheck, request: Request) -> Response:
        """Check snippets. With `Accept: application/x-ndjson`, one line for each, as they end."""
        _refuse_many(len(body.snippets), settings)
        if NDJSON in request.headers.get("accept", ""):
            return StreamingResponse(_lines(body, one), media_type=NDJSON)
        results = await unless_gone(request, every(body))
        return _json({"results": [r.model_dump(mode="json") for r in results]})

    @app.post("/verify")
    @app.post("/one_pass_verify_batch", include_in_schema=False)
    async def verify(body: KiminaVerify, request: Request) -> Response:
        """The older form of `/api/check`."""
        _refuse_many(len(body.codes), settings)
        snippets = [
            Snippet(
                id=str(i), code=(code.proof if code.proof is not None else code.code) or "", original=None
            )
            for i, code in enumerate(body.codes)
        ]
        check_request = KiminaCheck(snippets=snippets, timeout=body.timeout, infotree=body.infotree_type)
        results = await unless_gone(request, every(check_request))
        return _json(
            {
                "results": [
                    {
                        "custom_id": code.custom_id,
                        "error": r.error,
                        "response": None if r.response is None else {**r.response, "time": r.time},
                        "outcome": r.outcome,
                        "verdict": r.verdict and r.verdict.model_dump(mode="json"),
                    }
                    for code, r in zip(body.codes, results, strict=True)
                ]
            }
        )

    @app.get("/health", response_model=Health)
    @app.get("/", include_in_schema=False)
    async def health() -> Health:
        """Which Lean answers here, and how busy it is."""
        return health_of(engine, pool)

    app.include_router(pool_routes(engine, pool, parser, settings.time_limit))

    @app.get("/metrics", include_in_schema=False)
    async def prometheus() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app


async def _misfit(_: Request, error: Exception) -> Response:
    """Report the fields that do not fit, without their values, which JSON may be unable to hold."""
    assert isinstance(error, RequestValidationError)
    details = [{key: e[key] for key in ("type", "loc", "msg")} for e in error.errors()]
    return _json({"detail": details}, 422)


def _refuse_many(count: int, settings: ServerSettings) -> None:
    if count > settings.max_snippets:
        raise HTTPException(413, f"{count} snippets in one request; the limit is {settings.max_snippets}")


def _json(document: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")


async def _lines(
    body: KiminaCheck, one: Callable[[Snippet, KiminaCheck], Awaitable[Result]]
) -> AsyncIterator[bytes]:
    """Yield each result as a line as it ends; starlette stops this when the client leaves."""

    async def line(snippet: Snippet) -> bytes:
        try:
            return orjson.dumps((await one(snippet, body)).model_dump(mode="json")) + b"\n"
        except HTTPException as refused:
            return (
                orjson.dumps({"id": snippet.id, "error": str(refused.detail), "outcome": "refused"}) + b"\n"
            )

    tasks = [asyncio.create_task(line(snippet)) for snippet in body.snippets]
    try:
        for ended in asyncio.as_completed(tasks):
            yield await ended
    finally:
        for task in tasks:
            task.cancel()
