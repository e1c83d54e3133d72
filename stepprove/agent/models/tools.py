"""What a model's attempts work with, opened for a whole run: the model's server, a client, and a pool for its code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import Pool, SyncPool
from stepprove.serving.client.budget import Account
from stepprove.serving.client.client import Client
from stepprove.serving.client.endpoint import serving


@dataclass(frozen=True, slots=True)
class ModelTools:
    """What an attempt works with."""

    client: Client
    pool: Pool
    """Runs the model's code and the gate."""
    engine: Engine
    """The pool's."""


@asynccontextmanager
async def open_tools(
    name: str,
    engine: Engine,
    *,
    account: Account,
    retries: int,
    pool: SyncPool | None,
    size: int,
    say: Callable[[str], None],
) -> AsyncIterator[ModelTools]:
    """Open the tools for a model.

    Args:
        name: the value of `--model`.
        engine: the Lean.
        account: keeps the budget.
        retries: of a request to the model.
        pool: runs the model's code; None: a new pool.
        size: processes of a new pool.
        say: receives a line before slow work.

    Raises:
        ModelFailure, OSError: there is no such model, or it cannot be served.
        ReplFailure: Lean cannot be started.
    """
    async with AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(serving(name, say))
        client = await stack.enter_async_context(endpoint.client(account=account, retries=retries))
        if pool is not None:
            checks = Pool.over(pool)
        else:
            checks = await stack.enter_async_context(Pool(engine, size=size))
        yield ModelTools(client, checks, engine)
