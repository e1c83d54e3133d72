"""BEq's levels: a model proves one statement from the other with the tactics of a level.

After `exact?` BEq asks a model for proofs (Liu et al., ICLR 2025; the authors' code, `equivalence/beq_*.py`: 16 tries). `basic`
is `have` and a final `exact`; `normal` and `advanced` are lists of tactics, and each line must use one; `all` is any tactic. A
proof must contain the premise's name and none of the banned words. It counts if the gate accepts it with the premise among its
axioms. The prompt is our own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from stepprove.formalizer.equivalence.joint_context import JointContext
from stepprove.formalizer.equivalence.methods import COMPUTED, MethodStep
from stepprove.lean_project.source.lexer import tokenize
from stepprove.serving.client.answer import after_thinking, code_of
from stepprove.serving.client.exchange import Turn

Level = Literal["basic", "normal", "advanced", "all"]
Ask = Callable[[Sequence[Turn]], Sequence[str]]
"""Sends a chat to a model and returns its answers."""

_NORMAL = frozenset(
    {
        *("apply", "cases'", "constructor", "exact", "exact?", "ext", "have", "intro", "intros", "rw", "use"),
    }
)
_ADVANCED = _NORMAL | {
    *("assumption", "by_cases", "by_contra", "change", "choose", "convert", "exfalso", "left", "nth_rw"),
    *("obtain", "rcases", "refine", "rfl", "right", "rintro", "specialize", "triv"),
}
_NEVER = frozenset({"sorry", "admit"})


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a level."""

    allowed: frozenset[str] | None
    """Each line must begin with one of these tactics, or contain it; None: no restriction."""
    banned: frozenset[str]


LEVELS: dict[Level, Rules] = {
    "basic": Rules(frozenset({"have", "exact", "exact?"}), _NEVER | {"by_contra"}),
    "normal": Rules(_NORMAL, _NEVER | {"by_contra"}),
    "advanced": Rules(_ADVANCED, _NEVER),
    "all": Rules(None, _NEVER),
}

_TASK = """\
This Lean 4 text elaborates:

```lean4
{text}
```

Prove `{target}` from `{premise}`, in place of the `sorry`. The proof must use `{premise}`. {rule}Answer with the tactics alone,
in one ```lean4 block; if the two statements do not say the same, answer with an empty block."""


def proposals(ask: Ask, level: Level) -> Callable[[JointContext], Iterator[MethodStep]]:
    """Return a model's proposals for a direction, as further steps of `equivalence.equivalent`."""

    def propose(joint: JointContext) -> Iterator[MethodStep]:
        seen = set()
        for answer in ask(task(joint, level)):
            script = script_of(answer)
            if script and script not in seen and refusal(script, level, joint.premise_name) is None:
                seen.add(script)
                yield MethodStep(f"model ({level})", script, COMPUTED, refutable=False)

    return propose


def task(joint: JointContext, level: Level) -> list[Turn]:
    """Return the prompt for a direction."""
    allowed = LEVELS[level].allowed
    rule = "" if allowed is None else f"Use no other tactics than these: {', '.join(sorted(allowed))}. "
    text = joint.text("sorry").strip()
    content = _TASK.format(text=text, target=joint.target_name, premise=joint.premise_name, rule=rule)
    return [Turn(role="user", content=content)]


def script_of(answer: str) -> str | None:
    """Return the tactics of an answer: its Lean block, without a leading statement and `by`."""
    code_text = after_thinking(answer)
    code = code_of(code_text)
    if code is None:
        return None
    at = code_text.rfind(code)
    before = code_text[code_text.rfind("\n", 0, at) + 1 : at]
    code = before + code if before.isspace() else code  # the first line's indentation
    body = re.sub(r"^(?:theorem|lemma|example)\b.*?:=[ \t]*(?=by\b)", "", code, flags=re.DOTALL)
    body = re.sub(r"^\s*by\b[ \t]*\n?", "", body)
    lines = [line.rstrip() for line in body.split("\n") if line.strip()]
    shared = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    return "\n".join(line[shared:] for line in lines) or None


def refusal(script: str, level: Level, premise: str) -> str | None:
    """Return the reason that a script breaks the rules of a level, or None."""
    rules = LEVELS[level]
    words = {token.text for token in tokenize(script) if token.kind == "word"}
    if banned := sorted(words & rules.banned):
        return f"`{banned[0]}` is not allowed"
    if premise not in words:
        return f"it does not use `{premise}`"
    if rules.allowed is None:
        return None
    for line in script.split("\n"):
        tactics = {token.text for token in tokenize(line) if token.kind == "word"}
        spellings = tactics | {f"{word}?" for word in tactics if f"{word}?" in line}
        if spellings and not spellings & rules.allowed:
            return f"the line `{line.strip()}` has none of the tactics allowed"
    if level == "basic" and not script.split("\n")[-1].lstrip().startswith("exact"):
        return "it does not end in `exact`"
    return None
