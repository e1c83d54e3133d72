"""What the embedded engine does beyond the goldens: extensions, refusals, pickles, and its closed world."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.repl.errors import ReplEnded
from stepprove.lean_project.repl.protocol import CommandResponse, ProofStepResponse


def ask(repl: Repl, **request: Any) -> dict[str, Any]:
    return repl.request(request)


def hole(repl: Repl, text: str, env: int | None = None) -> int:
    """The proof state of the only `sorry` in a text."""
    (sorry,) = ask(repl, cmd=text, env=env)["sorries"]
    return int(sorry["proofState"])


def data(answer: dict[str, Any]) -> list[str]:
    return [message["data"] for message in answer.get("messages", [])]


# Axioms of a closed proof.


@pytest.mark.parametrize(
    ("statement", "proof", "axioms"),
    [
        ("(n : Nat) : n + 0 = n", "rfl", []),
        (
            "(α : Type) (h : Nonempty α) : ∃ x : α, x = x",
            "exact ⟨Classical.choice h, rfl⟩",
            ["Classical.choice"],
        ),
        ("(p q : Prop) (h : p ↔ q) : p = q", "exact propext h", ["propext"]),
    ],
)
def test_a_completed_step_tells_its_axioms(repl: Repl, statement: str, proof: str, axioms: list[str]) -> None:
    state = hole(repl, f"theorem asked {statement} := by sorry")
    answer = ask(repl, proofState=state, tactic=proof, axioms=True)
    assert (answer["proofStatus"], answer["axioms"]) == ("Completed", axioms)


def test_a_step_that_rests_on_a_lemma_without_proof_tells_sorry_ax(repl: Repl) -> None:
    env = ask(repl, cmd="theorem open_lemma : 2 + 2 = 5 := by sorry")["env"]
    state = hole(repl, "theorem asked : 2 + 2 = 5 := by sorry", env)
    answer = ask(repl, proofState=state, tactic="exact open_lemma", axioms=True)
    assert (answer["proofStatus"], answer["axioms"]) == ("Completed", ["sorryAx"])


def test_a_step_that_completes_nothing_tells_no_axioms(repl: Repl) -> None:
    state = hole(repl, "theorem asked (p : Prop) : p → p := by sorry")
    assert "axioms" not in ask(repl, proofState=state, tactic="intro h", axioms=True)


# Negation.


def test_the_negation_closes_over_all_hypotheses(repl: Repl) -> None:
    state = hole(repl, "theorem asked (n : Nat) (h : n > 2) : n = 3 := by sorry")
    negated = ask(repl, negate=state)
    assert negated["goals"] == ["⊢ ¬∀ (n : Nat), n > 2 → n = 3"]
    step = ask(
        repl, proofState=negated["proofState"], tactic="exact fun h => absurd (h 4 (by decide)) (by decide)"
    )
    assert (step["proofStatus"], step["goals"]) == ("Completed", [])


def test_a_true_statement_has_a_negation_that_stays_open(repl: Repl) -> None:
    negated = ask(repl, negate=hole(repl, "theorem asked (n : Nat) : n ≤ n := by sorry"))
    assert "message" in ask(repl, proofState=negated["proofState"], tactic="omega")


def test_a_state_of_two_goals_has_no_negation(repl: Repl) -> None:
    state = hole(repl, "theorem asked (p q : Prop) : p ∧ q := by sorry")
    two = ask(repl, proofState=state, tactic="constructor")
    assert ask(repl, negate=two["proofState"]) == {
        "message": "only a state with one goal has a negation; this one has 2"
    }


# Forgetting.


def test_what_is_forgotten_is_unknown_and_the_rest_stays(repl: Repl) -> None:
    env = ask(repl, cmd="def kept := 1")["env"]
    answer = ask(repl, cmd="example : kept = 1 := by sorry", env=env)
    state = answer["sorries"][0]["proofState"]
    assert ask(repl, forget={"envs": [answer["env"]], "proofStates": [state]}) == {}
    assert ask(repl, cmd="#eval 1", env=answer["env"]) == {"message": "Unknown environment."}
    assert ask(repl, proofState=state, tactic="rfl") == {"message": "Unknown proof state."}
    assert "messages" not in ask(repl, cmd="example : kept = 1 := rfl", env=env)


def test_forgetting_twice_or_what_never_was_does_no_harm(repl: Repl) -> None:
    env = ask(repl, cmd="def once := 1")["env"]
    for _ in range(2):
        assert ask(repl, forget={"envs": [env, 10**6], "proofStates": [10**6]}) == {}


def test_a_proof_state_outlives_its_forgotten_environment(repl: Repl) -> None:
    answer = ask(repl, cmd="theorem asked (n : Nat) : n = n := by sorry")
    ask(repl, forget={"envs": [answer["env"]]})
    step = ask(repl, proofState=answer["sorries"][0]["proofState"], tactic="rfl")
    assert step["proofStatus"] == "Completed"


# Requests that cannot be served leave the process as it was.


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"cmd": 3}, "Could not parse as a valid JSON command:\nREPL.File.path: String expected"),
        ({"cmd": "#eval 1", "env": -1}, "Could not parse as a valid JSON command:\nREPL.File.env: "),
        ({"proofState": 10**6, "tactic": "rfl"}, "Unknown proof state."),
        (
            {"path": "/nowhere/at/all.lean"},
            "no such file or directory (error code: 2)\n  file: /nowhere/at/all.lean",
        ),
        ({"unpickleEnvFrom": "/nowhere/at/all"}, "cannot read /nowhere/at/all"),
        ({"forget": {"envs": ["x"]}}, "Could not parse as a valid JSON command:\nforget.envs: "),
    ],
)
def test_a_request_that_cannot_be_served_is_refused_in_words(
    repl: Repl, request_: dict[str, Any], said: str
) -> None:
    assert ask(repl, **request_)["message"].startswith(said)


def test_an_import_that_is_not_there_is_an_error_message(repl: Repl) -> None:
    (only,) = ask(repl, cmd="import Mathlib\ntheorem t : True := trivial")["messages"]
    assert only["severity"] == "error"
    assert only["data"].startswith("unknown module prefix 'Mathlib'")


def test_windows_line_ends_count_as_line_ends(repl: Repl) -> None:
    answer = ask(repl, cmd="theorem t : 1 = 1 := by\r\n  sorry\r\n")
    assert answer["sorries"][0]["pos"] == {"line": 2, "column": 2}


def test_text_beyond_the_basic_plane_survives(repl: Repl) -> None:
    assert data(ask(repl, cmd='#eval "𝔸 ⊢ ∀"')) == ['"𝔸 ⊢ ∀"']


# Pickles.


def test_another_process_restores_a_proof_state(repl: Repl, engine: Engine, tmp_path: Path) -> None:
    env = ask(repl, cmd="variable (a b : Nat)\nnamespace Deep\nopen Nat")["env"]
    state = hole(repl, "theorem asked (h : a < b) : succ a ≤ b := by sorry", env)
    step = ask(repl, proofState=state, tactic="have k : a + 1 ≤ b := by sorry")
    assert "goals" in ask(repl, proofState=step["proofState"], pickleTo=str(tmp_path / "pickle"))
    with Repl(engine) as other:
        restored = ask(other, unpickleProofStateFrom=str(tmp_path / "pickle"))
        assert restored["goals"] == step["goals"]
        assert ask(other, proofState=restored["proofState"], tactic="exact k")["goals"] == []


def test_another_process_restores_an_environment_with_its_scoped_notation(
    repl: Repl, engine: Engine, tmp_path: Path
) -> None:
    env = ask(repl, cmd='namespace Box\nscoped notation "⊞" => 7\nend Box')["env"]
    env = ask(repl, cmd="open Box", env=env)["env"]
    assert ask(repl, env=env, pickleTo=str(tmp_path / "pickle")) == {"env": env}
    with Repl(engine) as other:
        restored = ask(other, unpickleEnvFrom=str(tmp_path / "pickle"))
        assert restored == {"env": 0}
        assert "messages" not in ask(other, cmd="example : ⊞ = 7 := rfl", env=0)


def test_the_methods_of_a_repl_pickle_and_restore_what_they_name(
    repl: Repl, engine: Engine, tmp_path: Path
) -> None:
    before = repl.command("def x := 1\ntheorem t (p : Prop) (h : p) : p := by sorry")
    assert isinstance(before, CommandResponse)
    state = before.sorries[0].proof_state
    assert state is not None
    repl.pickle_env(before.env, tmp_path / "environment")
    repl.pickle_state(state, tmp_path / "state")
    with Repl(engine) as other:
        after = other.unpickle_env(tmp_path / "environment")
        assert isinstance(after, CommandResponse)
        use = other.command("example : x = 1 := rfl", after.env)
        assert isinstance(use, CommandResponse) and not use.messages
        restored = other.unpickle_state(tmp_path / "state")
        assert isinstance(restored, ProofStepResponse)
        step = other.tactic(restored.proof_state, "exact h")
        assert isinstance(step, ProofStepResponse) and step.completed


@pytest.mark.parametrize("damage", ["foreign", "changed", "other kind"])
def test_a_pickle_that_is_not_as_it_was_written_is_refused(repl: Repl, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "pickle"
    ask(repl, env=ask(repl, cmd="def x := 1")["env"], pickleTo=str(path))
    if damage == "foreign":
        path.write_bytes(b"\x00olean\xff")
    elif damage == "changed":
        path.write_text(path.read_text().replace("def x := 1", "def x := 2"))
    key = "unpickleProofStateFrom" if damage == "other kind" else "unpickleEnvFrom"
    said = {"foreign": "was not pickled", "changed": "is damaged", "other kind": "holds an environment"}
    assert said[damage] in ask(repl, **{key: str(path)})["message"]


def test_a_pickle_that_cannot_be_written_is_refused(repl: Repl, tmp_path: Path) -> None:
    env = ask(repl, cmd="def x := 1")["env"]
    assert "cannot write" in ask(repl, env=env, pickleTo=str(tmp_path / "no" / "such" / "folder"))["message"]


# What Lean code can reach.


@pytest.mark.parametrize(
    "action",
    [
        'IO.FS.readFile "/etc/passwd"',
        'IO.FS.readFile "/lean/../etc/passwd"',
        'IO.FS.writeFile "/lean/lib/lean/Init.olean" "x"',
        'IO.FS.removeFile "/lean/lib/lean/Init.olean"',
        'IO.FS.createDir "/lean/new"',
        'IO.FS.rename "/lean/lib" "/lean/bil"',
        'discard <| IO.Process.output {cmd := "id"}',
    ],
)
def test_lean_code_reaches_no_file_and_starts_no_program(repl: Repl, action: str) -> None:
    answer = ask(repl, cmd=f"#eval show IO Unit from do discard <| ({action})")
    assert [message["severity"] for message in answer["messages"]] == ["error"]


def test_lean_code_sees_only_the_library(repl: Repl) -> None:
    count = '#eval show IO Nat from return (← System.FilePath.readDir "FOLDER").size'
    assert data(ask(repl, cmd=count.replace("FOLDER", "/lean"))) == ["1"]
    (message,) = ask(repl, cmd=count.replace("FOLDER", str(Path(__file__).parent)))["messages"]
    assert message["severity"] == "error"


def test_lean_code_does_not_see_the_requests(repl: Repl) -> None:
    assert data(ask(repl, cmd="#eval show IO String from do (← IO.getStdin).getLine")) == ['""']


def test_lean_code_cannot_write_an_answer(repl: Repl) -> None:
    forged = r'#eval show IO Unit from do (← IO.getStdout).putStrLn "{\"env\": 77}"'
    assert ask(repl, cmd=forged)["env"] != 77
    assert ask(repl, cmd="#eval 1")["env"] != 77


# The process.


def test_the_process_ends_when_its_parent_is_killed(engine: Engine) -> None:
    code = (
        "import subprocess, sys, os, time\n"
        "child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    environment = {**os.environ, **engine.environment}
    with subprocess.Popen(
        [sys.executable, "-c", code, *engine.command], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while Path(f"/proc/{child}").exists() and "zombie" not in Path(f"/proc/{child}/status").read_text():
        assert time.monotonic() < deadline, "the engine outlives its parent"
        time.sleep(0.1)


@pytest.mark.parametrize("way", ["exit", "forceExit"])
def test_lean_code_that_exits_has_ended_its_own_engine_at_once(engine: Engine, way: str) -> None:
    with Repl(engine) as repl, pytest.raises(ReplEnded, match="Lean code ended the process with status 0"):
        ask(repl, cmd=f"#eval (IO.Process.{way} 0 : IO Unit)")


def test_a_stack_overflow_of_a_program_ends_its_own_engine(engine: Engine) -> None:
    endless = "partial def deep (n : Nat) : Nat := deep (n + 1) + 1\n#eval deep 0"
    with Repl(engine) as repl, pytest.raises(ReplEnded):
        ask(repl, cmd=endless)


def test_the_process_ends_with_its_input(engine: Engine) -> None:
    done = subprocess.run(
        engine.command,
        input='{"cmd": "#eval 1"}\n\n{"cmd": "#eval 2"}',
        capture_output=True,
        text=True,
        env={**os.environ, **engine.environment},
        timeout=60,
        check=False,
    )
    ready, *answers = [json.loads(line) for line in done.stdout.splitlines() if line]
    assert ready["ready"] is True
    assert [data(answer) for answer in answers] == [["1"], ["2"]]


def test_comments_and_stray_blank_lines_get_no_answer(engine: Engine) -> None:
    done = subprocess.run(
        engine.command,
        input='\n\n# a comment\n\n-- another\n\n\n{"cmd":\n "#eval 1"}\n\nnot json\n\n',
        capture_output=True,
        text=True,
        env={**os.environ, **engine.environment},
        timeout=60,
        check=False,
    )
    _, first, second = [json.loads(line) for line in done.stdout.splitlines() if line]
    assert data(first) == ["1"]
    assert second["message"].startswith("Could not parse JSON:\n")
