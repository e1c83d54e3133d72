"""A theorem to prove: the text for the model, and the gate for its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from stepprove.agent.models.answer import without_beginning
from stepprove.lean_project.gate.gate import Judgement, Policy
from stepprove.lean_project.pool.backend import Lean
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome

MOST_CHARACTERS = 200_000
"""Characters of an answer; a longer one is refused. The longest proofs of the known benchmarks have a tenth of it."""

MOST_CONTEXT = 8000
"""Characters of context above a statement in the model's prompt."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A Lean text with a theorem that depends on `sorry`."""

    header: str
    """The imports; empty where there are none."""
    statement: str
    """The text after them: what the theorem needs, and the theorem with its `sorry`."""
    name: str
    """The theorem's full name; empty: every theorem of the text."""
    context: str = ""
    """The text between the imports and the statement; a sketch need not repeat it."""
    prelude: str | None = None
    """Elaborated in place of the imports (see `prelude.py`)."""

    @classmethod
    def parse(cls, text: str, name: str | None = None, *, prelude: str | None = None) -> Self:
        """Parse a whole Lean text.

        Raises:
            ValueError: no declaration with a name, or none called `name`, has a `sorry`.
        """
        source = parse_source(text)
        holed = [d.full_name for d in source.declarations if d.holes and d.full_name]
        if not holed or (name is not None and name not in holed):
            raise ValueError(f"no `sorry` in a declaration {'with a name' if name is None else f'`{name}`'}")
        statement = text[source.header_end :].strip()
        return cls(source.header.strip(), statement, name or holed[-1], prelude=prelude)

    @property
    def text(self) -> str:
        """The whole Lean text."""
        return _joined(self.header, self.context, self.statement)

    @property
    def context_shown(self) -> str:
        """The nearest part of the context, cut to the limit for prompts."""
        if len(self.context) <= MOST_CONTEXT:
            return self.context
        return self.context[-MOST_CONTEXT:].partition("\n")[2]

    @property
    def shown(self) -> str:
        """The text for the model's prompt."""
        return _joined(self.header, self.context_shown, self.statement)

    @property
    def environment(self) -> str:
        """The text that is elaborated before a sketch runs."""
        return _joined(self.header if self.prelude is None else self.prelude, self.context)

    def own(self, answer: str) -> str:
        """Return an answer without its imports, and without the context if it begins with it."""
        own = answer[parse_source(answer).header_end :].strip()
        return without_beginning(without_beginning(own, self.context), self.context_shown)

    def candidate(self, answer: str) -> str:
        """Return the candidate for an answer: the problem's imports and context, then the answer."""
        return _joined(self.header, self.context, self.own(answer))

    async def judge(
        self,
        pool: Lean,
        answer: str,
        *,
        policy: Policy = Policy(),  # noqa: B008 - frozen
        timeout: float | None = None,
    ) -> Judgement:
        """Run the trust gate on an answer.

        Args:
            pool: runs the gate.
            answer: the model's Lean text.
            policy: of the gate.
            timeout: seconds for each of the gate's calls.

        Raises:
            BrokenOriginal: the problem itself has errors.
            PoolFull, PoolClosed: the pool took no work.
        """
        if len(answer) > MOST_CHARACTERS:
            return Judgement(
                outcome=Outcome.REJECTED, reason=f"it is longer than {MOST_CHARACTERS} characters"
            )
        return await pool.verify(
            parse_source(self.text),
            parse_source(self.candidate(answer)),
            policy=policy,
            targets={self.name} if self.name else None,
            prelude=self.prelude,
            timeout=timeout,
        )


def _joined(*parts: str) -> str:
    whole = "\n\n".join(part.strip("\n") for part in parts if part.strip())
    return f"{whole}\n" if whole else ""
