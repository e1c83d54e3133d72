"""How many statements written for Mathlib, but naming only ℕ and ℤ, does the search prove in core Lean?

Which statements those are is asked of the engine: the ones that elaborate, without their header, after the
notation prelude. Every proof counted has passed the trust gate.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from pydantic import BaseModel, ConfigDict

from stepprove.agent.search import SearchOutcome, SearchResult, search
from stepprove.agent.session import ReplSession
from stepprove.lean_project.engine import Engine
from stepprove.lean_project.gate import judge
from stepprove.lean_project.outcome import Outcome
from stepprove.lean_project.prelude import PRELUDE
from stepprove.lean_project.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.repl import Repl, ReplFailure, ReplTimeout

_HOLE = re.compile(r":=\s*(?:by\s+)?sorry\s*$")
_COMMAND_SECONDS = 60.0
_MEMORY_LIMIT_MB = 1800.0


class Statement(BaseModel):
    """A line of the data set; the header is not used."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    formal_statement: str
    """Lean text that ends in `:= by sorry`."""


class Row(BaseModel):
    """What became of one statement."""

    model_config = ConfigDict(frozen=True)

    name: str
    outcome: Outcome
    seconds: float
    """Spent searching, the gate not counted."""
    steps: int = 0
    found_by: str | None = None
    proof: str | None = None
    reason: str | None = None


class CoreReport(BaseModel):
    """A whole run."""

    model_config = ConfigDict(frozen=True)

    rows: tuple[Row, ...]
    read: int
    """Statements in the file; `rows` has those that elaborate in core Lean."""
    sha256: str
    """Of the file."""
    engine: str
    time_limit: float
    jobs: int
    seconds: float

    @property
    def solved(self) -> int:
        """How many were proved."""
        return sum(row.outcome is Outcome.PROVED for row in self.rows)


def read_statements(path: Path) -> tuple[list[Statement], str]:
    """The statements of a JSONL file and the file's SHA-256. Raises OSError and ValueError."""
    data = path.read_bytes()
    lines = [line for line in data.decode("utf-8").splitlines() if line.strip()]
    return [Statement.model_validate_json(line) for line in lines], hashlib.sha256(data).hexdigest()


def run_core(
    path: Path,
    engine: Engine,
    *,
    time_limit: float = 60.0,
    jobs: int = 2,
    seed: int = 0,
    names: Sequence[str] = (),
    log: Path | None = None,
    listen: Callable[[Row], None] = lambda row: None,
) -> CoreReport:
    """Try every statement of the file that elaborates in core Lean.

    Args:
        path: JSONL with `name` and `formal_statement`.
        engine: the Lean to run.
        time_limit: seconds of search for each.
        jobs: Lean processes at once.
        seed: for the search.
        names: only these; empty for all.
        log: a JSONL file that gets a line for each statement as soon as it is done.
        listen: called with each row.

    Raises OSError, ValueError (the file) and ReplFailure (no Lean).
    """
    started = time.monotonic()
    statements, digest = read_statements(path)
    wanted = [s for s in statements if not names or s.name in names]
    with ExitStack() as stack:
        benches: SimpleQueue[_Bench] = SimpleQueue()
        for _ in range(max(1, jobs)):
            repl = Repl(engine, timeout=_COMMAND_SECONDS, standby=True, memory_limit_mb=_MEMORY_LIMIT_MB)
            stack.callback(repl.close)
            benches.put(_Bench(repl, time_limit, seed))

        def one(statement: Statement) -> Row | None:
            bench = benches.get()
            try:
                row = bench.attempt(statement)
            finally:
                benches.put(bench)
            if row is not None:
                if log is not None:
                    with log.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row.model_dump(mode="json"), ensure_ascii=False) + "\n")
                listen(row)
            return row

        if log is not None:
            log.write_text("", encoding="utf-8")
        with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
            rows = [row for row in pool.map(one, wanted) if row is not None]
    return CoreReport(
        rows=tuple(rows),
        read=len(statements),
        sha256=digest,
        engine=f"Lean {engine.lean_version} ({engine.kind})",
        time_limit=time_limit,
        jobs=jobs,
        seconds=time.monotonic() - started,
    )


