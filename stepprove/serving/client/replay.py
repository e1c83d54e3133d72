"""An on-disk cache of a model's replies, with which a run can be played again.

The same request may be made more than once for other samples, so its place in the order of equal requests belongs to its key: a
second run that asks in the same way gets the same replies in the same order, and whatever it asks beyond goes to the model.
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

from stepprove.private_folder import private_folder
from stepprove.serving.client.exchange import Reply


class ReplayCache:
    """Replies by request in a folder, one file each; several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked: Counter[str] = Counter()

    def key(self, request: dict[str, Any]) -> str:
        """The key of a request that is about to be made; counts it."""
        text = hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).hexdigest()
        self._asked[text] += 1
        return f"{text}-{self._asked[text]}"

    def get(self, key: str) -> Reply | None:
        """The reply under a key; None where there is none that can be read."""
        try:
            found = Reply.model_validate_json(self._path(key).read_bytes())
        except (OSError, ValidationError):
            return None
        return found.model_copy(update={"replayed": True})

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply. Raises OSError when it cannot be written."""
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
