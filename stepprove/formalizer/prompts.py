"""Prompts of formalizers: the trained prompt for a known model, a general one for any other."""

from __future__ import annotations

from dataclasses import dataclass

from stepprove.serving.client.exchange import Turn
from stepprove.serving.client.model_traits import traits_of

THEOREM_NAME = "my_favorite_theorem"
"""The theorem name in the prompts of published formalizers."""

_ASKED = (
    "Please autoformalize the following problem in Lean 4 with a header. "
    f"Use the following theorem names: {THEOREM_NAME}.\n\n{{problem}}"
)
_STARTS = "\n\nYour code should start with:\n```Lean4\n{header}\n```\n"
_EXPERT = "You are an expert in mathematics and Lean 4."
_ANY = f"""\
State the following problem as a theorem in Lean 4. Call it {THEOREM_NAME}. State what the problem claims, no more and no less,
with all its hypotheses; put `sorry` in the place of the proof. Answer with one ```lean4 block.

{{problem}}"""
_NO_MATHLIB = "\n\nThere is no Mathlib: use core Lean alone (Nat, Int, List, functions, propositions)."
_REPAIR = """\
Lean does not accept this:

{errors}

Send the whole code again, mended."""


@dataclass(frozen=True, slots=True)
class PromptForm:
    """A form of prompt."""

    name: str
    system: str | None
    user: str
    shows_header: bool
    """The words `Your code should start with` and the header follow."""
    tells_of_mathlib: bool
    """The prompt mentions a missing Mathlib."""
    temperature: float = 0.6
    top_p: float = 0.95
    max_tokens: int = 16384

    def turns(self, problem: str, header: str, *, mathlib: bool) -> list[Turn]:
        """Return the chat for one problem."""
        user = self.user.format(problem=problem.strip())
        if self.shows_header or header.strip() not in ("", "import Mathlib"):
            user += _STARTS.format(header=header.strip())
        if self.tells_of_mathlib and not mathlib:
            user += _NO_MATHLIB
        system = [Turn(role="system", content=self.system)] if self.system else []
        return [*system, Turn(role="user", content=user)]


STEPFUN = PromptForm("stepfun", _EXPERT, _ASKED, shows_header=True, tells_of_mathlib=False)
"""StepFun-Formalizer, as in its model card (its chat template opens the thinking)."""
KIMINA = PromptForm("kimina", _EXPERT, _ASKED, shows_header=False, tells_of_mathlib=False, max_tokens=2048)
"""Kimina-Autoformalizer, as in its model card; a header beyond `import Mathlib` is shown as in StepFun's form."""
CHAT = PromptForm("chat", None, _ANY, shows_header=False, tells_of_mathlib=True)
"""Any other model."""


def form_of(model: str) -> PromptForm:
    """Return the form for a model's name."""
    return {form.name: form for form in (STEPFUN, KIMINA, CHAT)}[traits_of(model).form]


def repair(errors: str) -> Turn:
    """Return the feedback on a statement that Lean does not accept."""
    return Turn(role="user", content=_REPAIR.format(errors=errors))
