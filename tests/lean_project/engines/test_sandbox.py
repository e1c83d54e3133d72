"""The engine's walls, each tried with what would get through if it were not there."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.embedded import engine as embedded
from stepprove.lean_project.engines.embedded.install import install
from stepprove.lean_project.engines.embedded.node import node_binary
from stepprove.lean_project.engines.embedded.sandbox import sandbox
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.repl.errors import ReplEnded, ReplProtocolError
from stepprove.lean_project.repl.protocol import CommandResponse

SCRIPTS = Path(embedded.__file__).parent


@pytest.fixture
def fresh(engine: Engine) -> Iterator[Repl]:
    with Repl(engine, timeout=120) as repl:
        yield repl


def said(repl: Repl, code: str) -> str:
    answer = repl.command(code)
    assert isinstance(answer, CommandResponse), answer
    return "\n".join(m.data for m in answer.messages)


# The runtime: what compiled code can call.


def test_no_way_to_javascript_text_is_in_the_runtime() -> None:
    scripts = [*SCRIPTS.rglob("*.cjs")]
    assert len(scripts) > 15
    words = re.compile(
        r"\beval\b|\bFunction\s*\(|import\s*\(|child_process|node:net|'net'|'http|'vm'|'dgram'|process\.binding|dlopen"
        r"|run_script|WebSocket|fetch\s*\("
    )
    for script in scripts:
        code = re.sub(r"//.*", "", script.read_text())
        assert not words.search(code), (script.name, words.search(code))


def test_what_lean_may_call_is_a_short_list_without_sockets_processes_and_libraries() -> None:
    listed = """
        const fs = require('fs'), path = require('path'), [runtime, scripts] = process.argv.slice(1);
        const module = new WebAssembly.Module(fs.readFileSync(path.join(runtime, 'lean.wasm')));
        const part = name => require(path.join(scripts, 'runtime', name));
        const heap = {}, none = { find: () => null };
        const bindings = part('bindings.cjs')({ heap, find: () => -1 });
        const parts = [part('files.cjs')({ heap, root: '/' }), part('system.cjs')({}), bindings];
        const names = WebAssembly.Module.imports(module).filter(i => i.kind === 'function').map(i => i.name);
        console.log(JSON.stringify(names.filter(name => parts.some(p => p.find(name)))));
    """
    done = subprocess.run(
        [node_binary(), "-e", listed, install().runtime, SCRIPTS],
        capture_output=True,
        text=True,
        check=True,
    )
    provided = set(json.loads(done.stdout))
    assert "fd_write" in provided and "__syscall_openat" in provided
    assert not [
        n
        for n in provided
        if re.search("socket|connect|bind|dlopen|run_script|_system$|spawn|asm_const_(?!int)", n)
    ]


# Texts that try.

ESCAPES = {
    "write": '#eval (IO.FS.writeFile "{here}/out" "x" : IO Unit)',
    "create": '#eval (IO.FS.createDirAll "{here}/out" : IO Unit)',
    "write_inside": '#eval (IO.FS.writeFile "/lean/lib/lean/Evil.olean" "x" : IO Unit)',
    "write_beside": '#eval (IO.FS.writeFile "/tmp/out" "x" : IO Unit)',
    "remove": '#eval (IO.FS.removeFile "/lean/lib/lean/Init.olean" : IO Unit)',
    "read": '#eval (do IO.println (← IO.FS.readFile "{here}/secret") : IO Unit)',
    "climb": '#eval (do IO.println (← IO.FS.readFile "/lean/../../../../../..{here}/secret") : IO Unit)',
    "process": '#eval (do let _ ← IO.Process.output {{ cmd := "/bin/touch", args := #["{here}/out"] }} : IO Unit)',
    "environment": '#eval (do IO.println ((← IO.getEnv "SECRET_OF_THE_HOST").getD "nothing") : IO Unit)',
}


@pytest.mark.parametrize("name", ESCAPES)
def test_a_program_reaches_nothing_of_the_host(
    engine: Engine, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("the secret")
    monkeypatch.setenv("SECRET_OF_THE_HOST", "the secret")
    before = sorted(p.name for p in install().root.rglob("Init.olean"))
    with Repl(engine, timeout=120) as repl:
        try:
            told = said(repl, ESCAPES[name].format(here=tmp_path))
        except ReplEnded as ended:
            told = str(ended)
    assert "the secret" not in told
    assert [p.name for p in tmp_path.iterdir()] == ["secret"]
    assert not Path("/tmp/out").exists()
    assert sorted(p.name for p in install().root.rglob("Init.olean")) == before


OPENERS = {
    "extern": (
        '@[extern "x"] opaque Lean.loadDynlib (path : @& System.FilePath) : IO Unit\n'
        '#eval Lean.loadDynlib "/lean/lib/lean/Init.olean"',
        "Could not find native implementation of external declaration 'Lean.loadDynlib'",
    ),
    "export": (
        '@[export lean_load_dynlib] opaque foo (p : @& String) : IO Unit\n#eval foo "/x"',
        "Inhabited.default",
    ),
    "the library's own": (
        'import Lean\nopen Lean Elab Term\nelab "go" : term => do\n  Lean.loadDynlib "/lean/lib/lean/Init.olean"\n'
        "  return mkConst ``True.intro\ntheorem t : True := go",
        "_dlopen_js does not exist here",
    ),
}


@pytest.mark.parametrize("way", OPENERS)
def test_no_dynamic_library_is_opened(engine: Engine, way: str) -> None:
    code, why = OPENERS[way]
    with Repl(engine, timeout=120) as repl:
        try:
            told = said(repl, code)
        except ReplEnded as ended:
            told = str(ended)
    assert why in told


def test_a_texts_own_function_is_never_a_compiled_one_of_the_same_name(fresh: Repl) -> None:
    """Under `Init` alone, Lean's own `Lean.Name.isInternal` is compiled in, but no declaration of the text's environment."""
    code = (
        "def Lean.Meta.isExprDefEq (n : Nat) : Nat := n + 1\n#eval Lean.Meta.isExprDefEq 41\n"
        "@[export lean_nat_add_big] def mine (n : Nat) : Nat := n + 2\n#eval mine 40\n"
    )
    assert said(fresh, code).split() == ["42", "42"]


def test_the_librarys_own_functions_run_compiled(fresh: Repl) -> None:
    assert said(fresh, '#eval Nat.gcd 12 18\n#eval ("ab" ++ "c").length') == "6\n3"


# The interpreter tells when it runs.


def test_proofs_run_no_program_and_programs_are_told(fresh: Repl) -> None:
    proofs = (
        "inductive T | a | b deriving DecidableEq, Repr\ndef f : Nat → Nat | 0 => 0 | n + 1 => f n\n"
        "theorem g (n : Nat) : f n = 0 := by induction n <;> simp_all [f]\n"
        "example (a b : Nat) : a + b = b + a := by omega\nexample : 2 ^ 10 = 1024 := by decide\n"
        "example (p q : Prop) : p ∧ q → q ∧ p := by rintro ⟨a, b⟩; exact ⟨b, a⟩\n"
        "example (a b : Int) (h : a < b) : a + 1 ≤ b := by grind\n"
    )
    fresh.command(proofs)
    assert not fresh.ran_programs
    fresh.command("import Lean\nexample (xs : List Nat) : xs ++ [] = xs := by simp")
    assert not fresh.ran_programs
    fresh.command('macro "one" : term => `(1)\nexample : one = 1 := rfl')
    assert fresh.ran_programs
    pid = fresh.pid
    fresh.renew_after_programs()
    fresh.command("example : 1 = 1 := rfl")
    assert fresh.pid != pid
    assert not fresh.ran_programs


# The pipes.

FORGER = """
import sys
sys.stdout.write('{{"ready": true}}\\n\\n')
sys.stdout.flush()
for line in sys.stdin:
    if line.startswith("#token"):
        token = line.split()[1]
    elif line.strip():
        sys.stdout.write({answer!r}.format(token=token, wrong="0" * 32) + '{{"env": 0}}\\n\\n')
        sys.stdout.flush()
