"""Requests whose client leaves before the answer, and requests that the pool refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from fastapi import HTTPException, Request

from stepprove.lean_project.pool.pool import PoolClosed, PoolFull

T = TypeVar("T")


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """Await `work`, and cancel it if the client leaves."""

    async def leaves() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    task, gone = asyncio.ensure_future(work), asyncio.create_task(leaves())
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            raise HTTPException(499, "the client has left")
        return task.result()
    finally:
        gone.cancel()
        task.cancel()


@contextmanager
def come_again() -> Iterator[None]:
    """Turn the pool's refusals into HTTP errors: 429 with Retry-After if it is full, 503 if it is closed."""
    try:
        yield
    except PoolFull as full:
        raise HTTPException(429, f"{full}; try again later", {"Retry-After": "5"}) from None
    except PoolClosed as closed:
        raise HTTPException(503, str(closed)) from None
