"""The heavy check of an accepted candidate: its terms alone, in a Lean process that runs no line of it.

Whoever elaborates a hostile text may have been tampered with by it. So the process that did so is only asked to write down what
the text declared, and a new process, which knows nothing but the original, has its kernel check every declaration on top of the
original's imports and compares the statements with its own. What the first process says is believed in nothing. The design is
that of leanprover/comparator, with the embedded Lean in place of an export file and a sandbox.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Facts, Judgement, Policy, weigh, with_names_of
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure

Exported = dict[str, Any]
"""Tables of names, universe levels and terms, and the declarations made of them; see `embedded/terms.cjs`."""


def export(repl: Repl, text: str, env: int | None = None, *, timeout: float | None = None) -> Exported:
    """What a text declares in `env`, or from its own imports, as data. Raises ReplFailure when Lean cannot say."""
    answer = repl.request({"export": elaborated(repl, text, env, timeout=timeout).env}, timeout=timeout)
    if "exported" not in answer:
        raise ReplFailure(f"the engine could not export the declarations: {answer.get('message', answer)}")
    exported: Exported = answer["exported"]
    return exported


def audit(
    engine: Engine,
    original: str,
    exported: Exported,
    *,
    header: str | None = None,
    policy: Policy = Policy(),  # noqa: B008 - frozen
    targets: Collection[str] | None = None,
    timeout: float | None = None,
) -> Judgement:
    """Judge exported declarations in a new process of an embedded Lean.

    The arguments are those of `verify`; `header` is elaborated first, where the original is given without its imports. A proof by
    `native_decide` cannot pass: the new process has none of the programs.
    Raises ReplFailure when Lean cannot say.
    """
    with Repl(engine, timeout=timeout or 60.0) as fresh:
        env = None if header is None else elaborated(fresh, header, timeout=timeout).env
        before = elaborated(fresh, original, env, timeout=timeout)
        answer = fresh.request({"audit": exported, "against": before.env}, timeout=timeout)
    if "declarations" not in answer:
        raise ReplFailure(f"the declarations could not be audited: {answer.get('message', answer)}")
    facts = with_names_of(Facts.model_validate(answer), original)
    return weigh(facts, (), targets=targets, policy=policy)


def elaborated(
    repl: Repl, text: str, env: int | None = None, *, timeout: float | None = None
) -> CommandResponse:
    """Lean's answer to a text in `env`, or from its own imports. Raises ReplFailure when there is none."""
    answer = repl.command(text, env, timeout=timeout)
    if isinstance(answer, ErrorResponse):
        raise ReplFailure(answer.message)
    return answer
