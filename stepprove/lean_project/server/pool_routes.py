"""The server's side of a `RemotePool`: `/pool` accepts a pool's jobs and returns a pool's results."""

from __future__ import annotations

import hashlib

import orjson
from fastapi import APIRouter, Request, Response

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.verify import BrokenOriginal
from stepprove.lean_project.pool.pool import Check, Pool, unanswered
from stepprove.lean_project.pool.remote.models import CheckAnswer, Health, VerifyAnswer
from stepprove.lean_project.pool.requests import CheckRequest, VerifyRequest
from stepprove.lean_project.server.disconnect import come_again, unless_gone
from stepprove.lean_project.server.models import seconds_allowed
from stepprove.lean_project.source.vetting import Parser, TooMuch
from stepprove.outcome import Outcome


def health_of(engine: Engine, pool: Pool) -> Health:
    """The server's Lean and its load."""
    stats = pool.stats
    return Health(
        lean=engine.lean_version,
        engine=engine.kind,
        mathlib=engine.mathlib,
        engines=stats.engines,
        running=stats.running,
        waiting=stats.waiting,
        memory_mb=stats.memory_mb,
    )


def pool_routes(engine: Engine, pool: Pool, parser: Parser, time_limit: float) -> APIRouter:
    """The routes of a pool, as inner functions that share it: hence the length.

    Args:
        engine: the pool's engine.
        pool: the pool.
        parser: parses the clients' texts.
        time_limit: the most seconds of a job for each engine call.
    """
    router = APIRouter(prefix="/pool", tags=["pool"])

    @router.get("")
    async def health() -> Health:
        """As `/health`, for those who have the key."""
        return health_of(engine, pool)

    async def checked(body: CheckRequest) -> Check:
        try:
            await parser.vet(body.code)
            await parser.vet(body.header or "")
        except TooMuch as much:
            return Check(much.ending, None, str(much), 0.0, 0.0, 0)
        seconds = seconds_allowed(body.timeout, time_limit)
        return await pool.run_check(body.model_copy(update={"timeout": seconds}))

    async def judged(body: VerifyRequest) -> Judgement:
        try:
            await parser.vet(body.prelude or "")
            original, candidate = [await parser.parse(text) for text in body.texts()]
        except TooMuch as much:
            return Judgement(outcome=unanswered(much.ending) or Outcome.INFRASTRUCTURE, reason=str(much))
        seconds = seconds_allowed(body.timeout, time_limit)
        parsed = {"original": original, "candidate": candidate, "timeout": seconds}
        return await pool.run_verify(body.model_copy(update=parsed))

    @router.post("/check", response_model=CheckAnswer)
    async def check(body: CheckRequest, request: Request) -> Response:
        """Elaborate a text."""
        with come_again():
            result = await unless_gone(request, checked(body))
        return _answer(
            CheckAnswer(
                request=await _digest(request),
                lean=engine.lean_version,
                mathlib=engine.mathlib,
                outcome=result.outcome,
                answer=None if result.answer is None else result.answer.to_wire(),
                reason=result.reason,
                seconds=result.seconds,
                engine=result.engine,
                facts=result.facts,
            )
        )

    @router.post("/verify", response_model=VerifyAnswer)
    async def verify(body: VerifyRequest, request: Request) -> Response:
        """Have the trust gate judge a candidate."""
        judgement: Judgement | None = None
        broken: str | None = None
        try:
            with come_again():
                judgement = await unless_gone(request, judged(body))
        except BrokenOriginal as wrong:
            broken = str(wrong)
        return _answer(
            VerifyAnswer(
                request=await _digest(request),
                lean=engine.lean_version,
                mathlib=engine.mathlib,
                judgement=judgement,
                broken=broken,
            )
        )

    return router


async def _digest(request: Request) -> str:
    """SHA-256 of a request's body."""
    return hashlib.sha256(await request.body()).hexdigest()


def _answer(answer: CheckAnswer | VerifyAnswer) -> Response:
    return Response(
        orjson.dumps(answer.model_dump(mode="json", by_alias=True)), media_type="application/json"
    )
