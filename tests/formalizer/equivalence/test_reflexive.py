"""Every statement of a benchmark that core Lean can read is equivalent to itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import orjson
import pytest

from stepprove.formalizer.equivalence.equivalence import equivalent
from stepprove.formalizer.equivalence.methods import Method
from stepprove.formalizer.statement import BadStatement, read_statement
from stepprove.lean_project import Repl
from stepprove.lean_project.source.prelude import PRELUDE

PLACE = os.environ.get("STEPPROVE_MINIF2F") or Path(__file__).parents[2] / "data/minif2f_valid.jsonl"
FEWEST = 50


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("method", get_args(Method))
def test_every_statement_is_equivalent_to_itself(repl: Repl, method: Method) -> None:
    if not Path(PLACE).is_file():
        pytest.skip("miniF2F's valid split is not here: name its JSONL file in STEPPROVE_MINIF2F")
    read, failed = 0, []
    for line in Path(PLACE).read_bytes().splitlines():
        record = orjson.loads(line)
        try:
            statement = read_statement(record["formal_statement"])
            found = equivalent(repl, statement, statement, header=PRELUDE, method=method)
        except BadStatement:  # it needs Mathlib
            continue
        read += 1
        if not found.equivalent:
            failed.append((record["name"], found.reason))
    assert read >= FEWEST
    assert not failed
