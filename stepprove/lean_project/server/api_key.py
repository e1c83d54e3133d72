"""The key of a Lean server, as server and client find it."""

from __future__ import annotations

import os

KEY_VARIABLES = ("STEPPROVE_API_KEY", "LEAN_SERVER_API_KEY")
"""Where the key is looked for; the second is Kimina Lean Server's."""


def key_from_environment() -> str | None:
    """The key that requests must carry; None when none is set."""
    return next((os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)), None)
