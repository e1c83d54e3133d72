"""Programs and metaprograms in the embedded engine: what Lean compiles, interprets and prints, and what it must not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import orjson
import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.check import check_source
from stepprove.lean_project.gate.gate import Policy
from stepprove.lean_project.gate.verify import verify
from stepprove.lean_project.repl.errors import ReplEnded
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome


@pytest.fixture
def fresh(engine: Engine) -> Iterator[Repl]:
    with Repl(engine, timeout=120) as repl:
        yield repl


def messages(repl: Repl, code: str) -> list[tuple[str, str]]:
    """Each message's severity and words."""
    answer = repl.command(code)
    assert isinstance(answer, CommandResponse), answer
    return [(m.severity, m.data) for m in answer.messages]


def printed(repl: Repl, code: str) -> list[str]:
    """What a text prints; it must have no error and no warning."""
    said = messages(repl, code)
    assert not [words for severity, words in said if severity != "info"]
    return [words for _, words in said]


# What `#eval` prints.

PRINTS = {
    "a list": ("#eval [3, 1, 2].reverse.map (· + 1)", ["[3, 2, 4]"]),
    "an array": ("#eval #[3, 1, 2].qsort (· < ·)", ["#[1, 2, 3]"]),
    "a string": ('#eval "a b c".splitOn " "\n#eval "abc".toUpper', ['["a", "b", "c"]', '"ABC"']),
    "a tuple": ('#eval (1, "x", [some 2, none])', ['(1, "x", [some 2, none])']),
    "numbers": ("#eval 2 ^ 70\n#eval -7 / 2\n#eval (255 : UInt8) + 1", ["1180591620717411303424", "-4", "0"]),
    "a float": ("#eval (1.5 : Float) + 2", ["3.500000"]),
    "actions": ('#eval (do for i in [1, 2] do IO.println s!"<{i}>" : IO Unit)', ["<1>\n<2>"]),
    "state": (
        "def sum (n : Nat) : StateM Nat Nat := do\n  let mut s := 0\n  for i in [0:n] do\n"
        "    s := s + i\n    modify (· + i)\n  return s\n#eval (sum 10).run 3",
        ["(45, 48)"],
    ),
    "a partial function": ("def f (xs : List Nat) := xs.head!\n#eval f [7]", ["7"]),
    "a hash map": (
        "import Std\n#eval (Std.HashMap.ofList [(1, 2), (3, 4)]).toList.length\n"
        "#eval (Std.TreeMap.ofList [(3, 'a'), (2, 'b')] : Std.TreeMap Nat Char).toList",
        ["2", "[(2, 'b'), (3, 'a')]"],
    ),
    "elaboration": (
        "import Lean\nopen Lean Meta\n"
        '#eval show MetaM Unit from do logInfo m!"{← inferType (mkConst ``Nat.succ)}"\n'
        '#eval show Elab.Command.CommandElabM Unit from do logInfo m!"{(← getEnv).contains ``Nat.add}"\n'
        'run_meta logInfo m!"{← whnf (mkNatLit 3)}"',
        ["Nat → Nat", "true", "3"],
    ),
}


@pytest.mark.parametrize("name", PRINTS)
def test_eval_prints(repl: Repl, name: str) -> None:
    code, expected = PRINTS[name]
    assert printed(repl, code) == expected


