"""Files that survive a kill: torn lines, replacement, locks."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stepprove.storage import (
    AlreadyRunning,
    append_line,
    cut_torn_line,
    read_whole_lines,
    replacing,
    run_lock,
)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"torn", []),
        (b"a\n", [b"a"]),
        (b"a\nb\ntorn", [b"a", b"b"]),
        (b"a\r\n\nb\n", [b"a", b"b"]),
        ("a\u2028b\n".encode(), ["a\u2028b".encode()]),
        (b"a\x0bb\x1cc\n", [b"a\x0bb\x1cc"]),
    ],
)
def test_a_torn_line_is_ignored_and_cut(tmp_path: Path, content: bytes, lines: list[bytes]) -> None:
    path = tmp_path / "lines"
    path.write_bytes(content)
    assert read_whole_lines(path) == lines
    cut_torn_line(path)
    assert path.read_bytes() == content[: content.rfind(b"\n") + 1]
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    append_line(descriptor, b"new\n", sync=True)
    os.close(descriptor)
    assert read_whole_lines(path) == [*lines, b"new"]


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert read_whole_lines(tmp_path / "none") == []


@pytest.mark.parametrize("shared", [False, True])
def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path, shared: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), replacing(path, shared=shared) as file:
        file.write(b"half")
        1 / 0  # noqa: B018 - it raises
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]
    with replacing(path, sync=True, shared=shared) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]
    assert not shared or stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_run_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    other = (
        "import sys; from pathlib import Path; from stepprove.storage import run_lock\n"
        "with run_lock(Path(sys.argv[1])): pass"
    )
    command = [sys.executable, "-c", other, str(path)]
    with run_lock(path):
        held = subprocess.run(command, capture_output=True, text=True)
        with pytest.raises(AlreadyRunning), run_lock(path):
            pass
    assert held.returncode != 0 and "AlreadyRunning" in held.stderr
    subprocess.run(command, check=True)
