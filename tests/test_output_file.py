"""What becomes of a file that is written: its content alone."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stepprove.agent.file.proof_cache import ProofCache
from stepprove.files.output_file import OutputChanged, OutputError, require_writable, write_output
from stepprove.files.private_folder import private_folder

ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not ROOT, reason="needs root: another owner, a mount")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.lean"
    path.write_bytes(b"old")
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refused(path: Path, **options: object) -> str:
    with pytest.raises(OutputError) as problem:
        write_output(path, "new", **options)  # type: ignore[arg-type]
    return str(problem.value)


def test_a_written_file_keeps_its_mode(path: Path) -> None:
    path.chmod(0o640)

    done = write_output(path, "é\r\n")

    assert path.read_bytes() == "é\r\n".encode()
    assert mode(path) == 0o640
    assert done.changed and not done.remarks
    assert list(path.parent.iterdir()) == [path]


def test_a_new_file_has_the_mode_of_its_like_or_the_usual_one(path: Path) -> None:
    path.chmod(0o4604)

    write_output(path.with_name("b.lean"), b"new", like=path)
    write_output(path.with_name("c.lean"), b"new")
    path.with_name("d.lean").touch()

    assert mode(path.with_name("b.lean")) == 0o604
    assert mode(path.with_name("c.lean")) == mode(path.with_name("d.lean"))


def test_nothing_is_written_when_nothing_changed(path: Path) -> None:
    os.utime(path, ns=(1, 1))
    before = path.stat()

    assert not write_output(path, "old").changed

    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (before.st_ino, 1, before.st_ctime_ns)


@pytest.mark.parametrize("content", [b"n", b"new and longer" * 1000, b""])
def test_a_hard_link_stays_one_file(path: Path, content: bytes) -> None:
    other = path.with_name("other.lean")
    os.link(path, other)

    write_output(path, content)

    assert path.samefile(other)
    assert other.read_bytes() == content
    assert sorted(path.parent.iterdir()) == [path, other]


def test_a_hard_link_that_cannot_be_written_keeps_its_content(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.link(path, path.with_name("other.lean"))

    def full(descriptor: int, offset: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)

    with pytest.raises(OutputError, match="the disk is full"):
        write_output(path, "new and longer")
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(("bit", "named"), [(stat.S_ISUID, "set-user-ID"), (stat.S_ISGID, "set-group-ID")])
@pytest.mark.parametrize("linked", [False, True])
def test_the_right_to_run_as_another_goes_with_a_word(path: Path, bit: int, named: str, linked: bool) -> None:
    path.chmod(0o755 | bit)
    if linked:
        os.link(path, path.with_name("other"))

    (remark,) = write_output(path, "new").remarks

    assert named in remark
    assert mode(path) == 0o755


@root_only
@pytest.mark.parametrize("linked", [False, True])
def test_owner_and_group_stay(path: Path, linked: bool) -> None:
    os.chown(path, 12345, 23456)
    path.chmod(0o640)
    if linked:
        os.link(path, path.with_name("other"))

    write_output(path, "new")

    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (12345, 23456, 0o640)


_ACL = bytes.fromhex(
    "0200000001000700ffffffff020007003930000004000500ffffffff10000700ffffffff20000500ffffffff"
)
"""Read, write and run for user 12345, beside the usual entries."""


@pytest.mark.parametrize(("name", "value"), [("user.note", b"mine"), ("system.posix_acl_access", _ACL)])
@pytest.mark.parametrize("linked", [False, True])
def test_access_lists_and_attributes_stay(path: Path, name: str, value: bytes, linked: bool) -> None:
    try:
        os.setxattr(path, name, value)
    except OSError:
        pytest.skip("the file system has none")
    if linked:
        os.link(path, path.with_name("other"))
    before = mode(path)

    write_output(path, "new")

    assert os.getxattr(path, name) == value
    assert mode(path) == before
    assert path.read_text() == "new"


def test_a_symbolic_link_is_followed_only_where_that_is_said(path: Path) -> None:
    link = path.with_name("link.lean")
    link.symlink_to("a.lean")

    assert "is a symbolic link, which is not followed" in refused(link)
    with pytest.raises(OutputError, match="symbolic link"):
        require_writable(link)
    assert path.read_text() == "old"

    require_writable(link, follow=True)
    done = write_output(link, "new", follow=True)
    assert done.path == path and link.is_symlink() and path.read_text() == "new"


def test_a_link_to_nowhere_is_not_followed_either(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "secret")

    assert "symbolic link" in refused(tmp_path / "link")
    assert not (tmp_path / "secret").exists()


def test_edits_of_others_are_not_undone(path: Path) -> None:
    with pytest.raises(OutputChanged):
        write_output(path, "new", expected=b"older")
    assert path.read_text() == "old"
    path.unlink()
    with pytest.raises(OutputChanged):
        write_output(path, "new", expected=b"old")
    assert not path.exists()


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (lambda folder: folder, "is a directory, not a file to write."),
        (lambda folder: folder / "no/a.lean", "cannot be written: its directory does not exist."),
        (lambda folder: folder / "a.lean/b", "cannot be written: "),
        (lambda folder: Path(os.devnull), "is not a regular file."),
        (_pipe, "is not a regular file."),
        (lambda folder: Path("a\0b"), "cannot be written: embedded null byte."),
        (lambda folder: folder / ("x" * 300), "cannot be written: file name too long."),
    ],
)
def test_what_cannot_be_written_is_said(path: Path, where: Callable[[Path], Path], said: str) -> None:
    target = where(path.parent)

    assert said in refused(target)
    with pytest.raises(OutputError):
        require_writable(target)


@pytest.mark.parametrize("linked", [False, True])
def test_a_file_that_outgrows_its_limit_keeps_its_content(path: Path, linked: bool) -> None:
    if linked:
        os.link(path, path.with_name("other"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OutputError, match="the disk is full"):
            write_output(path, "new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert path.read_text() == "old"
    assert not list(path.parent.glob(".stepprove*"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True
    ).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


@root_only
@pytest.mark.parametrize("linked", [False, True])
def test_a_full_disk_costs_nothing(small_disk: Path, linked: bool) -> None:
    path = small_disk / "a.lean"
    path.write_bytes(b"o" * 20_000)
    if linked:
        os.link(path, small_disk / "other")

    with pytest.raises(OutputError, match="the disk is full"):
        write_output(path, b"n" * 60_000)

    assert path.read_bytes() == b"o" * 20_000


def test_a_folder_of_a_cache_is_the_users_alone(tmp_path: Path) -> None:
    os.umask(before := os.umask(0o022))
    assert before is not None
    made = private_folder(tmp_path / "cache/a/b")
    ProofCache(tmp_path / "proofs").keep("abcdef", "simp", "simp")

    assert [mode(p) for p in (made, made.parent, made.parent.parent)] == [0o700] * 3
    assert mode(tmp_path / "proofs") == mode(tmp_path / "proofs/ab") == 0o700


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o775)

    private_folder(tmp_path / "shared/mine")

    assert mode(tmp_path / "shared") == 0o775
    with pytest.raises(OSError):
        (tmp_path / "file").touch()
        private_folder(tmp_path / "file")
