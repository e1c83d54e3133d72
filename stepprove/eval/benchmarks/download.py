"""Fetch a benchmark's files: from a path, a git repository, or a dataset of the Hugging Face Hub."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from stepprove.files.private_folder import private_folder


class NotFetched(Exception):
    """The files cannot be fetched; the message is one sentence."""


_GIT = re.compile(r"^(https?|ssh|git|file)://|^[\w.-]+@[\w.-]+:")
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"[A-Za-z0-9][\w./+-]*")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A benchmark's files, or its records if they are not files."""

    origin: str
    """As the user named it, or the benchmark's own."""
    revision: str | None
    """The commit, if there is one."""
    path: Path | None
    records: tuple[Mapping[str, Any], ...] = ()


def fetch(origin: str, revision: str | None = None) -> Fetched:
    """Fetch from a path, a git URL, or `owner/name` on the Hub; raise NotFetched."""
    path = Path(origin).expanduser()
    if path.exists():
        if revision is not None:
            raise NotFetched(f"--revision is for git repositories and the Hub; {origin} is a path.")
        return Fetched(origin, None, path)
    if _GIT.match(origin):
        return _cloned(origin, revision)
    if _HUB.fullmatch(origin):
        return _from_hub(origin, revision)
    raise NotFetched(f"{origin} is no file or folder, no git URL and no data set's name on the Hub.")


def _cloned(url: str, revision: str | None) -> Fetched:
    """Fetch one commit of a git repository into the cache, unless it is there already."""
    if revision is not None and not _REVISION.fullmatch(revision):
        raise NotFetched(f"{revision!r} is no commit, branch or tag.")
    folder = user_cache_path("stepprove") / "benchmarks" / hashlib.sha256(url.encode()).hexdigest()[:16]
    try:
        private_folder(folder)
    except OSError as wrong:
        raise NotFetched(f"{folder} cannot be made: {wrong.strerror}.") from None
    _must(url, folder, "init", "--quiet")
    commit = revision or ""
    if not _COMMIT.fullmatch(commit) or _git(folder, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        _must(url, folder, "fetch", "--quiet", "--depth", "1", "--", url, revision or "HEAD")
        commit = _must(url, folder, "rev-parse", "--verify", "FETCH_HEAD")
    _must(url, folder, "checkout", "--quiet", "--force", "--detach", commit)
    _must(url, folder, "clean", "--quiet", "-dfx")
    return Fetched(url, commit, folder)


def _must(url: str, folder: Path, *words: str) -> str:
    done = _git(folder, *words)
    if done.returncode:
        message = (done.stderr.strip().splitlines() or ["it gives no reason"])[0]
        raise NotFetched(f"git could not read {url}: {message.rstrip('.')}.")
    return done.stdout.strip()


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run git in a folder without prompts, and with no transports but these."""
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file"}
    outside = {key: value for key, value in os.environ.items() if not key.startswith("GIT_DIR")}
    try:
        return subprocess.run(
            ["git", "-c", "advice.detachedHead=false", "-C", str(folder), *words],
            env={**outside, **quiet},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    except OSError:
        raise NotFetched(
            "git is not installed: fetch the benchmark yourself and name its folder with --path."
        ) from None


def _from_hub(name: str, revision: str | None) -> Fetched:
    """Return the records of all splits of a dataset on the Hub."""
    try:
        from datasets import Dataset, load_dataset
    except ModuleNotFoundError:
        raise NotFetched(
            f"Reading {name} from the Hub needs `pip install datasets`; or name a file of yours with --path."
        ) from None
    try:
        whole = load_dataset(name, revision=revision)
    except Exception as wrong:  # the library raises what its parts raise, of a dozen kinds
        message = (str(wrong).strip() or type(wrong).__name__).splitlines()[0].rstrip(".")
        raise NotFetched(
            f"{name} cannot be read from the Hub ({message[:200]}); name a file or folder of yours with --path."
        ) from None
    parts = {"": whole} if isinstance(whole, Dataset) else dict(whole)
    return Fetched(name, revision, None, tuple(_records(parts)))


def _records(parts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for split, rows in parts.items():
        for row in rows:
            yield {"split": split, **row}