"""


def scripted(answer: str) -> Engine:
    """An engine that answers every request, after this first line."""
    return Engine(
        kind="embedded",
        command=(
            sys.executable,
            "-u",
            "-c",
            FORGER.format(answer=answer).replace("{{", "{").replace("}}", "}"),
        ),
        cwd=None,
        lean_version="4.28.0",
        ready_line=True,
        tokens=True,
        supports_inspect=True,
    )


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("", id="no token"),
        pytest.param("#token {wrong} 0\n", id="another token"),
        pytest.param("x\n#token {token} 0\n", id="a stray line"),
        pytest.param("#token {token}\n", id="no count"),
    ],
)
def test_an_answer_without_its_requests_token_breaks_the_protocol(answer: str) -> None:
    probe = scripted("#token {token} 0\n")
    with Repl(probe) as repl:
        assert isinstance(repl.command("x"), CommandResponse)
    with Repl(scripted(answer)) as repl, pytest.raises(ReplProtocolError, match="token"):
        repl.command("x")


def test_lean_code_sees_no_request(fresh: Repl) -> None:
    code = "#eval (do IO.println (repr (← (← IO.getStdin).getLine)) : IO Unit)\n"
    assert "token" not in said(fresh, code)


# Node's walls and the system's.


def test_node_refuses_files_programs_and_text_as_code(engine: Engine, tmp_path: Path) -> None:
    probe = """
        const tries = {
          write: () => require('fs').writeFileSync(process.argv[1], 'x'),
          read: () => require('fs').readFileSync('/etc/passwd'),
          start: () => require('child_process').spawnSync('true'),
          addon: () => process.dlopen({ exports: {} }, '/x.node'),
          text: () => globalThis['ev' + 'al']('1'),
          function: () => new (Object.getPrototypeOf(() => 1).constructor)('return 1'),
        };
        const through = Object.keys(tries).filter(name => { try { tries[name](); return true; } catch { return false; } });
        console.log(JSON.stringify(through));
    """
    options = embedded.permissions(install().folder.resolve())
    assert set(options) <= set(engine.command)
    done = subprocess.run(
        [node_binary(), *options, "-e", probe, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == []


@pytest.mark.skipif(sandbox() is None, reason="this system allows no sandbox")
def test_the_systems_sandbox_has_no_network_and_no_writable_file(tmp_path: Path) -> None:
    walls = sandbox()
    assert walls is not None
    with socket.create_server(("127.0.0.1", 0)) as server:
        probe = (
            "import socket, os\n"
            f"def tries(): yield lambda: open({str(tmp_path / 'out')!r}, 'w')\n"
            f"\ndef net(): socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)\n"
            "def ok(f):\n    try: f()\n    except OSError: return False\n    return True\n"
            "print([ok(f) for f in (*tries(), net)])"
        )
        outside = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
        (tmp_path / "out").unlink()
        inside = subprocess.run(
            [*walls.prefix, sys.executable, "-c", probe], capture_output=True, text=True, check=True
        )
    assert outside.stdout.strip() == "[True, True]"
    assert inside.stdout.strip() == "[False, False]"
    assert os.listdir(tmp_path) == []
