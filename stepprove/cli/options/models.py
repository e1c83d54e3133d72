"""The options for the model, its budgets and the trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from stepprove.agent.models.library import BadLibrary, Library
from stepprove.agent.models.plan import ModelPlan
from stepprove.agent.models.refine import RefineOptions
from stepprove.agent.policies import PolicyName
from stepprove.agent.trace.trace import Trace
from stepprove.cli.terminal.console import CommandError
from stepprove.files.input_file import require_file
from stepprove.serving.client.budget import Budget, Prices
from stepprove.serving.client.model_backends import FORMS, parse_model

ModelOption = Annotated[
    str | None,
    typer.Option("--model", metavar="FORM", help=f"A language model to ask: {FORMS}.", show_default=False),
]
PolicyOption = Annotated[
    PolicyName | None,
    typer.Option(
        "--policy",
        help="The search alone, the model alone, or both, the search with a head start. [auto with a model]",
        show_default=False,
    ),
]
StyleOption = Annotated[
    Literal["auto", "tir", "chat"],
    typer.Option(
        "--style",
        help="One growing text in which Lean answers (tir), or whole proofs by chat; auto: by the model's name.",
    ),
]
AttemptsOption = Annotated[
    int, typer.Option("--attempts", metavar="N", min=1, help="Model attempts per hole, in parallel.")
]
RoundsOption = Annotated[
    int, typer.Option("--rounds", metavar="R", min=1, help="Answers of a chat, the first one included.")
]
TokensOption = Annotated[
    int | None,
    typer.Option("--tokens", metavar="N", min=1, help="The most that the model may read and write in all."),
]
HoleTokensOption = Annotated[
    int | None, typer.Option("--hole-tokens", metavar="N", min=1, help="Likewise for each hole.")
]
DollarsOption = Annotated[
    float | None,
    typer.Option("--dollars", metavar="X", help="The most that the model may cost; needs --price."),
]
LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library",
        metavar="FILE",
        help="A traced repository's corpus.jsonl; a chat is shown premises of it that the file imports.",
        show_default=False,
    ),
]
PriceOption = Annotated[
    str | None,
    typer.Option("--price", metavar="IN,OUT", help="Dollars for a million tokens read, and written."),
]
TraceOption = Annotated[
    Path | None,
    typer.Option(
        "--trace",
        metavar="DIR",
        help="Where the run's folder with its trace goes. [runs, with a model; none without]",
        show_default=False,
    ),
]
NoTraceOption = Annotated[bool, typer.Option("--no-trace", help="Write no trace.")]


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The options for a model as the command line gives them; the defaults are the command line's."""

    model: str | None = None
    policy: PolicyName | None = None
    style: Literal["auto", "tir", "chat"] = "auto"
    attempts: int = 4
    rounds: int = 4
    tokens: int | None = None
    hole_tokens: int | None = None
    dollars: float | None = None
    price: str | None = None
    library: Path | None = None

    def plan(self) -> ModelPlan | None:
        """Return the plan for the model; None without a model.

        Raises:
            BadModelName: the model's name has no known form.
            CommandError: options exclude each other.
        """
        if self.model is None:
            self._need_no_model()
            return None
        if self.policy == "portfolio":
            raise CommandError("--policy portfolio asks no model; leave --model away.")
        parse_model(self.model)
        return ModelPlan(
            name=self.model,
            policy=self.policy or "auto",
            style=None if self.style == "auto" else self.style,
            attempts=self.attempts,
            rounds=self.rounds,
            budget=self._budget(),
            prices=_prices(self.price),
            hole_tokens=self.hole_tokens,
            chat=RefineOptions(library=None if self.library is None else _library(self.library)),
        )

    def _need_no_model(self) -> None:
        """Raise CommandError if an option needs a model."""
        if self.policy in ("model", "auto"):
            raise CommandError(f"--policy {self.policy} needs a model: --model {FORMS}.")
        if self.library is not None:
            raise CommandError(f"--library needs a model that is shown it: --model {FORMS}.")

    def _budget(self) -> Budget:
        if self.dollars is not None and self.price is None:
            raise CommandError("--dollars needs --price IN,OUT, the dollars for a million tokens.")
        try:
            return Budget(tokens=self.tokens, dollars=self.dollars)
        except ValueError as wrong:
            raise CommandError(f"{str(wrong).capitalize()}.") from None


def _library(path: Path) -> Library:
    try:
        return Library.read(require_file(path))
    except BadLibrary as wrong:
        raise CommandError(str(wrong)) from None
    except OSError as wrong:
        raise CommandError(f"{path}: {wrong.strerror}.") from None


def _prices(text: str | None) -> Prices:
    if text is None:
        return Prices()
    try:
        prompt, completion = (float(part) for part in text.split(","))
    except ValueError:
        prompt = completion = -1.0
    if not (0 <= prompt < float("inf") and 0 <= completion < float("inf")):
        raise CommandError(f"--price must be two numbers such as 0.15,0.60, not {text}.")
    return Prices(prompt=prompt, completion=completion)


@contextmanager
def tracing(parent: Path | None, *, no_trace: bool, wanted: bool) -> Iterator[Trace]:
    """The trace of a run, under `parent` or, if `wanted`, under `runs`. Raises CommandError if the folder is not writable."""
    if no_trace and parent is not None:
        raise CommandError("--trace and --no-trace exclude each other.")
    if no_trace or (parent is None and not wanted):
        yield Trace()
        return
    try:
        trace = Trace.create(parent or Path("runs"))
    except OSError as problem:
        where = parent or Path("runs")
        raise CommandError(
            f"The trace cannot be written to {where} ({problem.strerror}): name another place with --trace DIR, or --no-trace."
        ) from None
    try:
        yield trace
    finally:
        trace.close()
