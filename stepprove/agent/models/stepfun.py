"""Tool-integrated reasoning as in StepFun-Prover Preview (arXiv 2507.20199; protocol of its public demo).

The model writes one growing text. After each `</sketch>` Lean runs the sketch, and the loop appends Lean's answer between
`<REPL>` and `</REPL>`; then the model continues. The text after `</think>` is the model's proof, and the trust gate alone
decides it. These functions build the text and are pure; training data is built with the same ones. `trajectory.py` drives them.

Three things differ from the demo. Proof states in the feedback are numbered from 0, so that the same sketch gets the same
feedback in any engine. A generation gets at most the tokens that the context still has. If a server does not report its stop
string and a sketch is open, the stop string was `</sketch>`.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from stepprove.agent.models.answer import without_beginning
from stepprove.agent.models.problem import Problem
from stepprove.lean_project.pool.pool import Check
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.source.lexer import tokenize
from stepprove.serving.client.exchange import Sample
from stepprove.serving.client.model_traits import SKETCH_END_ID

SYSTEM_PROMPT = (
    "You will be given an unsolved Lean 4 problem. Think carefully and work towards a solution. "
    "At any point, you may use the Lean 4 REPL to check your progress by enclosing your partial solution "
    "between <sketch> and </sketch>. The REPL feedback will be provided between <REPL> and </REPL>. "
    "Continue this process as needed until you arrive at a complete and correct solution."
)
BEGIN, END = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
USER, ASSISTANT = "<｜User｜>", "<｜Assistant｜>"
THINK, THINK_END = "<think>", "</think>"
SKETCH, SKETCH_END = "<sketch>", "</sketch>"
REPL, REPL_END = "\n<REPL>\n", "\n</REPL>"


class End(StrEnum):
    """The reason that a trajectory ended, in the order of the checks."""

    CUT = "cut"
    """A generation hit its token limit, or the server stopped it."""
    CONTEXT = "context"
    """The context is full."""
    FORMAT = "format"
    """`</sketch>` without `<sketch>`."""
    FINISHED = "finished"
    """The model ended its text."""
    TURNS = "turns"
    """The limit of sketches (`max_turns`) is reached."""


def formal_problem(problem: Problem) -> str:
    """Return the problem's text for the prompt, without a final `sorry`, so that it ends in `:= by`."""
    text = problem.shown.strip()
    tokens = tokenize(text)
    words = [token.text for token in tokens[-2:]]
    if words == ["by", "sorry"]:
        return text[: tokens[-1].start].rstrip()
    if words == [":=", "sorry"]:
        return text[: tokens[-1].start].rstrip() + " by"
    return text


def user_prompt(problem: Problem) -> str:
    """Return the user's turn."""
    return f"```lean4\n{formal_problem(problem)}\n```"


def build_prompt(problem: Problem) -> str:
    """Return the prompt: system and user turn in the template of DeepSeek-R1-Distill-Qwen."""
    user = user_prompt(problem)
    return f"{BEGIN}{SYSTEM_PROMPT}{USER}{user}{ASSISTANT}{THINK}\n"


def generated_text(sample: Sample) -> tuple[str, bool]:
    """Return a generation's text, with its final `</sketch>`, and whether it stopped there."""
    text = sample.text
    if text.endswith(SKETCH_END):
        return text, True
    reported = sample.stopped_by in (SKETCH_END, SKETCH_END_ID)
    unsaid = sample.finish == "stop" and not sample.stop_told and text.rfind(SKETCH) > text.rfind(SKETCH_END)
    return (text + SKETCH_END, True) if reported or unsaid else (text, False)


def break_reason(
    finish: str, tokens: int, max_seq_len: int, stopped_at_sketch: bool, text: str
) -> End | None:
    """Return the reason to end a trajectory after a generation; None to run its sketch. The protocol fixes the order."""
    if finish != "stop":
        return End.CUT
    if tokens >= max_seq_len:
        return End.CONTEXT
    if stopped_at_sketch:
        return None if SKETCH in text else End.FORMAT
    return End.FINISHED


def sketch_of(text: str, header: str = "", context: str = "") -> str:
    """Return the Lean code of a generation's first sketch, without the imports and context of its environment.

    Args:
        text: the generation.
        header: the problem's imports; `import Mathlib` is always left out, as in the demo.
        context: left out if the sketch begins with it.
    """
    start = text.find(SKETCH) + len(SKETCH)
    sketch = text[start : text.find(SKETCH_END)]
    for line in sorted({line.strip() for line in header.splitlines()}, key=len, reverse=True):
        if line.startswith("import "):
            sketch = sketch.replace(line, "")
    return without_beginning(sketch.replace("import Mathlib", "").strip(), context)


def feedback_of(check: Check) -> str:
    """Return the feedback on a check: the REPL's JSON without its `env`, or the reason for no answer."""
    if check.outcome == "timeout":
        return f"repl cannot return status in {check.seconds} seconds!"
    if check.answer is None:
        return _json({"repl_err": check.reason or ""})
    return answer_text(check.answer)


def answer_text(answer: CommandResponse | ErrorResponse) -> str:
    """Return a REPL's answer without its `env`, its keys in the REPL's order."""
    wire = answer.to_wire()
    wire.pop("env", None)
    for number, sorry in enumerate(each for each in wire.get("sorries", ()) if "proofState" in each):
        sorry["proofState"] = number
    return _json(_in_repl_order(wire))


def _in_repl_order(value: Any) -> Any:
    """Sort the fields of each object from Z to A, as Lean prints them."""
    if isinstance(value, dict):
        return {key: _in_repl_order(value[key]) for key in sorted(value, reverse=True)}
    return [_in_repl_order(item) for item in value] if isinstance(value, list | tuple) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def repl_block(feedback: str) -> str:
    """Return feedback in its tags, ready to append."""
    return f"{REPL}{feedback}{REPL_END}"


def final_text(text: str) -> str | None:
    """Return the text after the last `</think>`; None if the thoughts never end."""
    _, end, final = text.rpartition(THINK_END)
    return final.strip() if end else None