TREE = "inductive Tree | leaf | node (left : Tree) (value : Nat) (right : Tree)\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param(
            TREE + "deriving Repr\n#eval Tree.node .leaf 3 .leaf",
            ["Tree.node (Tree.leaf) 3 (Tree.leaf)"],
            id="Repr",
        ),
        pytest.param(TREE + "deriving BEq\n#eval Tree.leaf == .node .leaf 1 .leaf", ["false"], id="BEq"),
        pytest.param(
            "structure P where\n  x : Nat\n  y : List Nat\nderiving Hashable\n"
            "#eval hash (P.mk 1 [2]) == hash (P.mk 1 [2])\n#eval hash (P.mk 1 [2]) == hash (P.mk 2 [1])",
            ["true", "false"],
            id="Hashable",
        ),
        pytest.param(
            TREE + "deriving Ord\n#eval compare (Tree.node .leaf 3 .leaf) .leaf", ["Ordering.gt"], id="Ord"
        ),
        pytest.param(
            "structure P where\n  x : Nat\n  y : List Nat\nderiving DecidableEq, Repr, Inhabited\n"
            "#eval P.mk 1 [2]\n#eval decide (P.mk 1 [2] = P.mk 1 [2])\n#eval (default : P)",
            ["{ x := 1, y := [2] }", "true", "{ x := 0, y := [] }"],
            id="structure",
        ),
        pytest.param(
            "import Lean\nopen Lean\nstructure P where\n  x : Nat\nderiving ToJson, FromJson, Repr\n"
            "#eval toJson (P.mk 1)\n#eval (fromJson? (toJson (P.mk 1)) : Except String P)",
            ['{"x": 1}', "Except.ok { x := 1 }"],
            id="ToJson",
        ),
    ],
)
def test_derived_instances_run(repl: Repl, code: str, expected: list[str]) -> None:
    assert printed(repl, code) == expected


# A tester in the manner of QuickCheck: `Init` alone.
TESTER = """
class Testable (p : Prop) where
  run : Nat → Option String
instance (p : Nat → Prop) [∀ n, Decidable (p n)] : Testable (∀ n, p n) where
  run most := (List.range most).findSome? fun n => if p n then none else some s!"found {n}"
def test (p : Prop) [Testable p] : IO Unit :=
  match Testable.run p 100 with
  | some words => IO.println words
  | none => IO.println "none found"
#eval test (∀ n : Nat, n * n ≤ 50)
#eval test (∀ n : Nat, n ≤ n + 1)
"""


def test_a_tester_finds_counterexamples(repl: Repl) -> None:
    assert printed(repl, TESTER) == ["found 8", "none found"]


# Metaprograms.

META = "import Lean\nopen Lean Meta Elab Tactic\n"
METAPROGRAMS = {
    "notation": 'notation "⟪" x "⟫" => x + 1\n#eval ⟪3⟫',
    "macro": 'macro "two" : term => `(2)\nexample : two = 2 := rfl\n#eval two + 2',
    "macro_rules": 'syntax "close" : tactic\nmacro_rules | `(tactic| close) => `(tactic| rfl)\n'
    "example : 1 + 1 = 2 := by close\n#eval 4",
    "syntax category": META
    + 'declare_syntax_cat arith\nsyntax num : arith\nsyntax arith " plus " arith : arith\n'
    'syntax "[arith|" arith "]" : term\n'
    "macro_rules\n  | `([arith| $n:num]) => `($n)\n  | `([arith| $a plus $b]) => `([arith| $a] + [arith| $b])\n"
    "#eval [arith| 1 plus 3]",
    "term elaborator": META + 'elab "four" : term => return mkNatLit 4\n#eval four',
    "tactic elaborator": META
    + 'elab "bring" x:ident : tactic => do\n  let (_, g) ← (← getMainGoal).intro x.getId\n  replaceMainGoal [g]\n'
    "theorem t (p : Prop) : p → p := by\n  bring h\n  exact h\n#eval 4",
    "command elaborator": META + 'elab "say! " t:term : command => logInfo m!"{t}"\nsay! 4',
    "simproc": META + "def twice (n : Nat) := n + n\nsimproc_decl twiceOf (twice _) := fun e => do\n"
    "  let_expr twice n := e | return .continue\n  let some n ← getNatValue? n | return .continue\n"
    "  return .done { expr := toExpr (n + n), proof? := some (← mkEqRefl (toExpr (n + n))) }\n"
    "theorem t : twice 3 = 6 := by simp [twiceOf]\n#eval twice 2",
    "run_tac": META
    + "theorem t : 1 + 1 = 2 := by\n  run_tac do\n    let g ← getMainGoal\n    g.refl\n#eval 4",
    "run_tac of imported functions alone": META + 'theorem t : 1 + 1 = 2 := by\n  run_tac logInfo "4"\n  rfl',
    "run_cmd": META + 'run_cmd logInfo "4"',
    "unexpander": META
    + "@[app_unexpander Nat.succ] def up : PrettyPrinter.Unexpander\n  | `($_ $n) => `($n + 1)\n  | _ => throw ()\n"
    "#eval 4\nexample : Nat.succ 2 = 3 := rfl",
    "initialize": META + "initialize counter : IO.Ref Nat ← IO.mkRef 3\n"
    'initialize registerBuiltinAttribute { name := `marked, descr := "", add := fun _ _ _ => return }\n'
    'register_option marked.here : Bool := { defValue := true, descr := "" }\n'
    "initialize ext : SimplePersistentEnvExtension Nat (List Nat) ←\n"
    "  registerSimplePersistentEnvExtension { addEntryFn := fun l n => n :: l, addImportedFn := fun _ => [] }\n"
    "#eval 4",
}


