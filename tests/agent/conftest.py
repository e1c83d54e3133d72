"""Searching for proofs of single statements, on real Lean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from scripted_prover import ScriptedProver

from stepprove.agent.search.result import SearchResult
from stepprove.agent.search.search import ProofSearchOptions, search
from stepprove.agent.search.session import ReplSession
from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import judge
from stepprove.lean_project.pool.pool import Pool, SyncPool
from stepprove.lean_project.repl.protocol import CommandResponse


@dataclass(frozen=True)
class Searcher:
    """Opens statements that end in `:= by sorry`, searches, and asks the gate."""

    repl: Repl

    def open(self, statement: str) -> tuple[int, tuple[str, ...]]:
        answer = self.repl.command(statement)
        assert isinstance(answer, CommandResponse) and not answer.has_errors, answer
        (hole,) = answer.sorries
        assert hole.proof_state is not None
        return hole.proof_state, (hole.goal,)

    def session(self, statement: str) -> ReplSession:
        return ReplSession(self.repl, lambda: self.open(statement))

    def __call__(self, statement: str, seconds: float = 40.0, **options: Any) -> SearchResult:
        session = self.session(statement)
        return search(session.root(), session, ProofSearchOptions(seconds, **options))

    def accepted(self, statement: str, script: tuple[str, ...]) -> bool:
        proof = "by\n" + "\n".join("  " + line for line in script)
        return judge(self.repl, statement, statement.replace("by sorry", proof), timeout=60).accepted

    def closes(self, statement: str, tactic: str) -> bool:
        """Whether one tactic proves the statement."""
        result = self.session(statement)
        step = result.run(result.root(), tactic, 30.0)
        return step.status == "ok" and not step.goals


@pytest.fixture
def searcher(repl: Repl) -> Searcher:
    return Searcher(repl)


@pytest.fixture(scope="session")
def prover() -> Iterator[ScriptedProver]:
    """A server whose models say what a test lets them say."""
    server = ScriptedProver()
    yield server
    server.close()


@pytest.fixture(scope="session")
def search_pool(engine: Engine) -> Iterator[SyncPool]:
    """One Lean process that searches, beside the one that runs a model's code."""
    with SyncPool(engine, size=1, standby=0, timeout=120.0) as pool:
        yield pool


@pytest.fixture
def pool(lean_pool: SyncPool) -> Pool:
    """One Lean process for all tests, as asyncio has it."""
    return Pool.over(lean_pool)
