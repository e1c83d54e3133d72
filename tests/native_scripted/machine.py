"""A machine whose elan, lake and repl are scripts: native mode without a toolchain.

The scripts answer as the real programs do: Lake's exit codes and words, the REPL's protocol. `golden_repl.py` answers from the
community REPL's own transcripts; `lean_repl.py` is real Lean behind a plain REPL.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import orjson

from stepprove.lean_project.engines.engine import Engine

HERE = Path(__file__).parent
MATHLIB = "8f9d9cff6bd728b17a24e163c9402775d9e6a365"

# Tells its version, and otherwise answers every command with where it was started.
WHERE_REPL = """#!{python}
import json, os, sys
for line in sys.stdin:
    if line.strip():
        request = json.loads(line)
        data = '"{version}"' if "versionString" in request.get("cmd", "") else os.getcwd()
        message = {{"severity": "info", "pos": {{"line": 1, "column": 0}}, "endPos": None, "data": data}}
        answer = {{"env": 0, "messages": [message]}} if "cmd" in request else {{"message": "Unknown proof state."}}
        print(json.dumps(answer) + "\\n", flush=True)
"""

BROKEN_REPL = """#!{python}
import sys
sys.exit("uncaught exception: failed to read file '/lean/lib/lean/Init.olean', incompatible header")
"""


def script(path: Path, text: str) -> Path:
    """Write a program; `{python}` in it stands for this Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def where_repl(version: str = "4.28.0") -> str:
    """The text of a REPL of a version of Lean."""
    return WHERE_REPL.format(python=sys.executable, version=version)


@dataclass
class Machine:
    """A home without Lean, and ways to put parts of it there."""

    folder: Path

    @property
    def project(self) -> Path:
        """The root of the Lake project that `add_project` makes."""
        return self.folder / "project"

    def add_lake(self, *, elan: bool = True, version: str = "4.28.0", fails: tuple[str, ...] = ()) -> None:
        """Put `lake` on the PATH, and elan; `fails` are the arguments of a call that does not succeed."""
        settings = {
            "calls": str(self.folder / "calls"),
            "version": version,
            "fails": fails,
            "repl": where_repl(),
        }
        text = f"#!{sys.executable}\nsettings = {settings!r}\n" + (HERE / "scripted_lake.py").read_text()
        script(self.folder / "bin" / "lake", text)
        if elan:
            script(self.folder / "bin" / "elan", "#!/bin/sh\n")

    def add_toolchain(self) -> None:
        """Install Lean 4.28.0, as elan does."""
        (self.folder / "elan" / "toolchains" / "leanprover--lean4---v4.28.0").mkdir(parents=True)

    def add_project(
        self, *, toolchain: str = "leanprover/lean4:v4.28.0\n", repl: str | None = where_repl()
    ) -> Path:
        """A Lake project with a file in a folder; returns the file."""
        root = self.project
        (root / "Sub").mkdir(parents=True)
        (root / "lakefile.toml").write_text('name = "project"\n')
        (root / "lean-toolchain").write_text(toolchain)
        packages = [{"name": "batteries", "rev": "1" * 40}, {"name": "mathlib", "rev": MATHLIB}]
        (root / "lake-manifest.json").write_text(json.dumps({"version": "1.1.0", "packages": packages}))
        if repl is not None:
            self.add_repl(repl)
        (root / "Sub" / "File.lean").write_text("")
        return root / "Sub" / "File.lean"

    def add_repl(self, text: str) -> Path:
        """Build the project's REPL, another text over the one before."""
        return script(self.project / ".lake" / "packages" / "REPL" / ".lake" / "build" / "bin" / "repl", text)

    def add_golden_repl(self, folders: list[Path]) -> Path:
        """Have the project's REPL answer from transcripts."""
        settings = {"folders": [str(folder) for folder in folders]}
        text = f"#!{sys.executable}\nsettings = {settings!r}\n" + (HERE / "golden_repl.py").read_text()
        return self.add_repl(text)

    def add_lean_repl(self, engine: Engine) -> Path:
        """Have the project's REPL be real Lean that knows only what the community's REPL knows."""
        settings = {"command": engine.command, "environment": dict(engine.environment)}
        text = f"#!{sys.executable}\nsettings = {settings!r}\n" + (HERE / "lean_repl.py").read_text()
        return self.add_repl(text)

    def add_module(
        self, name: str, *, package: str | None = None, compiled: bool = True, folder: str = ""
    ) -> None:
        """A module of the project or of one of its packages; Lake compiles those of the project itself."""
        root = self.project / ".lake" / "packages" / package if package else self.project
        source = root / folder / Path(*name.split(".")).with_suffix(".lean")
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text("")
        if compiled:
            target = root / ".lake" / "build" / "lib" / "lean" / Path(*name.split(".")).with_suffix(".olean")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("")

    def calls(self) -> list[str]:
        """What Lake was asked to do, `lake env` and `lake --version` left out."""
        noted = self.folder / "calls"
        return noted.read_text().splitlines() if noted.exists() else []

    def manifest(self) -> dict[str, dict[str, str]]:
        """The packages that the workspace pins, by name."""
        text = (self.folder / "data" / "workspace" / "lake-manifest.json").read_bytes()
        return {package["name"]: package for package in orjson.loads(text)["packages"]}
