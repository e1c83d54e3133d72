"""Facts about a text from a process that ran none of it: its declarations are written down, and the kernel of another reads them.

A text that runs programs can shape all that its own process says afterwards. Two things it cannot shape: the texts that the
engine was sent (the driver keeps them where no Lean code reaches), and what the kernel of another process accepts.
"""

from __future__ import annotations

from typing import Any

from stepprove.lean_project.repl.errors import ReplEnded
from stepprove.lean_project.repl.protocol import ErrorResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure


def audited(repl: Repl, before: int, after: int, *, timeout: float | None = None) -> dict[str, Any]:
    """What the environment `after` holds beyond `before`, told by the companion, which elaborates only what led to `before`.

    The answer is that of the request `audit`; `timeout` is in seconds for each call. Raises ReplFailure when Lean cannot say.
    """
    exported = _asked(repl, {"export": after}, "exported", timeout)
    texts = tuple(_asked(repl, {"texts": before}, "texts", timeout))
    companion = repl.companion()
    try:
        env = _environment(companion, texts, timeout)
        answer = companion.request({"audit": exported, "against": env}, timeout=timeout)
    except ReplEnded as ended:
        raise ReplFailure(f"the original ends Lean: {ended}") from None
    if "declarations" not in answer:
        raise ReplFailure(f"the declarations could not be audited: {answer.get('message', answer)}")
    return answer


def _asked(repl: Repl, request: dict[str, Any], field: str, timeout: float | None) -> Any:
    answer = repl.request(request, timeout=timeout)
    if field not in answer:
        raise ReplFailure(f"the engine could not export the declarations: {answer.get('message', answer)}")
    return answer[field]


def _environment(companion: Repl, texts: tuple[str, ...], timeout: float | None) -> int | None:
    """The environment that the texts leave, one after the other, in a process that has run the programs of no others."""
    known = companion.elaborated.get(texts)
    if known is not None and companion.alive:
        return known
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
