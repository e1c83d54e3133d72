"""A cache of proofs, so that a killed run does not search for them again; the gate checks each cached proof anew."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import orjson
from platformdirs import user_cache_dir

from stepprove.files.private_folder import private_folder
from stepprove.storage import replacing


class ProofCache:
    """Scripts by the exact text before the hole, its declaration, and the engine."""

    def __init__(self, folder: Path | None = None) -> None:
        cache = os.environ.get("STEPPROVE_CACHE") or user_cache_dir("stepprove")
        self._folder = folder or Path(cache) / "proofs"

    def key(self, lean_version: str, before: Sequence[str], chunk: str, place: int) -> str:
        """Return the key of a hole.

        Args:
            lean_version: of the engine.
            before: the texts before the chunk.
            chunk: the text of the hole's chunk.
            place: the number of the hole in the chunk, from 0.
        """
        digest = hashlib.sha256()
        for part in (lean_version, str(place), *before, chunk):
            digest.update(f"{len(part)}:".encode())
            digest.update(part.encode())
        return digest.hexdigest()

    def recall(self, key: str) -> tuple[str, str] | None:
        """Return (script, its finder) of a cached proof, or None."""
        try:
            record = orjson.loads(self._path(key).read_bytes())
            return str(record["script"]), str(record["found_by"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, key: str, script: str, found_by: str) -> None:
        """Write a proof to the cache at once; ignore a cache that cannot be written."""
        record = orjson.dumps({"script": script, "found_by": found_by})
        try:
            path = self._path(key)
            private_folder(path.parent)
            with replacing(path, shared=True) as file:
                file.write(record)
        except OSError:
            return

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"
