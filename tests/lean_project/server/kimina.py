"""The real client of Kimina Lean Server, from PyPI.

Release 0.2.1 says that it runs on Python 3.9 but describes its answers with `typing.TypedDict`, which pydantic takes only from
Python 3.12 on; until then it is given the one of typing_extensions while it is imported.
"""

from __future__ import annotations

import typing
from unittest.mock import patch

import typing_extensions

with patch.object(typing, "TypedDict", typing_extensions.TypedDict):
    from kimina_client import AsyncKiminaClient, KiminaClient, Snippet
    from kimina_client.models import SnippetStatus

__all__ = ["AsyncKiminaClient", "KiminaClient", "Snippet", "SnippetStatus"]
