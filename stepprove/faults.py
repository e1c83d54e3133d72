"""An exception of our own at one item of many is that item's outcome and a line in the log; the other items go on.

The log is Python's, under the name `stepprove`: a warning for each such exception, and its traceback at the level of debugging.
With `STEPPROVE_LOG=FILE` the commands write all of it to a file.
"""

from __future__ import annotations

import logging
import os

from stepprove.visible import in_line, visible

_LOG = logging.getLogger("stepprove")
_LONGEST = 200
"""Characters of an exception that an outcome tells."""


def fault_told(fault: BaseException, where: str) -> str:
    """Write an exception into the log; returns what to say of it in the outcome of the item, without a full stop."""
    said = sentence_of(fault)
    _LOG.warning("%s: %s", in_line(where), said)
    _LOG.debug("%s: where it was raised", in_line(where), exc_info=fault)
    return said


def sentence_of(fault: BaseException) -> str:
    """What to say of an exception of our own, without a full stop."""
    return f"an error of StepProve itself: {in_line(repr(fault))[:_LONGEST]}"


def fault_ends_command(fault: BaseException) -> str:
    """Write an exception that nothing survives into the log; returns the sentence for the user."""
    _LOG.debug("the command has ended", exc_info=fault)
    said = sentence_of(fault)
    kept = os.environ.get("STEPPROVE_LOG")
    hint = f"its traceback is in {kept}" if kept else "with STEPPROVE_LOG=FILE its traceback is kept"
    return f"{said[:1].upper()}{said[1:]} ({hint})."


def show_log(name: str) -> None:
    """Make what foreign text hides visible in every line of another library's log, tracebacks too."""
    for handler in logging.getLogger(name).handlers:
        handler.setFormatter(_Shown(handler.formatter or logging.Formatter()))


class _Shown(logging.Formatter):
    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return visible(self._inner.format(record))


def log_to_file() -> None:
    """Write the log to the file that `STEPPROVE_LOG` names, if it names one. Raises OSError."""
    name = os.environ.get("STEPPROVE_LOG")
    if name and not _LOG.handlers:
        handler = logging.FileHandler(name, encoding="utf-8")
        handler.setFormatter(_Shown(logging.Formatter("%(asctime)s %(levelname)s %(message)s")))
        _LOG.addHandler(handler)
        _LOG.setLevel(logging.DEBUG)
