"""An on-disk cache of a model's replies that replays a run.

A run may repeat a request to get another sample, so a key counts equal requests: a second run gets the same replies in the
same order, and requests beyond the recorded ones go to the model.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from stepprove.files.private_folder import private_folder
from stepprove.serving.client.exchange import Reply


class ReplayCache:
    """Replies by request in a folder, one file each; several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts: Counter[str] = Counter()

    def key(self, request: dict[str, Any]) -> str:
        """Return the key of the next request, and count the request."""
        text = hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).hexdigest()
        self._counts[text] += 1
        return f"{text}-{self._counts[text]}"

    def get(self, key: str) -> Reply | None:
        """Return the reply under a key; None where none can be read."""
        try:
            reply = Reply.model_validate_json(self._path(key).read_bytes())
        except (OSError, ValidationError):
            return None
        return reply.model_copy(update={"replayed": True})

    def put(self, key: str, reply: Reply) -> None:
        """Write a reply atomically. Raises OSError."""
        path = self._path(key)
        private_folder(path.parent)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(reply.model_dump_json().encode())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"
