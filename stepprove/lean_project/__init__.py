"""Lean: find it, start it, send it code, and judge its answers."""

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.engines.find import LeanNotFound, find_engine
from stepprove.lean_project.repl.protocol import (
    Command,
    CommandResponse,
    ErrorResponse,
    FileCommand,
    Message,
    Position,
    ProofStep,
    ProofStepResponse,
    Sorry,
    TacticInfo,
)
from stepprove.lean_project.repl.repl import (
    Repl,
    ReplClosed,
    ReplCrashed,
    ReplFailure,
    ReplMemory,
    ReplProtocolError,
    ReplStateLost,
    ReplStats,
    ReplTimeout,
)

__all__ = [
    "Command",
    "CommandResponse",
    "Engine",
    "ErrorResponse",
    "FileCommand",
    "LeanNotFound",
    "Message",
    "Position",
    "ProofStep",
    "ProofStepResponse",
    "Repl",
    "ReplClosed",
    "ReplCrashed",
    "ReplFailure",
    "ReplMemory",
    "ReplProtocolError",
    "ReplStateLost",
    "ReplStats",
    "ReplTimeout",
    "Sorry",
    "TacticInfo",
    "find_engine",
]
