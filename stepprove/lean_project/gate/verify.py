"""The gate for submissions: judge a whole file from outside against the original.

`prove` changes holes alone; somebody else wrote a submission. It must prove every statement of the original. It may add
declarations as long as they change the meaning of no original statement.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.audit import audit, export
from stepprove.lean_project.gate.gate import Judgement, errors_of, judge, judge_comparable
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.gate.texts.headers import other_header
from stepprove.lean_project.gate.texts.reserved_names import PRELUDE_REFUSED, is_prelude
from stepprove.lean_project.messages import first_line
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.repl.repl import Repl, ReplEnded, ReplFailure
from stepprove.lean_project.source.file import Declaration, SourceError, SourceFile, apply_edits
from stepprove.lean_project.source.name_examples import (
    EXAMPLE,
    NamedExample,
    name_example,
    paired,
    statement_words,
)
from stepprove.outcome import Outcome


class BrokenOriginal(SourceError):
    """Lean reports errors in the original, so that no candidate can be compared with it."""


_EXAMPLE_NAME = re.compile(r"`(stepprove_example_\d+)`")


def verify(
    repl: Repl,
    original: SourceFile,
    candidate: SourceFile,
    *,
    policy: Policy = Policy(),  # noqa: B008 - frozen
    targets: Collection[str] | None = None,
    env: int | None = None,
    prelude: str | None = None,
    auditor: Engine | None = None,
    timeout: float | None = None,
) -> Judgement:
    """Decide whether a candidate file proves every statement of the original. A missing answer is an outcome, never a verdict.

    Args:
        repl: the process that elaborates both texts.
        original: the file that states the targets.
        candidate: the file that claims to prove them.
        policy: what to allow beyond the standard.
        targets: names of the declarations that must be proved; None: every theorem and `example` of the original, and every
            definition that depended on `sorry`.
        env: the environment after the texts' imports, if the caller has it.
        prelude: Lean source that replaces the imports of both texts.
        auditor: an embedded Lean; a new process of it checks an accepted candidate once more (`audit.py`). `repl` must then be
            an embedded Lean too.
        timeout: seconds for each engine call.

    Raises:
        BrokenOriginal: Lean reports errors in the original.
    """
    if (reason := other_header(original, candidate)) is not None or (
        is_prelude(original) and (reason := PRELUDE_REFUSED)
    ):
        return Judgement(outcome=Outcome.REJECTED, reason=reason)
    before, after, names = _with_examples(original, candidate)
    if prelude is not None or env is not None:
        before, after = _without_header(original, before), _without_header(candidate, after)
    else:
        before, after = before.removeprefix(original.mark), after.removeprefix(candidate.mark)
    # Without an `example` the gate has nothing to compare in the texts that is not compared above.
    decide = judge if names else judge_comparable
    try:
        if env is None:
            repl.renew_after_programs()  # no program of an earlier text may touch these two
        if prelude is not None:
            env = repl.elaborate(prelude, timeout=timeout).env
        answer = _elaborate_original(repl, original, before, env, timeout)
        judgement = decide(
            repl, before, after, env=env, before=answer, targets=targets, policy=policy, timeout=timeout
        )
        if judgement.accepted and auditor is not None:
            declarations = export(repl, after, env, timeout=timeout)
            header = (prelude if prelude is not None else original.header) if env is not None else None
            judgement = audit(
                auditor, before, declarations, header=header, policy=policy, targets=targets, timeout=timeout
            )
    except ReplFailure as failure:
        return Judgement(outcome=failure.outcome, reason=str(failure))
    return _in_plain_words(judgement, names)


def _elaborate_original(
    repl: Repl, original: SourceFile, text: str, env: int | None, timeout: float | None
) -> CommandResponse:
    """Lean's answer to the original. Raises BrokenOriginal, ReplFailure."""
    try:
        answer = repl.elaborate(text, env, timeout=timeout)
    except ReplEnded as ended:
        raise BrokenOriginal(f"{_title(original)} ends Lean ({ended}).") from None
    if errors := errors_of(answer.messages):
        first = first_line(errors[0].data)
        raise BrokenOriginal(
            f"{_title(original)} has errors of its own (line {errors[0].pos.line}: {first})."
        )
    return answer


def _title(original: SourceFile) -> str:
    return original.path.name if original.path else "the original"


def _without_header(source: SourceFile, text: str) -> str:
    """A text without its header; every command keeps its line number."""
    return "\n" * source.header.count("\n") + text[source.header_end :]


def _with_examples(original: SourceFile, candidate: SourceFile) -> tuple[str, str, dict[str, str]]:
    """Give the original's `example`s names in both texts.

    An `example` of the candidate matches the first one of the original with the same statement. Other `example`s of the
    candidate get no name.

    Returns:
        The original, the candidate, and for each name the words that a person reads.
    """
    mine, theirs = _examples(original), _examples(candidate)
    matches = paired(
        [statement_words(original, e) for e in mine], [statement_words(candidate, e) for e in theirs]
    )
    before: list[NamedExample] = []
    after: list[NamedExample] = []
    names = {}
    for number, (example, match) in enumerate(zip(mine, matches, strict=True), 1):
        name = f"stepprove_example_{number}"
        names[name] = f"example (line {example.line})"
        before.append(name_example(original, example, name))
        if match is not None:
            after.append(name_example(candidate, theirs[match], name))
    return _edited(original, before), _edited(candidate, after), names


def _examples(source: SourceFile) -> list[Declaration]:
    return [d for d in source.declarations if d.keyword == EXAMPLE]


def _edited(source: SourceFile, examples: Sequence[NamedExample]) -> str:
    return apply_edits(source.text, sorted((e.edit for e in examples), key=lambda e: e.start))


def _in_plain_words(judgement: Judgement, names: dict[str, str]) -> Judgement:
    def plain(text: str | None) -> str | None:
        return text and _EXAMPLE_NAME.sub(lambda n: f"the {names[n[1]]}" if n[1] in names else n[0], text)

    return judgement.model_copy(
        update={
            "reason": plain(judgement.reason),
            "culprit": names.get(judgement.culprit or "", judgement.culprit),
            "verdicts": tuple(
                v.model_copy(update={"name": names.get(v.name, v.name), "reason": plain(v.reason)})
                for v in judgement.verdicts
            ),
        }
    )
