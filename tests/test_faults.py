"""Log lines: one for each exception, with nothing hidden in them."""

from __future__ import annotations

import io
import logging

import pytest

from stepprove.faults import fault_told, show_log


def test_a_log_line_names_the_place_and_hides_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "stepprove"):
        said = fault_told(ValueError("x\x1b[32m\n\u202eaccepted" + "9" * 5000), "«\x1b[8m»\n")

    warning, trace = caplog.records
    assert said.startswith("an error of StepProve itself: ValueError(")
    assert len(said) < 300
    assert warning.levelno == logging.WARNING and said in warning.getMessage()
    assert not {"\x1b", "\n", "\u202e"} & set(warning.getMessage())
    assert trace.levelno == logging.DEBUG and trace.exc_info


def test_the_log_of_a_server_hides_nothing_either() -> None:
    page = io.StringIO()
    logger = logging.Logger("strange")
    logging.Logger.manager.loggerDict["strange.server"] = logger
    handler = logging.StreamHandler(page)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger.addHandler(handler)
    try:
        show_log("strange.server")
        try:
            raise KeyError("\x9b31m\u2066")
        except KeyError:
            logger.exception("GET %s", "/\x1b[2K")
    finally:
        del logging.Logger.manager.loggerDict["strange.server"]

    text = page.getvalue()
    assert text.startswith("ERROR: GET /⟨U+001B⟩[2K")
    assert "Traceback" in text and "\x1b" not in text
