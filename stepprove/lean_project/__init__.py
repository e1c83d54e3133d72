"""Talking to Lean: find it, start it, send it code, and judge what comes back."""

from stepprove.lean_project.engine import Engine
from stepprove.lean_project.protocol import (
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
from stepprove.lean_project.repl import (
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
from stepprove.lean_project.toolchain import LeanNotFound, find_engine

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
