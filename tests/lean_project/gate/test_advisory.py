"""The kernel advisory: which Lean has which bugs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.advisory.advisory import advisory, kernel_bugs


@pytest.mark.parametrize(
    ("version", "gone"),
    [
        ("4.28.0", set()),
        ("4.28.0-pre (38f3c0c45b8d)", set()),
        ("4.32.1", {"opaque-free-variable"}),
        ("v4.32.2", {"opaque-free-variable", "nested-unused-parameter"}),
        (
            "4.34.0-rc1",
            {"opaque-free-variable", "nested-unused-parameter", "non-uniform-occurrence"},
        ),
        ("nightly", set()),
    ],
)
def test_a_bug_is_known_of_every_lean_before_its_mend(version: str, gone: set[str]) -> None:
    everything = {bug.id for bug in kernel_bugs("")}
    assert everything - {bug.id for bug in kernel_bugs(version)} == gone


def test_the_newest_lean_keeps_what_is_open() -> None:
    assert [bug.fixed_in for bug in kernel_bugs("5.0.0")] == [None]


def test_each_bug_says_what_is_done_about_it_in_either_engine() -> None:
    native = Engine(kind="native", command=("lean",), cwd=None, lean_version="4.28.0")
    for engine in (native, replace(native, kind="embedded", supports_inspect=True)):
        assert advisory(engine)
        for entry in advisory(engine):
            assert entry["measure"] and entry["references"] and entry["title"]
