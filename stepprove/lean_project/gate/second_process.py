"""Facts about a text from a process that ran none of it: one process exports the declarations, the kernel of another checks them.

A text that runs programs can shape every later answer of its process. It can shape neither the texts that the engine received
(the driver keeps them out of Lean's reach) nor the decision of another process's kernel.
"""

from __future__ import annotations

from typing import Any

from stepprove.lean_project.repl.errors import ReplEnded
from stepprove.lean_project.repl.protocol import ErrorResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure


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
    exported = _field_of_answer(repl, {"export": after}, "exported", timeout)
    texts = tuple(_field_of_answer(repl, {"texts": before}, "texts", timeout))
    companion = repl.companion()
    try:
        env = _environment(companion, texts, timeout)
        answer = companion.request({"audit": exported, "against": env}, timeout=timeout)
    except ReplEnded as ended:
        raise ReplFailure(f"the original ends Lean: {ended}") from None
    if "declarations" not in answer:
        raise ReplFailure(f"the declarations could not be audited: {answer.get('message', answer)}")
    return answer


def _field_of_answer(repl: Repl, request: dict[str, Any], field: str, timeout: float | None) -> Any:
    answer = repl.request(request, timeout=timeout)
    if field not in answer:
        raise ReplFailure(f"the engine could not export the declarations: {answer.get('message', answer)}")
    return answer[field]


def _environment(companion: Repl, texts: tuple[str, ...], timeout: float | None) -> int | None:
    """The environment after these texts in the companion, which has run no program of any other text."""
    cached = companion.elaborated.get(texts)
    if cached is not None and companion.alive:
        return cached
    companion.renew_after_programs()
    env: int | None = None
    for text in texts:
        answer = companion.command(text, env, timeout=timeout)
        if isinstance(answer, ErrorResponse):
            raise ReplFailure(answer.message)
        env = answer.env
    if env is not None:
        companion.elaborated[texts] = env
    return env
