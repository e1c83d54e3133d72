"""The trust gate: does an elaborated candidate prove the original statements, and on which axioms?

The gate treats an unreviewed proof by a machine as hostile. The engine elaborates both texts, and the gate decides on facts about
the two environments (`inspection/` reads them, `decision/` decides), since a candidate can shape its text and its messages.
docs/trust.md says what this establishes and what it does not.
"""

from __future__ import annotations

from collections.abc import Collection

from stepprove.lean_project.gate.decision.judgement import Judgement, Verdict, errors_of, first_error
from stepprove.lean_project.gate.decision.weigh import weigh
from stepprove.lean_project.gate.inspection.facts import DeclarationFacts, Facts, facts_of
from stepprove.lean_project.gate.policy import STANDARD_AXIOMS, Policy
from stepprove.lean_project.gate.texts.guard_msgs import unguarded
from stepprove.lean_project.gate.texts.headers import other_header
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.repl.repl import Repl, ReplEnded, ReplFailure
from stepprove.lean_project.source.file import parse_source
from stepprove.lean_project.source.name_examples import EXAMPLE
from stepprove.outcome import Outcome

__all__ = [
    "STANDARD_AXIOMS",
    "DeclarationFacts",
    "Facts",
    "Judgement",
    "Policy",
    "Verdict",
    "errors_of",
    "facts_of",
    "judge",
    "judge_comparable",
    "weigh",
]


def judge(
    repl: Repl,
    original: str,
    candidate: str,
    *,
    env: int | None = None,
    before: CommandResponse | None = None,
    targets: Collection[str] | None = None,
    policy: Policy = Policy(),  # noqa: B008 - frozen
    timeout: float | None = None,
) -> Judgement:
    """Judge a candidate against the original text. A time-out or crash of the engine is an outcome, never a verdict.

    Args:
        repl: the process that elaborates both texts.
        original: Lean source that states the targets.
        candidate: Lean source that claims to prove them; the engine elaborates all of it anew.
        env: the environment for both texts; None: each text has its own imports.
        before: this process's answer to the original, if the caller has it.
        targets: names of the declarations that must be proved; None: every theorem of the original and every definition that
            depended on `sorry`.
        policy: what to allow beyond the standard.
        timeout: seconds for each engine call.
    """
    if (reason := _not_comparable(original, candidate, env)) is not None:
        return Judgement(outcome=Outcome.REJECTED, reason=reason)
    try:
        return judge_comparable(
            repl, original, candidate, env=env, before=before, targets=targets, policy=policy, timeout=timeout
        )
    except ReplFailure as failure:
        return Judgement(outcome=failure.outcome, reason=str(failure))


def judge_comparable(
    repl: Repl,
    original: str,
    candidate: str,
    *,
    env: int | None,
    before: CommandResponse | None,
    targets: Collection[str] | None,
    policy: Policy,
    timeout: float | None,
) -> Judgement:
    """Judge as `judge` does, for a caller that has compared the headers and knows that the original has no open `example`.

    Raises:
        ReplFailure: Lean gave no answer.
    """
    if before is None:
        if env is None:
            repl.renew_after_programs()
        before = _original(repl, original, env, timeout)
    if errors := errors_of(before.messages):
        return Judgement(
            outcome=Outcome.INFRASTRUCTURE,
            reason=f"the original has errors of its own: {first_error(errors)}",
            messages=before.messages,
        )
    after = repl.elaborate(candidate, env, reuse=False, timeout=timeout)

    def weighed(*, confirm: bool) -> Judgement:
        facts = facts_of(
            repl,
            original,
            before,
            candidate,
            after,
            native=policy.native_decide,
            confirm=confirm,
            timeout=timeout,
        )
        return weigh(facts, after.messages, targets=targets, policy=policy)

    judgement = weighed(confirm=False)
    if judgement.accepted and repl.ran_programs and not policy.native_decide:
        judgement = weighed(confirm=True)
    if judgement.accepted and (bare := unguarded(original, candidate)) is not None:
        return _without_guards(repl, judgement, bare, env, timeout)
    return judgement


def _without_guards(
    repl: Repl, judgement: Judgement, bare: str, env: int | None, timeout: float | None
) -> Judgement:
    """Keep the judgement on an accepted candidate unless Lean reports errors for its text without `#guard_msgs`."""
    answer = repl.elaborate(bare, env, reuse=False, timeout=timeout)
    if not (errors := errors_of(answer.messages)):
        return judgement
    failed = {"outcome": Outcome.FAILED, "reason": f"`#guard_msgs` hides an error: {first_error(errors)}"}
    verdicts = tuple(v.model_copy(update=failed) for v in judgement.verdicts)
    return judgement.model_copy(update={**failed, "verdicts": verdicts})


def _not_comparable(original: str, candidate: str, env: int | None) -> str | None:
    """Why these two texts cannot be judged by what they declare, in one sentence; None when they can."""
    before = parse_source(original)
    if env is None and (reason := other_header(before, parse_source(candidate))) is not None:
        return reason
    # `verify` gives examples names; without one an example is no declaration.
    example = next((d for d in before.declarations if d.keyword == EXAMPLE and d.holes), None)
    if example is None:
        return None
    return f"the open `example` in line {example.line} of the original has no name: use `verify`"


def _original(repl: Repl, text: str, env: int | None, timeout: float | None) -> CommandResponse:
    try:
        return repl.elaborate(text, env, timeout=timeout)
    except ReplEnded as ended:  # the candidate has not failed if the original ends Lean
        raise ReplFailure(f"the original ends Lean: {ended}") from None
