"""The interface of a pool for proving and training: check a text, and judge a candidate, wherever Lean runs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.pool.results import Check
from stepprove.lean_project.source.file import SourceFile


class Lean(Protocol):
    """`Pool` with its engines on this machine, or `RemotePool` with servers on others."""

    async def check(
        self, code: str, *, header: str | None = None, priority: int = 0, timeout: float | None = None
    ) -> Check:
        """Elaborate a text; see `SyncPool.check`."""
        ...

    async def verify(
        self,
        original: SourceFile,
        candidate: SourceFile,
        *,
        policy: Policy = Policy(),  # noqa: B008 - frozen
        targets: Collection[str] | None = None,
        prelude: str | None = None,
        priority: int = 0,
        timeout: float | None = None,
    ) -> Judgement:
        """Have the trust gate judge a candidate; see `SyncPool.verify`."""
        ...
