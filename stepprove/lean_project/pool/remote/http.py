"""HTTP to Lean servers: a server's health, a job's answer, and the reasons why there is none."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import httpx2
from pydantic import ValidationError

from stepprove.lean_project.pool.remote.answers import UnusableAnswer
from stepprove.lean_project.pool.remote.models import Health

__all__ = ["Busy", "LeanHttp", "NoLeanServer", "Refused", "pause_after"]

HEALTH_SECONDS = 10.0
"""The most seconds for a connection, and for a health report."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds for which a pool avoids a server after its first failure, and at most."""


class NoLeanServer(Exception):
    """The servers cannot form one pool; the message is one sentence."""


class Busy(UnusableAnswer):
    """The server takes no job now."""

    def __init__(self, message: str, pause: float) -> None:
        super().__init__(message)
        self.pause = pause
        """Seconds."""


class Refused(UnusableAnswer):
    """The request itself is at fault, so that every server would refuse it."""


class LeanHttp:
    """HTTP to Lean servers that need one API key.

    Args:
        key: the API key; None: they need none.

    Raises:
        NoLeanServer: no request can carry the key.
    """

    def __init__(self, key: str | None) -> None:
        if key is not None and not (key.isascii() and key.isprintable()):
            raise NoLeanServer("The API key of the Lean servers has characters that no request can carry.")
        self._has_key = key is not None
        self._client = httpx2.AsyncClient(
            headers={} if key is None else {"Authorization": f"Bearer {key}"},
            timeout=httpx2.Timeout(None, connect=HEALTH_SECONDS),
            # Drop an idle connection before uvicorn does so after 5 s; otherwise a request on it would fail.
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=2.0),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def post(self, url: str, body: bytes, clock: asyncio.Timeout) -> bytes:
        """Send a request and return the body of the answer; `clock` ends it. Raises UnusableAnswer."""
        began = time.monotonic()
        try:
            async with clock:
                reply = await self._client.post(
                    url, content=body, headers={"Content-Type": "application/json"}
                )
        except TimeoutError:
            raise UnusableAnswer(f"no answer in {time.monotonic() - began:.0f} seconds") from None
        except httpx2.HTTPError as failure:
            raise UnusableAnswer(f"it did not answer ({_words(failure)})") from None
        if reply.status_code == 200:
            return reply.content
        if reply.status_code in (429, 503):
            raise Busy(f"it takes no more ({reply.status_code})", _pause_of(reply))
        if reply.status_code in (400, 413, 422):
            raise Refused(f"it refused the request ({reply.status_code}: {reply.text[:300]})")
        raise UnusableAnswer(f"it answered {reply.status_code}")

    async def health(self, url: str) -> Health:
        """A server's health report. Raises NoLeanServer."""
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                reply = await self._client.get(f"{url}/pool")
        except TimeoutError:
            raise NoLeanServer(f"No Lean server answers at {url} in {HEALTH_SECONDS:g} seconds.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NoLeanServer(f"No Lean server answers at {url} ({_words(error)}).") from None
        if reply.status_code in (401, 403):
            raise NoLeanServer(
                f"The Lean server at {url} asks for {'another' if self._has_key else 'an'} API key."
            )
        if reply.status_code == 200:
            with suppress(ValidationError):
                return Health.model_validate_json(reply.content)
        raise NoLeanServer(f"What answers at {url} is not the Lean server of this version of StepProve.")


def pause_after(failures: int) -> float:
    """Seconds for which a pool avoids a server after so many failures in a row."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 10))


def _pause_of(reply: httpx2.Response) -> float:
    """Seconds until the next try, from the `Retry-After` header."""
    try:
        seconds = float(reply.headers.get("Retry-After", ""))
    except ValueError:  # it may be a date
        seconds = 1.0
    return min(max(seconds, FIRST_PAUSE), LONGEST_PAUSE)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
