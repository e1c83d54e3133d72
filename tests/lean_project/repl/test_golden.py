"""The embedded REPL answers as the community's REPL does in its own golden tests.

The goldens were written by Lean 4.33, the embedded engine is Lean 4.28.0-pre: see `goldens.py` for the few words
that may differ. A golden that differs by more must be in the table below, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from goldens import Golden, differences, judge, load, play, prepare

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine

OLDER_LEAN = {
    "line_breaks": "4.28 takes a `sorry` in column 0 after `by` for the proof; 4.33 wants it indented",
    "self_proof_rw": "it sets the option pp.fvars.anonymous, which 4.28 does not have",
    "unfinished_tactic_block": "4.28 also reports the unexpected end of input after `by`",
}
"""Goldens that Lean 4.28 answers otherwise; the native REPL of 4.28 does the same."""

GOLDENS = load()


@pytest.fixture(scope="module")
def own_repl(engine: Engine) -> Iterator[Repl]:
    """One process for all goldens: they use numbers of states that were never given out."""
    with Repl(engine, timeout=120) as repl:
        yield repl


@pytest.mark.skipif(not GOLDENS, reason="no goldens here: STEPPROVE_REPL_GOLDEN names their folder")
@pytest.mark.parametrize("golden", GOLDENS, ids=[golden.name for golden in GOLDENS])
def test_the_answers_are_upstreams(golden: Golden, own_repl: Repl, tmp_path: Path) -> None:
    if golden.lacks_pickle:
        pytest.skip("it reads a pickle that another golden writes, and that one is not here")
    prepare(golden, GOLDENS, own_repl.request, tmp_path)
    answers = play(golden, own_repl.request, tmp_path)
    verdict = judge(golden, answers)
    if golden.name in OLDER_LEAN:
        assert verdict == "different", f"agrees now: take it from the table ({OLDER_LEAN[golden.name]})"
    else:
        assert verdict != "different", "\n".join(differences(golden, answers))
