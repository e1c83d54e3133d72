"""Requests of a pool keep their meaning as JSON, and a server refuses what it does not understand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.pool.requests import CheckRequest, VerifyRequest
from stepprove.lean_project.source.file import parse_source

ORIGINAL, CANDIDATE = "theorem t : 1 = 1 := by sorry\r\n", "theorem t : 1 = 1 := rfl\n"
CHECK = CheckRequest(
    code=CANDIDATE, header="import Std\n", timeout=3, priority=2, infotree="tactics", facts=True
)
VERIFY = VerifyRequest(
    original=parse_source(ORIGINAL),
    candidate=parse_source(CANDIDATE),
    policy=Policy(axioms=frozenset({"a"}), native_decide=True),
    targets=("t",),
    timeout=3,
)


def test_a_check_survives_json() -> None:
    assert CheckRequest.model_validate_json(CHECK.model_dump_json()) == CHECK


def test_files_are_texts_in_json_and_are_parsed_again() -> None:
    read = VerifyRequest.model_validate_json(VERIFY.model_dump_json())
    assert read.texts() == VERIFY.texts() == (ORIGINAL, CANDIDATE)
    assert [source.holes for source in read.sources()] == [source.holes for source in VERIFY.sources()]
    assert (read.policy, read.targets, read.timeout) == (VERIFY.policy, VERIFY.targets, VERIFY.timeout)


def test_a_parsed_file_is_not_parsed_again() -> None:
    assert VERIFY.sources()[0] is VERIFY.original


@pytest.mark.parametrize(
    "change",
    [
        {"strict": True},
        {"policy": {"only_hole": True}},
        {"timeout": 0},
        {"timeout": "Infinity"},
        {"priority": 1001},
        {"targets": "t"},
        {"original": None},
        {"candidate": "-- \ud800"},
        {"prelude": "-- \ud800"},
    ],
)
def test_json_that_means_something_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VerifyRequest.model_validate({**json.loads(VERIFY.model_dump_json()), **change})
