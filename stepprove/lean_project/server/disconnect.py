"""Clients that leave before they have their answer, and clients that come when the pool takes no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from fastapi import HTTPException, Request

from stepprove.lean_project.pool.pool import PoolClosed, PoolFull

T = TypeVar("T")


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """The result of `work`, which is cancelled when the client leaves."""

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
    """Tell the client of a job that the pool did not take to come again later: 429 when it is full, 503 when it is closed."""
    try:
        yield
    except PoolFull as full:
        raise HTTPException(429, f"{full}; try again later", {"Retry-After": "5"}) from None
    except PoolClosed as closed:
        raise HTTPException(503, str(closed)) from None
