"""The model of a run, started by the first attempt that needs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from stepprove.on_first_use import OnFirstUse
from stepprove.serving.client.client import Client
from stepprove.serving.client.endpoint import serving

RETRIES = 4
"""Retries of a request to the model."""


class ModelHandle:
    """A model, and its server for the lifetime of the event loop.

    Args:
        model: the value of `--model`.
        say: receives a line before slow work.
    """

    def __init__(self, model: str, say: Callable[[str], None] = lambda line: None) -> None:
        self._client = OnFirstUse(lambda: _served(model, say))

    async def client(self) -> Client:
        """Return the client; raise ModelFailure or OSError."""
        return await self._client.get()


@asynccontextmanager
async def _served(model: str, say: Callable[[str], None]) -> AsyncIterator[Client]:
    """Serve a model until the context ends."""
    async with serving(model, say) as endpoint, endpoint.client(retries=RETRIES) as client:
        await client.reach()
        yield client
