"""The model of a run: reached once, when an attempt first needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stepprove.serving.client.client import Client
from stepprove.serving.client.endpoint import serving

RETRIES = 4
"""How often a request to the model is made again."""


class ModelHandle:
    """A model, and its server for as long as the event loop runs.

    Args:
        model: as `--model` has it.
        say: is told in a line what takes a while.
    """

    def __init__(self, model: str, say: Callable[[str], None] = lambda line: None) -> None:
        self._model, self._say = model, say
        self._ready: asyncio.Future[Client] | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def client(self) -> Client:
        """The model. Raises ModelFailure and OSError."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._keeper = asyncio.create_task(self._keep(self._ready))
        return await asyncio.shield(self._ready)

    async def _keep(self, ready: asyncio.Future[Client]) -> None:
        """Keep the model until the loop ends and cancels this: what a task enters, the same task must leave."""
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
