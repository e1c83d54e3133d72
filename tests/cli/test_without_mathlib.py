"""`--without-mathlib` and the one memory limit: the commands ask an engine for its abilities, never for its kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stepprove.cli.check import check
from stepprove.cli.options import engine as engine_options
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.prelude import PRELUDE, prelude_for

MATHLIB_STATEMENT = "import Mathlib\n\nopen BigOperators Real\n\ntheorem two : (1 : ℕ) + 1 = 2 := by rfl\n"


@pytest.fixture
def native_without_mathlib(engine: Engine, tmp_path: Path) -> Engine:
    """A real Lean that counts as the native one of a project without Mathlib."""
    return Engine(
        kind="native",
        command=engine.command,
        cwd=tmp_path,
        lean_version=engine.lean_version,
        environment=engine.environment,
        ready_line=True,
        tokens=True,
    )


def test_a_native_lean_without_mathlib_reads_statements_as_core_lean(
    native_without_mathlib: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_options, "find_engine", lambda *_, **__: native_without_mathlib)
    file = tmp_path / "two.lean"
    file.write_text(MATHLIB_STATEMENT)
    assert check([file], without_mathlib=True) == 0


def test_a_lean_with_mathlib_keeps_the_imports(native_without_mathlib: Engine) -> None:
    assert prelude_for(native_without_mathlib) == PRELUDE
    assert prelude_for(replace(native_without_mathlib, mathlib="0" * 40)) is None


def test_each_kind_of_engine_has_one_memory_limit(engine: Engine, native_without_mathlib: Engine) -> None:
    assert engine.memory_limit_mb < 2000, "more is there on request"
    assert native_without_mathlib.memory_limit_mb > 4000, "Mathlib's modules are mapped"


def test_an_engine_says_whether_it_answers_inspect(engine: Engine, native_without_mathlib: Engine) -> None:
    assert engine.supports_inspect
    assert not native_without_mathlib.supports_inspect
    with Repl(native_without_mathlib) as repl:
        assert not repl.supports_inspect
