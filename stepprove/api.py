"""The functions that `import stepprove` offers: each takes Lean texts or paths, starts a Lean of its own, and stops it again.

A `str` is Lean text, a `Path` a file. For many calls keep one `Repl` or `Pool`, and use the functions of
`stepprove.lean_project.gate` and `stepprove.agent.file` on it.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from stepprove.agent.file.options import ProveOptions
from stepprove.agent.file.prove import prove_source
from stepprove.agent.file.report import ProveReport
from stepprove.agent.search.disprove import Disproof
from stepprove.agent.search.disprove import disprove as disprove_goal
from stepprove.formalizer.equivalence.equivalence import Equivalence
from stepprove.formalizer.equivalence.equivalence import equivalent as equivalent_statements
from stepprove.formalizer.equivalence.methods import Method
from stepprove.formalizer.statement import BadStatement, Statement, read_statement, statement_of
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.engines.find import find_engine
from stepprove.lean_project.gate.check import CheckReport, check_source
from stepprove.lean_project.gate.gate import Judgement, errors_of
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.gate.verify import verify as verify_source
from stepprove.lean_project.messages import first_line
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import SourceFile, parse_source, read_source

__all__ = ["check", "disprove", "equivalent", "prove", "verify"]

LeanText = str | Path
"""Lean text, or the path of a Lean file."""
_CALL_SECONDS = 120.0


def prove(
    source: LeanText,
    *,
    theorems: Collection[str] = (),
    time_limit: float = 60.0,
    jobs: int = 1,
    seed: int = 0,
    engine: Engine | None = None,
) -> ProveReport:
    """Fill the holes (`sorry`) of a Lean text; the gate has accepted every proof in the result.

    Args:
        source: Lean text, or the path of a file. Nothing is written: the filled text is the report's `text`.
        theorems: names of the declarations to prove; empty: all.
        time_limit: seconds for each hole.
        jobs: Lean processes in parallel.
        seed: of the search.
        engine: the Lean; None: the one that `find_engine` chooses for the path.

    Raises:
        SourceError: the file is not usable.
        FileRefused: Lean reports errors in the text, or it has no such theorem.
        LeanNotFound: no Lean is ready.
        ReplFailure: Lean cannot be run.
    """
    file = _read(source)
    options = ProveOptions(theorems=tuple(theorems), time_limit=time_limit, jobs=jobs, seed=seed)
    return prove_source(file, engine or find_engine(file.path), options)


def check(source: LeanText, *, timeout: float = _CALL_SECONDS, engine: Engine | None = None) -> CheckReport:
    """Elaborate a Lean text and say of each theorem whether it is proved.

    Args:
        source: Lean text, or the path of a file.
        timeout: seconds for each call of Lean.
        engine: the Lean; None: the one that `find_engine` chooses for the path.

    Raises:
        SourceError, LeanNotFound, ReplFailure: as `prove`.
    """
    file = _read(source)
    with Repl(engine or find_engine(file.path)) as repl:
        return check_source(repl, file, timeout=timeout)


def verify(
    original: LeanText,
    candidate: LeanText,
    *,
    axioms: Collection[str] = (),
    audit: bool = False,
    timeout: float = _CALL_SECONDS,
    engine: Engine | None = None,
) -> Judgement:
    """Decide whether a candidate proves every statement of the original.

    Args:
        original: Lean text or path that states the theorems.
        candidate: Lean text or path that claims to prove them.
        axioms: names of axioms to allow beside Lean's three.
        audit: have another process check an accepted candidate once more.
        timeout: seconds for each call of Lean.
        engine: the Lean; None: the one that `find_engine` chooses for the original's path.

    Raises:
        BrokenOriginal: Lean reports errors in the original.
        SourceError, LeanNotFound: as `prove`.
    """
    before, after = _read(original), _read(candidate)
    lean = engine or find_engine(before.path)
    with Repl(lean) as repl:
        return verify_source(
            repl,
            before,
            after,
            policy=Policy(axioms=frozenset(axioms)),
            auditor=lean if audit else None,
            timeout=timeout,
        )


def disprove(statement: LeanText, *, time_limit: float = 20.0, engine: Engine | None = None) -> Disproof:
    """Search for a proof that a statement is false, most often a counterexample.

    Args:
        statement: Lean text or path; its last theorem is the statement, with a proof, `sorry` or nothing after `:=`.
        time_limit: seconds of search.
        engine: an embedded Lean; None: the one that pip installs.

    Raises:
        BadStatement: the text states no theorem, or Lean reports an error in the statement.
        SourceError, LeanNotFound, ReplFailure: as `prove`.
    """
    stated = _statement(statement)
    text = f"{stated.source.text[: stated.end].removeprefix(stated.source.mark)}:= by sorry\n"
    with Repl(engine or find_engine(prefer="embedded")) as repl:

        def open_root() -> tuple[int, tuple[str, ...]]:
            answer = repl.elaborate(text, timeout=_CALL_SECONDS)
            errors = errors_of(answer.messages)
            if errors or not answer.sorries or answer.sorries[-1].proof_state is None:
                words = first_line(errors[0].data) if errors else "it has no goal"
                raise BadStatement(f"Lean does not read the statement: {words}")
            return answer.sorries[-1].proof_state, (answer.sorries[-1].goal,)

        return disprove_goal(repl, open_root, time_limit)


def equivalent(
    a: LeanText,
    b: LeanText,
    *,
    method: Method = "beq+",
    timeout: float = 60.0,
    engine: Engine | None = None,
) -> Equivalence:
    """Try to prove each of two statements from the other.

    Args:
        a: Lean text or path; its last theorem is the statement.
        b: another.
        method: `beq`, `beql` or `beq+`.
        timeout: seconds for each call of Lean.
        engine: the Lean; None: the one that `find_engine` chooses for the first path.

    Raises:
        BadStatement: a text states no theorem, Lean reports errors in one, or they import different modules.
        SourceError, LeanNotFound: as `prove`.
    """
    one, other = _statement(a), _statement(b)
    with Repl(engine or find_engine(one.source.path)) as repl:
        return equivalent_statements(repl, one, other, method=method, timeout=timeout)


def _read(source: LeanText) -> SourceFile:
    return read_source(source) if isinstance(source, Path) else parse_source(source)


def _statement(source: LeanText) -> Statement:
    """The statement of a file, or of a text that may end before its `:=`."""
    if isinstance(source, Path):
        return statement_of(read_source(source))
    try:
        return read_statement(source)
    except BadStatement:
        return read_statement(f"{source} := by sorry\n")
