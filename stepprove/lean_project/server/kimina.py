"""Check a snippet and write the pool's outcome and the gate's verdict as the server's JSON."""

from __future__ import annotations

from typing import Any

from stepprove.lean_project.gate.decision.standing import axiom_fault, distrust, fault, standing
from stepprove.lean_project.gate.gate import Judgement, errors_of
from stepprove.lean_project.gate.inspection.facts import DeclarationFacts, Facts
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.gate.verify import BrokenOriginal
from stepprove.lean_project.messages import first_line
from stepprove.lean_project.pool.pool import Check, Pool
from stepprove.lean_project.repl.protocol import CommandResponse, InfoTreeKind, Message
from stepprove.lean_project.server.models import DeclarationVerdict, Result, Snippet, SnippetVerdict
from stepprove.lean_project.source.vetting import Parser, TooMuch
from stepprove.outcome import Outcome

_WORDS = {
    # Clients recognise a time-out by "timed out".
    "timeout": "Lean REPL command timed out in {seconds:g} seconds",
    "memory": "Lean was stopped for its memory: {reason}",
    "crashed": "Lean died: {reason}",
    "ended": "the code ended Lean: {reason}",
}


async def result_of(
    pool: Pool,
    parser: Parser,
    snippet: Snippet,
    *,
    seconds: float,
    infotree: InfoTreeKind | None = None,
    verdict: bool = True,
    debug: bool = False,
    priority: int = 0,
    advisory: tuple[str, ...] = (),
) -> Result:
    """Check one snippet.

    Args:
        pool: the engines.
        parser: parses the client's texts.
        snippet: the text.
        seconds: the time limit.
        infotree: print the info trees of this kind.
        verdict: add the gate's verdict.
        debug: add diagnostics.
        priority: as for `Pool.check`.
        advisory: names of the Lean's known kernel bugs.

    Raises:
        PoolFull, PoolClosed: the pool did not try it.
    """
    try:
        await parser.vet(snippet.code)
        await parser.vet(snippet.original or "")
    except TooMuch as much:
        return _not_read(snippet, much, verdict)
    check = await pool.check(
        snippet.code, infotree=infotree, priority=priority, timeout=seconds, facts=verdict
    )
    response, gate_verdict = _answer(check)
    if snippet.original is not None and verdict and check.outcome == "answered":
        gate_verdict = await judged(pool, parser, snippet, seconds=seconds, priority=priority)
    if check.outcome == "ended" and verdict:
        gate_verdict = SnippetVerdict(outcome="failed", reason=check.reason)
    if gate_verdict is not None:
        gate_verdict = gate_verdict.model_copy(update={"kernel_advisory": advisory})
    error = (
        None if response is not None else _WORDS[check.outcome].format(seconds=seconds, reason=check.reason)
    )
    return Result(
        id=snippet.id,
        time=check.seconds,
        error=error,
        response=response,
        diagnostics=_diagnostics(check) if debug else None,
        outcome=check.outcome,
        verdict=gate_verdict,
    )


def _answer(check: Check) -> tuple[dict[str, Any] | None, SnippetVerdict | None]:
    """Lean's answer as JSON, and the verdict that the facts allow; None if there are none."""
    if check.answer is None:
        return None, None
    response = check.answer.to_wire()
    if not isinstance(check.answer, CommandResponse) or check.facts is None:
        return response, None
    gate_verdict = verdict_of(check.facts, check.answer.messages)
    unseen = [d for d in gate_verdict.declarations if d.outcome == "failed"]
    if unseen and not response.get("sorries") and not errors_of(check.answer.messages):
        # Clients read this list alone: a proof with a `sorry` in a macro or behind a lemma must not look valid to them.
        position = {"line": 1, "column": 0}
        response["sorries"] = [
            {"pos": position, "endPos": position, "goal": d.reason or d.name, "proofState": None}
            for d in unseen
        ]
    return response, gate_verdict


