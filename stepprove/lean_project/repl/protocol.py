"""The JSON protocol of the community's Lean REPL, as frozen models.

A request is one JSON object, an answer is one JSON object, and a blank line ends each. The shapes are those
of `REPL/JSON.lean` in leanprover-community/repl (v4.33.0-rc2): attributes are snake_case here, camelCase on
the wire. What upstream leaves out (empty lists, absent options) is left out by `to_wire()` too, so that
reading an answer and writing it again gives the same JSON. Fields that a newer or forked REPL adds are kept
in `model_extra`.

Lines count from 1 and columns from 0, in characters; errors of a tactic step carry the position 0:0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_serializer,
)
from pydantic.alias_generators import to_camel

from stepprove.lean_project.messages import COMPLETED

__all__ = [
    "Command",
    "CommandResponse",
    "ErrorResponse",
    "FileCommand",
    "InfoTreeKind",
    "Message",
    "PickleEnvironment",
    "PickleProofState",
    "Position",
    "ProofStep",
    "ProofStepResponse",
    "Request",
    "Response",
    "Severity",
    "Sorry",
    "StateId",
    "TacticInfo",
    "UnpickleEnvironment",
    "UnpickleProofState",
    "read_request",
    "read_response",
]

InfoTreeKind = Literal["full", "tactics", "original", "substantive"]
"""The kinds of info trees that upstream prints; it ignores any other word."""


class StateId(int):
    """The number of an environment or a proof state, with the process that gave it out.

    Every REPL process counts from 0, so a bare 3 may name different states before and after a restart. A `StateId` compares,
    hashes and prints as its number.
    """

    process: int
    """The process that gave the number out, numbered within this Python program; 0 if unknown."""

    def __new__(cls, number: int, process: int = 0) -> StateId:
        """Tag `number` with the process that gave it out."""
        state = super().__new__(cls, number)
        state.process = process
        return state


def _tag(value: object, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> int:
    """Keep a tag; otherwise add the process from the validation context."""
    if isinstance(value, StateId):
        return value
    number: int = validate(value)
    return StateId(number, info.context["process"]) if info.context else number


_State = Annotated[int, Field(ge=0), WrapValidator(_tag)]

Severity = Annotated[
    Literal["trace", "info", "warning", "error"],
    # Lean itself says `information`, and some forks print that word.
    BeforeValidator(lambda word: "info" if word == "information" else word),
]


class _Wire(BaseModel):
    """The common base of requests, answers and their parts."""

    model_config = ConfigDict(frozen=True, extra="allow", alias_generator=to_camel, populate_by_name=True)

    _omitted: ClassVar[frozenset[str]] = frozenset()
    """Wire names of the fields that the JSON omits if they are None or an empty list."""

    @model_serializer(mode="wrap")
    def _omit(self, serialize: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        if not info.by_alias:
            return fields
        return {
            name: value
            for name, value in fields.items()
            if not (name in self._omitted and (value is None or value == []))
        }

    def to_wire(self) -> dict[str, Any]:
        """The JSON object that upstream prints or accepts for this value."""
        return self.model_dump(mode="json", by_alias=True)


# Requests.


class _Options(_Wire):
    """The options of a command."""

    env: _State | None = None
    """The environment to extend; None: a fresh one, where `import` is allowed."""
    all_tactics: bool | None = None
    """List every tactic call with its goals."""
    root_goals: bool | None = None
    """List the first goal of every proof, even a finished one, among the sorries."""
    infotree: str | None = None
    """One of `InfoTreeKind`; upstream ignores other words."""
    reuse: bool | None = None
    """Ours: false elaborates every command anew, even those that the last text began with. Upstream always does that."""

    _omitted = frozenset({"env", "allTactics", "rootGoals", "infotree", "reuse"})


class Command(_Options):
    """Elaborate Lean code."""

    cmd: str


class FileCommand(_Options):
    """Elaborate a file."""

    path: str
    """Relative to the working directory of the Lean process."""


class ProofStep(_Wire):
    """Run one tactic on a proof state."""

    proof_state: _State
    tactic: str


class PickleEnvironment(_Wire):
    """Write an environment to a file."""

    env: _State
    pickle_to: str


class UnpickleEnvironment(_Wire):
    """Read an environment back from a file."""

    unpickle_env_from: str


class PickleProofState(_Wire):
    """Write a proof state to a file."""

    proof_state: _State
    pickle_to: str


class UnpickleProofState(_Wire):
    """Read a proof state back from a file, on top of `env` if it needs one."""

    unpickle_proof_state_from: str
    env: _State | None = None

    _omitted = frozenset({"env"})


Request = (
    ProofStep
    | PickleEnvironment
    | UnpickleEnvironment
    | PickleProofState
    | UnpickleProofState
    | Command
    | FileCommand
)

# Upstream tries its request types in this order, and takes the first whose required fields are all there.
_REQUESTS: tuple[tuple[frozenset[str], type[Request]], ...] = (
    (frozenset({"proofState", "tactic"}), ProofStep),
    (frozenset({"env", "pickleTo"}), PickleEnvironment),
    (frozenset({"unpickleEnvFrom"}), UnpickleEnvironment),
    (frozenset({"proofState", "pickleTo"}), PickleProofState),
    (frozenset({"unpickleProofStateFrom"}), UnpickleProofState),
    (frozenset({"cmd"}), Command),
    (frozenset({"path"}), FileCommand),
)


def read_request(wire: Mapping[str, Any]) -> Request:
    """Read a request by its fields, as upstream does.

    Raises:
        ValueError: the object is none of upstream's requests.
    """
    for required, model in _REQUESTS:
        if wire.keys() >= required:
            return model.model_validate(wire)
    raise ValueError(f"not a request of the Lean REPL: an object with the fields {sorted(wire)}")


# Answers.


class Position(_Wire):
    """A place in the code of a request."""

    line: int
    """From 1; 0 if Lean names no place."""
    column: int
    """From 0, in characters."""


class Message(_Wire):
    """One message of Lean about a range of the code."""

    severity: Severity
    pos: Position
    end_pos: Position | None = None
    data: str
    """The text, without white space around it."""

    _omitted = frozenset({"endPos"})


class Sorry(_Wire):
    """A hole in the code; sorries of a tactic step carry no positions."""

    goal: str
    """The goals of the hole, printed as in an editor."""
    proof_state: _State | None = None
    """The proof state of the hole, for tactics."""
    pos: Position | None = None
    end_pos: Position | None = None

    _omitted = frozenset({"pos", "endPos"})


class TacticInfo(_Wire):
    """One call of a tactic in the code."""

    pos: Position
    end_pos: Position
    goals: str
    """The goals before the call."""
    tactic: str
    proof_state: _State | None = None
    """The state before the call."""
    used_constants: tuple[str, ...] = ()

    _omitted = frozenset({"proofState"})


class CommandResponse(_Wire):
    """The answer to a command, a file and to pickling an environment."""

    env: _State
    """The environment after the command, errors or not."""
    messages: tuple[Message, ...] = ()
    sorries: tuple[Sorry, ...] = ()
    tactics: tuple[TacticInfo, ...] = ()
    infotree: Any = None
    """Raw JSON, whose shape depends on the requested kind."""

    _omitted = frozenset({"messages", "sorries", "tactics", "infotree"})

    @property
    def errors(self) -> tuple[Message, ...]:
        """The messages of severity `error`."""
        return tuple(message for message in self.messages if message.severity == "error")

    @property
    def has_errors(self) -> bool:
        """Whether Lean reported an error. No error is no proof: see the trust gate."""
        return any(message.severity == "error" for message in self.messages)


class ProofStepResponse(_Wire):
    """The answer to a tactic step and to pickling a proof state."""

    proof_state: _State
    """The state after the step."""
    goals: tuple[str, ...]
    messages: tuple[Message, ...] = ()
    sorries: tuple[Sorry, ...] = ()
    traces: tuple[str, ...] = ()
    proof_status: str
    """`Completed`, `Incomplete: …`, `Error: …` or `Not verified: …`."""

    _omitted = frozenset({"messages", "sorries", "traces"})

    @property
    def completed(self) -> bool:
        """Whether the REPL calls the proof finished. Tactic mode gives no verdict: see the trust gate."""
        return self.proof_status == COMPLETED


class ErrorResponse(_Wire):
    """The REPL could not carry out the request, such as for an unknown environment or a failing tactic."""

    message: str


Response = CommandResponse | ProofStepResponse | ErrorResponse


def read_response(wire: Mapping[str, Any], *, process: int | None = None) -> Response:
    """Read an answer by its fields.

    Args:
        wire: the JSON object.
        process: the process that gave it, which tags its state numbers (`StateId`).

    Raises:
        ValueError: the object is none of upstream's answers.
    """
    model: type[Response]
    if "proofStatus" in wire:
        model = ProofStepResponse
    elif "env" in wire:
        model = CommandResponse
    elif "message" in wire:
        model = ErrorResponse
    else:
        raise ValueError(f"not an answer of the Lean REPL: an object with the fields {sorted(wire)}")
    return model.model_validate(wire, context=None if process is None else {"process": process})