class _Bench:
    """One Lean process that takes statements one after another."""

    def __init__(self, repl: Repl, time_limit: float, seed: int) -> None:
        self.repl = repl
        self.time_limit = time_limit
        self.seed = seed
        self._base: tuple[int, int] | None = None  # (generation, environment of the prelude)

    def base(self) -> int:
        """The environment after the prelude, made again after a restart."""
        if self._base is None or self._base[0] != self.repl.generation:
            answer = self.repl.command(PRELUDE)
            if isinstance(answer, ErrorResponse) or answer.has_errors:
                raise ReplFailure("the prelude does not elaborate")
            self._base = (self.repl.generation, answer.env)
        return self._base[1]

    def attempt(self, statement: Statement) -> Row | None:
        """Search for a proof; None when the statement does not elaborate in core Lean."""
        try:
            answer = self.elaborated(statement)
            if answer is None:
                return None
            result = self.searched(statement)
        except ReplTimeout as late:
            return Row(name=statement.name, outcome=Outcome.TIMEOUT, seconds=late.seconds, reason=str(late))
        except ReplFailure as failure:
            return Row(name=statement.name, outcome=Outcome.INFRASTRUCTURE, seconds=0.0, reason=str(failure))
        row = Row(
            name=statement.name,
            outcome=_OUTCOMES[result.outcome],
            seconds=round(result.seconds, 2),
            steps=result.steps,
            reason=result.reason or None,
        )
        return row if not result.found else self.judged(statement, result, row)

    def elaborated(self, statement: Statement) -> CommandResponse | None:
        """The engine's answer to the statement with its hole, None when there are errors or no hole."""
        answer = self.repl.command(statement.formal_statement, self.base())
        if isinstance(answer, ErrorResponse) or answer.has_errors or len(answer.sorries) != 1:
            return None
        return answer

    def searched(self, statement: Statement) -> SearchResult:
        """Search for a proof of the statement."""

        def open_root() -> tuple[int, tuple[str, ...]]:
            answer = self.elaborated(statement)
            if answer is None or answer.sorries[0].proof_state is None:
                raise ReplFailure("the statement no longer elaborates")
            return answer.sorries[0].proof_state, (answer.sorries[0].goal,)

        session = ReplSession(self.repl, open_root)
        return search(session.root(), session, self.time_limit, seed=self.seed)

    def judged(self, statement: Statement, result: SearchResult, row: Row) -> Row:
        """Let the trust gate decide on the found script."""
        proof = "\n".join("  " + line for line in result.script)
        candidate = _HOLE.sub(lambda _: ":= by\n" + proof, statement.formal_statement)
        judgement = judge(
            self.repl, statement.formal_statement, candidate, env=self.base(), timeout=_COMMAND_SECONDS
        )
        return row.model_copy(
            update={
                "outcome": judgement.outcome,
                "found_by": result.found_by,
                "proof": "\n".join(result.script),
                "reason": judgement.reason,
            }
        )


_OUTCOMES = {
    SearchOutcome.FOUND: Outcome.PROVED,
    SearchOutcome.EXHAUSTED: Outcome.FAILED,
    SearchOutcome.OUT_OF_TIME: Outcome.TIMEOUT,
    SearchOutcome.CANCELLED: Outcome.TIMEOUT,
    SearchOutcome.INFRASTRUCTURE: Outcome.INFRASTRUCTURE,
}


def table(report: CoreReport) -> Iterator[str]:
    """The report as lines of plain text; the count is the last one."""
    width = max([len(row.name) for row in report.rows] + [9])
    yield f"{'statement':<{width}}  {'outcome':<9}  seconds  steps  found by"
    for row in report.rows:
        how = row.found_by or row.reason or ""
        yield f"{row.name:<{width}}  {row.outcome.value:<9}  {row.seconds:7.1f}  {row.steps:5}  {how[:90]}"
    yield ""
    limits = f"{report.jobs} jobs, {report.time_limit:g} s for each"
    yield f"{report.engine}, {limits}, data sha256 {report.sha256[:16]}"
    yield f"solved {report.solved} of {len(report.rows)} (of {report.read} read) in {report.seconds:.0f} s"