def verdict_of(facts: Facts, messages: tuple[Message, ...]) -> SnippetVerdict:
    """The verdict on a text without an original."""
    broken = distrust(facts)
    # A macro can state a theorem under a name like the elaborator's; list such a theorem if it has a fault.
    declarations = tuple(
        _declaration(d, broken)
        for d in facts.declarations
        if not d.internal or fault(d) or (d.kind == "theorem" and axiom_fault(d, _STANDARD))
    )
    theorems = [d for d in declarations if d.outcome is not None]
    bad = next((d for d in theorems if d.outcome != "proved"), None)
    if errors := errors_of(messages):
        first = first_line(errors[0].data)
        return SnippetVerdict(
            outcome="failed", reason=f"line {errors[0].pos.line}: {first}", declarations=declarations
        )
    if broken is not None:
        return SnippetVerdict(outcome="rejected", reason=broken, declarations=declarations)
    if bad is not None:
        assert bad.outcome is not None
        return SnippetVerdict(outcome=bad.outcome, reason=bad.reason, declarations=declarations)
    if not theorems:
        return SnippetVerdict(
            outcome="rejected", reason="the code states no theorem", declarations=declarations
        )
    return SnippetVerdict(outcome="proved", declarations=declarations)


_STANDARD = Policy()


def _declaration(fact: DeclarationFacts, broken: str | None) -> DeclarationVerdict:
    judged, reason = standing(fact, _STANDARD, broken)
    outcome: str | None = judged.value
    if judged is Outcome.FAILED:
        reason = f"`{fact.display}` rests on `sorry`"
    elif fact.kind == "axiom":
        outcome, reason = "rejected", reason or f"`{fact.display}` is an axiom"
    elif judged is Outcome.PROVED and fact.kind != "theorem":
        outcome = None
    return DeclarationVerdict.model_validate(
        {
            "name": fact.display,
            "kind": fact.kind,
            "outcome": outcome,
            "reason": reason,
            "axioms": fact.axioms,
        }
    )


async def judged(
    pool: Pool, parser: Parser, snippet: Snippet, *, seconds: float, priority: int
) -> SnippetVerdict:
    """The gate's verdict on a snippet with an original."""
    assert snippet.original is not None
    try:
        original, candidate = await parser.parse(snippet.original), await parser.parse(snippet.code)
        judgement = await pool.verify(original, candidate, priority=priority, timeout=seconds)
    except TooMuch as much:
        return _unread(much)
    except BrokenOriginal as broken:
        return SnippetVerdict(outcome="infrastructure", reason=str(broken))
    return of_judgement(judgement)


def _not_read(snippet: Snippet, much: TooMuch, verdict: bool) -> Result:
    """The result of a snippet that reached no engine."""
    return Result(
        id=snippet.id,
        time=0,
        error=str(much),
        outcome=much.ending,
        verdict=_unread(much) if verdict else None,
    )


def _unread(much: TooMuch) -> SnippetVerdict:
    return SnippetVerdict(
        outcome="timeout" if much.ending == "timeout" else "infrastructure", reason=str(much)
    )


def of_judgement(judgement: Judgement) -> SnippetVerdict:
    """A judgement in the server's JSON."""
    return SnippetVerdict.model_validate(
        {
            "outcome": judgement.outcome.value,
            "reason": judgement.reason,
            "declarations": [
                {
                    "name": v.name,
                    "kind": v.kind,
                    "outcome": v.outcome.value
                    if v.outcome in {Outcome.PROVED, Outcome.FAILED, Outcome.REJECTED}
                    else None,
                    "reason": v.reason,
                    "axioms": v.axioms,
                }
                for v in judgement.verdicts
            ],
        }
    )


def _diagnostics(check: Check) -> dict[str, str | float]:
    return {"repl_uuid": f"engine-{check.engine}", "waited_seconds": check.waited_seconds}
