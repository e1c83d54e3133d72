"""What `import stepprove` offers, on real Lean."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import stepprove
from stepprove import Outcome
from stepprove.formalizer.statement import BadStatement
from stepprove.lean_project.source.file import SourceError

ADD = "theorem add_zero' (n : Nat) : n + 0 = n := by sorry\n"


def test_every_name_is_there() -> None:
    assert all(callable(getattr(stepprove, name)) for name in stepprove.__all__)
    assert set(stepprove.__all__) <= set(dir(stepprove))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        stepprove.nothing  # noqa: B018


def test_the_import_loads_nothing_else() -> None:
    code = (
        "import sys, stepprove; print([m for m in sys.modules if m.startswith(('stepprove.', 'pydantic'))])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_prove_fills_the_holes_of_a_text() -> None:
    report = stepprove.prove(ADD, time_limit=20)
    assert [hole.outcome for hole in report.holes] == [Outcome.PROVED]
    assert "sorry" not in report.text
    assert stepprove.verify(ADD, report.text).accepted


def test_a_path_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.lean"
    file.write_text("theorem t : 1 = 1 := rfl\n")
    assert stepprove.check(file).passed
    assert not stepprove.check("theorem t : 1 = 2 := rfl\n").passed
    with pytest.raises(SourceError):
        stepprove.check(tmp_path / "missing.lean")


def test_verify_names_what_is_wrong() -> None:
    judgement = stepprove.verify(
        ADD, "axiom cheat : False\ntheorem add_zero' (n : Nat) : n + 0 = n := cheat.elim\n"
    )
    assert judgement.outcome is Outcome.REJECTED
    assert "cheat" in (judgement.reason or "")


@pytest.mark.parametrize("ending", ["", " := by sorry", " :="])
def test_disprove_finds_a_counterexample(ending: str) -> None:
    against = stepprove.disprove(f"theorem small (n : Nat) : n < 5{ending}")
    assert against.found
    assert against.counterexample == "n = 5"


def test_what_is_true_is_not_disproved_and_what_is_no_statement_is_refused() -> None:
    assert not stepprove.disprove("theorem t (n : Nat) : n = n", time_limit=5).found
    with pytest.raises(BadStatement, match="Lean does not read the statement"):
        stepprove.disprove("theorem t : Nat.succ = True")
    with pytest.raises(BadStatement, match="states no theorem"):
        stepprove.disprove("def f := 1")


def test_equivalent_proves_both_directions() -> None:
    same = stepprove.equivalent("theorem a (n : Nat) : 0 < n", "theorem b (m : Nat) : m > 0")
    assert same.equivalent
