"""Requests that name files, for an engine without access to files: this process reads and writes them.

A `file` request becomes a command with the file's text. The engine makes and reads a pickle as text (`session/pickle.cjs`);
this process writes it by one rename.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Answered = tuple[dict[str, Any], T]


def on_host(payload: Mapping[str, Any], ask: Callable[[Mapping[str, Any]], Answered[T]]) -> Answered[T]:
    """Read the files that a request names, send it, and write the files of its answer.

    A file error becomes the answer, in the words of Lean or of the engine.

    Args:
        payload: the request.
        ask: sends a request to the engine.
    """
    if isinstance(path := payload.get("path"), str) and "cmd" not in payload:
        try:
            text = Path(path).read_bytes().decode()
        except FileNotFoundError:
            return _refused(ask, f"no such file or directory (error code: 2)\n  file: {path}")
        except (OSError, UnicodeDecodeError) as error:
            return _refused(ask, f"cannot read {path}: {_words(error)}")
        return ask({**{name: value for name, value in payload.items() if name != "path"}, "cmd": text})
    for field in ("unpickleEnvFrom", "unpickleProofStateFrom"):
        if isinstance(path := payload.get(field), str):
            try:
                text = Path(path).read_bytes().decode(errors="replace")
            except OSError as error:
                return _refused(ask, f"cannot read {path}: {_words(error)}")
            return ask({**payload, "pickle": text})
    answer, extra = ask(payload)
    if isinstance(path := payload.get("pickleTo"), str) and isinstance(
        text := answer.pop("pickle", None), str
    ):
        try:
            _write(Path(path), text)
        except OSError as error:
            return {"message": f"cannot write {path}: {_words(error)}"}, extra
    return answer, extra


def _refused(ask: Callable[[Mapping[str, Any]], Answered[T]], message: str) -> Answered[T]:
    """An error answer, with the number of the process that would have given it."""
    _, extra = ask({"forget": {}})
    return {"message": message}, extra


def _words(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
