"""Failures that a command foresees, and unexpected exceptions.

A `Failure` ends a command with its sentence and its exit code. An unexpected exception at one item of many becomes the item's
outcome and a line in the log, and the others continue.

Python's logger `stepprove` gets a warning for each exception, and its traceback at the debug level. With `STEPPROVE_LOG=FILE` the
commands write both to a file.
"""

from __future__ import annotations

import logging
import os

from stepprove.visible import in_line, visible

_LOG = logging.getLogger("stepprove")
_LONGEST = 200
"""The most characters of an exception in an outcome."""


class Failure(Exception):
    """A failure that ends a command; the message is one sentence for the user."""

    exit_code = 3
    """2: bad input; 3: the infrastructure failed."""


def fault_told(fault: BaseException, where: str) -> str:
    """Log an exception and return the sentence for the item's outcome, without a full stop.

    Args:
        fault: the exception.
        where: the item.
    """
    sentence = sentence_of(fault)
    _LOG.warning("%s: %s", in_line(where), sentence)
    _LOG.debug("%s: where it was raised", in_line(where), exc_info=fault)
    return sentence


def sentence_of(fault: BaseException) -> str:
    """The sentence for an unexpected exception, without a full stop."""
    return f"an error of StepProve itself: {in_line(repr(fault))[:_LONGEST]}"


def fault_ends_command(fault: BaseException) -> str:
    """Log an exception that ends the command and return the sentence for the user."""
    _LOG.debug("the command has ended", exc_info=fault)
    sentence = sentence_of(fault)
    kept = os.environ.get("STEPPROVE_LOG")
    hint = f"its traceback is in {kept}" if kept else "with STEPPROVE_LOG=FILE its traceback is kept"
    return f"{sentence[:1].upper()}{sentence[1:]} ({hint})."


def show_log(name: str) -> None:
    """Make hidden characters visible in every line of another library's log, tracebacks included."""
    for handler in logging.getLogger(name).handlers:
        handler.setFormatter(_Shown(handler.formatter or logging.Formatter()))


class _Shown(logging.Formatter):
    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return visible(self._inner.format(record))


def log_to_file() -> None:
    """Write the log to the file in `STEPPROVE_LOG`, if the variable is set. Raises OSError."""
    name = os.environ.get("STEPPROVE_LOG")
    if name and not _LOG.handlers:
        handler = logging.FileHandler(name, encoding="utf-8")
        handler.setFormatter(_Shown(logging.Formatter("%(asctime)s %(levelname)s %(message)s")))
        _LOG.addHandler(handler)
        _LOG.setLevel(logging.DEBUG)
