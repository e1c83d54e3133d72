"""Unpack Lean's compiled library from the archive in the package."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from stepprove.lean_project.engines.errors import DownloadTampered

_REPORT_EVERY = 100


def unpack(archive: Path, target: Path, progress: Callable[[int, int], None]) -> dict[str, tuple[int, str]]:
    """Write the archive's files under `target`; returns path -> (size in bytes, SHA-256).

    Only plain files with plain relative names are written, each by ourselves, so that no archive can reach
    outside of `target` (Python 3.11.2, Debian 12's, has no extraction filter yet). The `._*` files, which
    macOS put into the archive, are left out. `progress` is told the archive's bytes read so far and its size.
    Raises `DownloadTampered` when a name leaves the folder, or the archive is cut off or no archive.
    """
    total = archive.stat().st_size
    files: dict[str, tuple[int, str]] = {}
    folders = {target}
    try:
        with archive.open("rb") as compressed, tarfile.open(fileobj=compressed, mode="r|gz") as members:
            for number, member in enumerate(members):
                if number % _REPORT_EVERY == 0:
                    progress(compressed.tell(), total)
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts:
                    raise DownloadTampered(_refusal(f"it holds the path {member.name!r}"))
                if member.isdir() or name.name.startswith("._"):
                    continue
                stream = members.extractfile(member) if member.isreg() else None
                if stream is None:
                    raise DownloadTampered(_refusal(f"{member.name!r} is no plain file"))
                path = target / name
                if path.parent not in folders:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    folders.add(path.parent)
                data = stream.read()
                path.write_bytes(data)
                files[str(name)] = (len(data), hashlib.sha256(data).hexdigest())
    except (tarfile.TarError, EOFError) as error:
        raise DownloadTampered(_refusal(str(error) or "it is cut off")) from error
    progress(total, total)
    return files


def _refusal(why: str) -> str:
    return f"The package's library was not unpacked because {why}: run `stepprove setup --embedded` again."
