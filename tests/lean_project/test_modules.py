"""A project's own modules: their order, and what Lean makes of them, plain and as `module`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.check import check_source
from stepprove.lean_project.gate.verify import verify
from stepprove.lean_project.modules.compile import (
    Compiled,
    compile_module,
    compile_modules,
    with_modules,
)
from stepprove.lean_project.modules.graph import (
    ImportCycle,
    MissingModule,
    compile_order,
    module_files,
)
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome

# The order.


def test_each_module_comes_after_those_that_it_imports() -> None:
    texts = {
        "A": "import C\nimport Lean\n",
        "B": "module\n\npublic import A\nmeta import D\n",
        "C": "import D\n-- import B\n",
        "D": "prelude\nimport Init.Prelude\n",
    }
    order = compile_order(texts)
    assert list(order) == ["D", "C", "A", "B"]
    assert order["B"] == ("A", "D")
    assert compile_order(dict(reversed(texts.items()))) == order


def test_a_long_chain_of_modules_is_put_in_order() -> None:
    texts = {f"M{n}": f"import M{n + 1}\n" for n in range(3000)} | {"M3000": ""}
    assert next(iter(compile_order(texts))) == "M3000"


def test_a_circle_is_named() -> None:
    texts = {"A": "import B", "B": "import C", "C": "import B", "D": ""}
    with pytest.raises(ImportCycle, match=r"^The modules import each other: B imports C imports B\.$"):
        compile_order(texts)
    with pytest.raises(ImportCycle, match="A imports A"):
        compile_order({"A": "import A"})


def test_a_missing_module_is_named_with_one_that_reads_alike() -> None:
    with pytest.raises(
        MissingModule, match=r"^A imports Foo.Baz, which is not there; did you mean Foo.Bar\?$"
    ):
        compile_order({"A": "import Foo.Baz", "Foo.Bar": ""})
    with pytest.raises(MissingModule, match=r"^A imports Mathlib, which is not there\.$"):
        compile_order({"A": "import Mathlib"})


def test_the_files_below_a_root_are_modules(tmp_path: Path) -> None:
    for name in "Foo.lean", "Foo/Bar.lean", ".lake/packages/x/X.lean", "notes.txt":
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert module_files(tmp_path) == {
        "Foo": tmp_path / "Foo.lean",
        "Foo.Bar": tmp_path / "Foo" / "Bar.lean",
    }


# Compiling.

BASE = """import Lean
open Lean
notation "⟪" x "⟫" => x + 1
def twice (n : Nat) := (List.replicate n 2).foldl (· + ·) 0
theorem twice_three : twice 3 = 6 := by decide
macro "close" : tactic => `(tactic| rfl)
register_simp_attr mine
initialize counter : IO.Ref Nat ← IO.mkRef 3
initialize marks : SimplePersistentEnvExtension Name (Array Name) ← registerSimplePersistentEnvExtension {
  addEntryFn := Array.push, addImportedFn := fun entries => entries.flatten }
structure Point where
  x : Nat
deriving Repr, BEq, Hashable
instance : Add Point := ⟨fun a b => ⟨a.x + b.x⟩⟩
elab "mark! " n:ident : command => modifyEnv fun env => marks.addEntry env n.getId
"""
MODULE = """module
public import Lean
public section
notation "⟨⟨" x "⟩⟩" => x + 1
@[expose] def thrice (n : Nat) := 3 * n
private theorem hidden : thrice 2 = 6 := rfl
theorem shown : thrice 2 = 6 := hidden
@[simp] theorem thrice_zero : thrice 0 = 0 := rfl
"""
BOTH = "import Toy.Base\nimport Toy.Module\nmark! seen\n@[mine] theorem six : 1 + 5 = 6 := rfl\ndef nine := twice 3 + thrice 1\n"
TEXTS = {"Toy": BOTH, "Toy.Base": BASE, "Toy.Module": MODULE}


@pytest.fixture(scope="module")
def toy(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, list[Compiled]]:
    folder = tmp_path_factory.mktemp("modules")
    return with_modules(engine, folder), compile_modules(engine, TEXTS, folder)


def data(answer: Mapping[str, Any]) -> list[str]:
    return [message["data"] for message in answer.get("messages", [])]


def test_modules_are_compiled_in_their_order_and_stand(toy: tuple[Engine, list[Compiled]]) -> None:
    _, compiled = toy
    assert [c.module for c in compiled] == ["Toy.Base", "Toy.Module", "Toy"]
    assert all(c.stands and not c.messages for c in compiled)
    endings = [sorted(path.name.partition(".")[2] for path in c.files) for c in compiled]
    assert endings == [["olean"], ["ir", "olean", "olean.private", "olean.server"], ["olean"]]


def test_another_process_imports_all_that_they_hold(toy: tuple[Engine, list[Compiled]]) -> None:
    text = """import Toy
#eval (nine, twice 3, ⟪1⟫, ⟨⟨4⟩⟩)
#eval counter.get
#eval (⟨1⟩ + ⟨2⟩ : Point)
#eval show Lean.CoreM Nat from return (marks.getState (← Lean.getEnv)).size
example : twice 3 = 6 := by close
example : thrice 0 = 0 := by simp
example (h : 1 + 5 = 7) : False := by simp only [mine] at h; omega
example : thrice 2 = 6 := shown
"""
    with Repl(toy[0], timeout=120) as repl:
        assert data(repl.request({"cmd": text})) == ["(9, 6, 2, 5)", "3", "{ x := 3 }", "1"]


def test_a_private_theorem_stays_private(toy: tuple[Engine, list[Compiled]]) -> None:
    with Repl(toy[0], timeout=120) as repl:
        (words,) = data(repl.request({"cmd": "import Toy.Module\nexample : thrice 2 = 6 := hidden"}))
    assert "hidden" in words


def test_an_error_leaves_no_module_and_says_who_waits(engine: Engine, tmp_path: Path) -> None:
    texts = {"A": "def a := 1", "B": "import A\ndef b : Nat := a + c", "C": "import B", "D": "import A"}
    compile_modules(engine, {**texts, "B": "import A\ndef b := a"}, tmp_path)
    by_name = {c.module: c for c in compile_modules(engine, texts, tmp_path)}
    assert {name: c.stands for name, c in by_name.items()} == {"A": True, "B": False, "C": False, "D": True}
    (message,) = by_name["B"].messages
    assert (message.severity, message.pos.line) == ("error", 2)
    assert by_name["C"].waits_for == "B"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["A.olean", "D.olean"], "nothing of an earlier B"


def test_a_module_whose_import_is_not_there_says_so(engine: Engine, tmp_path: Path) -> None:
    compiled = compile_module(engine, "A", "import Nowhere", tmp_path)
    assert not compiled.stands
    assert "Nowhere" in compiled.messages[0].data


@pytest.mark.parametrize("name", ["../A", "/A", "A/B", "", "A..B", "Lean.Mine", "Init", "A.«b»", ".A"])
def test_a_name_that_is_none_is_refused(engine: Engine, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name for a module"):
        compile_module(engine, name, "def a := 1", tmp_path)


# A module is hostile as any text.


def test_a_module_writes_and_reads_nothing_while_it_compiles(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the secret")
    tries = [
        f'IO.FS.writeFile "{tmp_path}/out" "x"',
        'IO.FS.writeFile "/out/module.ir" "x"',
        'IO.FS.writeFile "/modules/Other.olean" "x"',
        f'(do IO.println (← IO.FS.readFile "{tmp_path}/secret"))',
        '(do IO.println (← IO.FS.readFile "/modules/../secret"))',
    ]
    text = "\n".join(f"#eval ({action} : IO Unit)" for action in tries)
    compiled = compile_module(engine, "A", text, tmp_path / "modules")
    assert [message.severity for message in compiled.messages] == ["error"] * len(tries)
    assert os.listdir(tmp_path / "modules") == []
    assert sorted(os.listdir(tmp_path)) == ["modules", "secret"]


def test_a_function_of_a_module_is_never_a_compiled_one_of_the_same_name(
    engine: Engine, tmp_path: Path
) -> None:
    name = "Lean.Meta.isExprDefEq"
    compile_module(engine, "A", f"def {name} (n : Nat) : Nat := n + 1", tmp_path)
    with Repl(with_modules(engine, tmp_path), timeout=120) as repl:
        assert data(repl.request({"cmd": f"import A\n#eval {name} 41"})) == ["42"]


def test_the_gate_refuses_what_rests_on_a_module_that_nobody_checked_again(
    engine: Engine, tmp_path: Path
) -> None:
    compile_module(engine, "A", "theorem no : 1 = 2 := sorry\naxiom own : 1 = 3", tmp_path)
    with Repl(with_modules(engine, tmp_path), timeout=120) as repl:
        original, candidate = (
            parse_source(f"import A\ntheorem t : 1 = 2 := {proof}\n") for proof in ("sorry", "no")
        )
        judgement = verify(repl, original, candidate, timeout=60)
        assert judgement.outcome is Outcome.REJECTED
        assert "imports `A`" in (judgement.reason or "")
        assert not check_source(repl, candidate, timeout=60).passed
        (hole,) = repl.request({"cmd": original.text})["sorries"]
        for proof, axioms in (("exact no", ["sorryAx"]), ("exact absurd own (by decide)", ["own"])):
            step = repl.request({"proofState": hole["proofState"], "tactic": proof, "axioms": True})
            assert (step["proofStatus"], set(axioms) <= set(step["axioms"])) == ("Completed", True)
