"""The audit of an accepted candidate: a Lean process that runs no line of it checks its terms.

A hostile text may tamper with the process that elaborates it. That process therefore only exports the text's declarations. A new
process elaborates the original alone, has its kernel check every exported declaration on top of the original's imports, and
compares the statements with its own. The audit trusts nothing that the first process reports.

Source: the design of leanprover/comparator, with the embedded Lean in place of its export file and sandbox.
"""

from __future__ import annotations

from collections.abc import Collection

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Judgement, weigh
from stepprove.lean_project.gate.inspection.facts import Facts, with_names_of
from stepprove.lean_project.gate.inspection.second_process import Exported, checked, exported
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.repl.repl import Repl


def export(repl: Repl, text: str, env: int | None = None, *, timeout: float | None = None) -> Exported:
    """Elaborate a text in `env`, or from its own imports, and export its declarations as data.

    Raises:
        ReplFailure: Lean gave no answer.
    """
    return exported(repl, repl.elaborate(text, env, timeout=timeout).env, timeout=timeout)


def audit(
    engine: Engine,
    original: str,
    declarations: Exported,
    *,
    header: str | None = None,
    policy: Policy = Policy(),  # noqa: B008 - frozen
    targets: Collection[str] | None = None,
    timeout: float | None = None,
) -> Judgement:
    """Judge exported declarations in a new process of an embedded Lean.

    A proof by `native_decide` cannot pass: the new process has none of the programs.

    Args:
        engine: the embedded Lean.
        original: the original's text, without imports if `header` has them.
        declarations: the candidate's; see `export`.
        header: imports that the process elaborates first.
        policy: what to allow beyond the standard.
        targets: as for `verify`.
        timeout: seconds for each engine call.

    Raises:
        ReplFailure: Lean gave no answer.
    """
    with Repl(engine, timeout=timeout or 60.0) as fresh:
        env = None if header is None else fresh.elaborate(header, timeout=timeout).env
        before = fresh.elaborate(original, env, timeout=timeout)
        answer = checked(fresh, declarations, before.env, timeout=timeout)
    facts = with_names_of(Facts.model_validate(answer), original)
    return weigh(facts, (), targets=targets, policy=policy)
