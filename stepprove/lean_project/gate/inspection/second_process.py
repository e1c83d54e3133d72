"""Facts about a text from a process that ran none of it: one process exports the declarations, the kernel of another checks them.

A text that runs programs can shape every later answer of its process. It can shape neither the texts that the engine received
(the driver keeps them out of Lean's reach) nor the decision of another process's kernel.
"""

from __future__ import annotations

from typing import Any

from stepprove.lean_project.repl.errors import ReplEnded
from stepprove.lean_project.repl.repl import Repl, ReplFailure

Exported = dict[str, Any]
"""Tables of names, universe levels and terms, and the declarations that refer to them; see `embedded/facts/terms.cjs`."""


def audited(repl: Repl, before: int, after: int, *, timeout: float | None = None) -> dict[str, Any]:
    """Have the companion process, which elaborates only the texts behind `before`, check what `after` declares beyond it.

    Args:
        repl: the process that has both environments.
        before: the original's environment.
        after: the candidate's environment.
        timeout: seconds for each engine call.

    Returns:
        The answer to the request `audit`.

    Raises:
        ReplFailure: Lean gave no answer.
    """
    declarations = exported(repl, after, timeout=timeout)
    texts = tuple(_field_of_answer(repl, {"texts": before}, "texts", timeout))
    companion = repl.companion()
    try:
        env = _environment(companion, texts, timeout)
        return checked(companion, declarations, env, timeout=timeout)
    except ReplEnded as ended:
        raise ReplFailure(f"the original ends Lean: {ended}") from None


def exported(repl: Repl, env: int, *, timeout: float | None = None) -> Exported:
    """The declarations of the texts behind an environment, as data. Raises ReplFailure."""
    declarations: Exported = _field_of_answer(repl, {"export": env}, "exported", timeout)
    return declarations


def checked(
    fresh: Repl, declarations: Exported, against: int | None, *, timeout: float | None = None
) -> dict[str, Any]:
    """Have the kernel of a process that ran none of these declarations check them.

    Args:
        fresh: the process.
        declarations: what another process exported.
        against: the original's environment in this process.
        timeout: seconds for each engine call.

    Returns:
        The answer to the request `audit`.

    Raises:
        ReplFailure: Lean gave no answer.
    """
    answer = fresh.request({"audit": declarations, "against": against}, timeout=timeout)
    if "declarations" not in answer:
        raise ReplFailure(f"the declarations could not be audited: {answer.get('message', answer)}")
    return answer


def _field_of_answer(repl: Repl, request: dict[str, Any], field: str, timeout: float | None) -> Any:
    answer = repl.request(request, timeout=timeout)
    if field not in answer:
        raise ReplFailure(f"the engine could not export the declarations: {answer.get('message', answer)}")
    return answer[field]


def _environment(companion: Repl, texts: tuple[str, ...], timeout: float | None) -> int | None:
    """The environment after these texts in a companion that has run no program of any other text.

    A program can overwrite whatever the process holds, the environments of other texts among them. Of a companion that
    ran one only the environment of the text that ran it is kept, and the next other text gets a new process.
    """
    cached = companion.elaborated.get(texts)
    if cached is not None and companion.alive:
        return cached
    companion.renew_after_programs()
    env: int | None = None
    try:
        for text in texts:
            env = companion.elaborate(text, env, timeout=timeout).env
    finally:
        if companion.ran_programs:
            companion.elaborated.clear()
    if env is not None:
        companion.elaborated[texts] = env
    return env
