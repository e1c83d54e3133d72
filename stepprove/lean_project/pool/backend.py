"""The interface of every pool: check a text, and judge a candidate, wherever Lean runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Coroutine
from typing import Any, Generic, TypeVar

from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.pool.requests import CheckRequest, VerifyRequest
from stepprove.lean_project.pool.results import Check
from stepprove.lean_project.repl.protocol import InfoTreeKind
from stepprove.lean_project.source.file import SourceFile

__all__ = ["AnyPool", "Lean"]

C = TypeVar("C", bound=Check | Coroutine[Any, Any, Check])
J = TypeVar("J", bound=Judgement | Coroutine[Any, Any, Judgement])


class AnyPool(ABC, Generic[C, J]):
    """A pool, whose methods return results (`SyncPool`) or coroutines of them (`Pool`, `RemotePool`)."""

    @abstractmethod
    def run_check(self, request: CheckRequest) -> C:
        """Do the job of `check`, whose arguments are already a request."""

    @abstractmethod
    def run_verify(self, request: VerifyRequest) -> J:
        """Do the job of `verify`, whose arguments are already a request."""

    def check(
        self,
        code: str,
        *,
        header: str | None = None,
        priority: int = 0,
        timeout: float | None = None,
        all_tactics: bool = False,
        infotree: InfoTreeKind | None = None,
        facts: bool = False,
    ) -> C:
        """Elaborate a text. A time-out or crash is an outcome; `check` never raises it.

        Args:
            code: Lean source, with its imports unless `header` has them.
            header: imports before `code`; each process elaborates them once.
            priority: a job of priority 1 precedes one of priority 0 that has waited up to 30 s longer; -1000 to 1000.
            timeout: seconds for the text; None: the pool's own limit.
            all_tactics: list every tactic call.
            infotree: print the info trees of this kind.
            facts: return facts about the text's declarations and their axioms, if the engine supports `inspect`.

        Raises:
            PoolFull, PoolClosed: the pool did not try it.
            ValueError: the text has a lone surrogate, or a number is out of its range.
        """
        return self.run_check(
            CheckRequest(
                code=code,
                header=header,
                priority=priority,
                timeout=timeout,
                all_tactics=all_tactics,
                infotree=infotree,
                facts=facts,
            )
        )

    def verify(
        self,
        original: SourceFile,
        candidate: SourceFile,
        *,
        policy: Policy = Policy(),  # noqa: B008 - frozen
        targets: Collection[str] | None = None,
        prelude: str | None = None,
        priority: int = 0,
        timeout: float | None = None,
    ) -> J:
        """Have the trust gate judge a candidate, elaborated whole on one engine; see `verify.verify`.

        Args:
            original: the file that states the targets.
            candidate: the file that claims to prove them.
            policy: what to allow beyond the standard.
            targets: names that must be proved; None: every theorem and `example` of the original.
            prelude: Lean source that replaces the imports of both texts.
            priority: as for `check`.
            timeout: seconds for each engine call; None: the pool's own limit.

        Raises:
            PoolFull, PoolClosed: the pool did not try it.
            BrokenOriginal: Lean reports errors in the original.
            ValueError: as for `check`.
        """
        return self.run_verify(
            VerifyRequest(
                original=original,
                candidate=candidate,
                policy=policy,
                targets=None if targets is None else tuple(sorted(targets)),
                prelude=prelude,
                priority=priority,
                timeout=timeout,
            )
        )


Lean = AnyPool[Coroutine[Any, Any, Check], Coroutine[Any, Any, Judgement]]
"""A pool for asyncio: `Pool` with its engines on this machine, or `RemotePool` with servers on others."""