@pytest.mark.parametrize("name", METAPROGRAMS)
def test_a_metaprogram_is_compiled_and_runs(repl: Repl, name: str) -> None:
    assert printed(repl, METAPROGRAMS[name]) == ["4"]


def test_an_instance_and_an_attribute_of_the_library_are_used(repl: Repl) -> None:
    code = META + "@[simp] def pick (n : Nat) := n\n@[ext] structure P where\n  x : Nat\n#eval (P.mk 4).x"
    assert printed(repl, code) == ["4"]


# What Lean compiles.


@pytest.mark.parametrize(
    "code",
    [
        "def next (xs : List Nat) := xs.map (· + 1)\nexample : next [1, 2] = [2, 3] := rfl",
        "def back (xs : List Nat) := xs.reverse",
        "import Std\ndef total (m : Std.HashMap Nat Nat) := m.fold (fun sum _ n => sum + n) 0",
        "import Lean\ndef names (e : Lean.Expr) := e.getUsedConstants.toList.mergeSort fun a b => a.lt b",
        "import Lean\nopen Lean Meta\ndef look : MetaM Nat := do\n  let mut n := 0\n"
        "  for _ in (← getLCtx) do n := n + 1\n  return n",
    ],
)
def test_definitions_over_library_functions_compile_and_run_nothing(fresh: Repl, code: str) -> None:
    assert messages(fresh, code) == []
    assert not fresh.ran_programs


@pytest.mark.parametrize(
    "code",
    [
        "def one : Nat := Classical.choice ⟨1⟩",
        "noncomputable def one : Nat := Classical.choice ⟨1⟩\ndef two : Nat := one + 1",
        "instance : Inhabited Nat := ⟨Classical.choice ⟨1⟩⟩",
    ],
)
def test_a_missing_noncomputable_is_reported(repl: Repl, code: str) -> None:
    ((severity, words),) = messages(repl, code)
    assert severity == "error"
    assert "noncomputable" in words


def test_a_noncomputable_definition_has_no_error(repl: Repl) -> None:
    assert messages(repl, "noncomputable def one : Nat := Classical.choice ⟨1⟩") == []


# The gate, now that programs run.

BIG = "theorem big : (List.range 1000).foldl (· + ·) 0 = 499500 := by"


def test_native_decide_computes_and_remains_an_axiom_of_the_compiler(repl: Repl) -> None:
    original, candidate = (parse_source(f"{BIG} {proof}\n") for proof in ("sorry", "native_decide"))
    judgement = verify(repl, original, candidate, timeout=60)
    assert judgement.outcome is Outcome.REJECTED
    assert "reduceBool" in (judgement.reason or "") or "ofReduceBool" in (judgement.reason or "")
    assert verify(repl, original, candidate, policy=Policy(native_decide=True), timeout=60).accepted


