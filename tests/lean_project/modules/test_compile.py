"""What Lean makes of a project's own modules, plain and as `module`, and what other processes see of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.check import check_source
from stepprove.lean_project.gate.verify import verify
from stepprove.lean_project.modules.build import BuildReport, build
from stepprove.lean_project.modules.compile import compile_module, with_modules
from stepprove.lean_project.modules.graph import (
    load_graph,
)
from stepprove.lean_project.modules.project import project_of
from stepprove.lean_project.modules.store import ModuleStore
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome

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


def built(engine: Engine, folder: Path, texts: Mapping[str, str], **options: Any) -> BuildReport:
    for module, text in texts.items():
        path = folder.joinpath("project", *module.split(".")).with_suffix(".lean")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    graph = load_graph(sorted(texts), project_of(folder / "project"))
    return build(graph, engine, store=ModuleStore(folder / "cache"), **options)


@pytest.fixture(scope="module")
def toy(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, BuildReport]:
    report = built(engine, tmp_path_factory.mktemp("modules"), TEXTS)
    return with_modules(engine, report.folder), report


def data(answer: Mapping[str, Any]) -> list[str]:
    return [message["data"] for message in answer.get("messages", [])]


def test_modules_are_compiled_in_their_order_and_stand(toy: tuple[Engine, BuildReport]) -> None:
    _, report = toy
    assert [module.source.name for module in report.modules] == ["Toy.Base", "Toy.Module", "Toy"]
    assert all(module.state == "compiled" and not module.messages for module in report.modules)
    assert sorted(path.name for path in report.folder.rglob("Module.*")) == [
        "Module.ir",
        "Module.olean",
        "Module.olean.private",
        "Module.olean.server",
    ]


def test_another_process_imports_all_that_they_hold(toy: tuple[Engine, BuildReport]) -> None:
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


def test_a_private_theorem_stays_private(toy: tuple[Engine, BuildReport]) -> None:
    with Repl(toy[0], timeout=120) as repl:
        (words,) = data(repl.request({"cmd": "import Toy.Module\nexample : thrice 2 = 6 := hidden"}))
    assert "hidden" in words


def test_an_error_leaves_no_module_and_says_who_waits(engine: Engine, tmp_path: Path) -> None:
    texts = {"A": "def a := 1", "B": "import A\ndef b : Nat := a + c", "C": "import B", "D": "import A"}
    report = built(engine, tmp_path, texts)
    by_name = {module.source.name: module for module in report.modules}
    states = {name: module.state for name, module in by_name.items()}
    assert states == {"A": "compiled", "B": "errors", "C": "waiting", "D": "compiled"}
    (message,) = by_name["B"].messages
    assert (message.severity, message.pos.line) == ("error", 2)
    assert by_name["C"].reason == "B"
    assert sorted(p.name for p in report.folder.iterdir()) == ["A.olean", "D.olean"]
    assert not report.stands


def test_a_change_compiles_what_depends_on_it_alone(engine: Engine, tmp_path: Path) -> None:
    texts = {
        "A": "def a := 1",
        "B": "import A\ndef b := a",
        "C": "import B",
        "D": "import A\ntheorem d : a = 1 := sorry",
    }
    first = built(engine, tmp_path, texts, jobs=2)
    assert [module.state for module in first.modules] == ["compiled"] * 4
    second = built(
        engine, tmp_path, {"B": "import A\ndef b := a + 1"} | {k: v for k, v in texts.items() if k != "B"}
    )
    assert {m.source.name: m.state for m in second.modules} == {
        "A": "kept",
        "B": "compiled",
        "C": "compiled",
        "D": "kept",
    }
    assert {m.source.name: m.sorries for m in second.modules} == {"A": 0, "B": 0, "C": 0, "D": 1}
    with Repl(with_modules(engine, second.folder), timeout=120) as repl:
        assert data(repl.request({"cmd": "import C\n#eval b"})) == ["2"]


def test_the_projects_options_hold(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "lakefile.toml").write_text(
        'leanOptions = { autoImplicit = false, maxRecDepth = 1000 }\n[[lean_lib]]\nname = "A"\n'
    )
    report = built(engine, tmp_path, {"A": "theorem t (x : List α) : x = x := rfl"})
    (module,) = report.modules
    assert module.state == "errors"
    assert "α" in module.messages[0].data


def test_a_poisoned_file_of_the_cache_is_made_anew(engine: Engine, tmp_path: Path) -> None:
    texts = {"A": "def a := 1"}
    built(engine, tmp_path, texts)
    (stored,) = (tmp_path / "cache" / "store").glob("*/.olean")
    stored.write_bytes(stored.read_bytes().replace(b"\0", b"\1", 5))
    (module,) = built(engine, tmp_path, texts).modules
    assert module.state == "compiled"


def test_of_two_builds_at_once_each_module_is_compiled_by_one(engine: Engine, tmp_path: Path) -> None:
    texts = {"A": "def a := 1", "B": "def b := 1"}
    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(lambda _: built(engine, tmp_path, texts), range(2)))
    states = sorted(module.state for report in reports for module in report.modules)
    assert states == ["compiled", "compiled", "kept", "kept"]


def test_the_cache_is_bounded(engine: Engine, tmp_path: Path) -> None:
    built(engine, tmp_path, {"A": "def a := 1", "B": "def b := 1"})
    store = ModuleStore(tmp_path / "cache")
    size = store.size()
    assert size.modules == 2
    assert store.prune(size.bytes - 1) == 1
    assert store.size().modules == 1
    assert store.prune() == 1


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
    assert os.listdir(tmp_path) == ["secret"]


def test_a_function_of_a_module_is_never_a_compiled_one_of_the_same_name(
    engine: Engine, tmp_path: Path
) -> None:
    name = "Lean.Meta.isExprDefEq"
    report = built(engine, tmp_path, {"A": f"def {name} (n : Nat) : Nat := n + 1"})
    with Repl(with_modules(engine, report.folder), timeout=120) as repl:
        assert data(repl.request({"cmd": f"import A\n#eval {name} 41"})) == ["42"]


def test_the_gate_refuses_what_rests_on_a_module_that_nobody_checked_again(
    engine: Engine, tmp_path: Path
) -> None:
    report = built(engine, tmp_path, {"A": "theorem no : 1 = 2 := sorry\naxiom own : 1 = 3"})
    with Repl(with_modules(engine, report.folder), timeout=120) as repl:
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
