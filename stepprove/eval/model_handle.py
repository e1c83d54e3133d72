"""The model of a run, started by the first attempt that needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

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
        self._model, self._say = model, say
        self._ready: asyncio.Future[Client] | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def client(self) -> Client:
        """Return the client; raise ModelFailure or OSError."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._keeper = asyncio.create_task(self._keep(self._ready))
        return await asyncio.shield(self._ready)

    async def _keep(self, ready: asyncio.Future[Client]) -> None:
        """Keep the model open until the loop ends and cancels this task: the task that enters it must also leave it."""
        try:
            async with (
                serving(self._model, self._say) as endpoint,
                endpoint.client(retries=RETRIES) as client,
            ):
                await client.reach()
                ready.set_result(client)
                await asyncio.Event().wait()
        except Exception as failure:
            if not ready.done():
                ready.set_exception(failure)