def test_native_decide_of_what_is_false_fails(repl: Repl) -> None:
    ((severity, words),) = messages(repl, BIG.replace("499500", "499501") + " native_decide")
    assert severity == "error"
    assert "is false" in words


@pytest.mark.parametrize(
    ("lines", "how"),
    [
        ("@[implemented_by Nat.succ] def same (n : Nat) : Nat := n\n", "implemented_by"),
        ('@[extern "lean_nat_succ"] def same (n : Nat) : Nat := n\n', "extern"),
        ("initialize same : IO.Ref Nat ← IO.mkRef 3\n", "init"),
    ],
)
def test_code_that_the_kernel_does_not_see_is_refused(repl: Repl, lines: str, how: str) -> None:
    report = check_source(repl, parse_source(lines + "theorem t : 1 = 1 := rfl\n"), timeout=60)
    assert not report.passed
    assert how in " ".join([report.refused or "", *(d.reason or "" for d in report.declarations)])


# A program that ends its engine has failed, and the next text has a new one.

ENDINGS = {
    "an uncaught C++ exception": "initialize n : IO.Ref Nat ← IO.mkRef 3\n#eval n.get",
    "a trap": "unsafe def wrong : String := unsafeCast (0x7fffffff : Nat)\n#eval wrong",
    "an exit": "#eval (IO.Process.exit 3 : IO Unit)",
    "no end": "partial def deep (n : Nat) : Nat := deep (n + 1) + 1\n#eval deep 0",
    "lean's own panic": META + "unsafe def wrong : MetaM Unit := do\n"
    '  let e : Expr := unsafeCast (5 : Nat)\n  logInfo m!"{e}"\n#eval wrong',
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_program_that_ends_the_engine_is_its_texts_failure(fresh: Repl, name: str) -> None:
    with pytest.raises(ReplEnded):
        fresh.command(ENDINGS[name])
    assert printed(fresh, "#eval [1].map (· + 1)") == ["[2]"]


@pytest.mark.parametrize("name", ["an uncaught C++ exception", "a trap", "an exit"])
def test_a_candidate_that_ends_the_engine_has_failed(fresh: Repl, name: str) -> None:
    original, proof = (parse_source(f"theorem t : 1 = 1 := {proof}\n") for proof in ("sorry", "rfl"))
    judgement = verify(fresh, original, parse_source(f"{ENDINGS[name]}\n{proof.text}"), timeout=60)
    assert judgement.outcome is Outcome.FAILED
    assert (judgement.reason or "").startswith("the code ended Lean")


# A second import in one process.

TABLES_MB = 100
"""An environment's own maps; the modules themselves, 160 MB and more, are there once."""


def test_the_modules_of_an_import_are_in_memory_once(engine: Engine) -> None:
    """Both imports hold all of `Lean`; only the first reads it."""
    with subprocess.Popen(
        engine.command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **engine.environment},
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()

        def resident_mb(code: str) -> float:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(orjson.dumps({"cmd": code}) + b"\n\n")
            process.stdin.flush()
            process.stdout.readline()
            answer = orjson.loads(process.stdout.readline())
            assert "messages" not in answer, answer
            with open(f"/proc/{process.pid}/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

        first = resident_mb("import Lean\nexample : 1 = 1 := rfl")
        second = resident_mb("import Lean\nimport Lean.Elab\nexample : 1 = 1 := rfl")
        process.kill()
    assert second - first < TABLES_MB


def test_a_second_import_has_all_of_its_extensions(fresh: Repl) -> None:
    """Initialisers are run at the first import; the second must see them."""
    for header in "import Lean", "import Std", "import Lean\nimport Std", "import Lean.Elab.Command":
        tail = "\nexample (a b : Nat) (h : a < b) : a + 1 ≤ b := by omega\n#eval [1, 2].reverse"
        assert printed(fresh, header + tail) == ["[2, 1]"]
