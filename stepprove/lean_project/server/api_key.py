"""The API key of a Lean server, for server and client."""

from __future__ import annotations

import os

KEY_VARIABLES = ("STEPPROVE_API_KEY", "LEAN_SERVER_API_KEY")
"""The environment variables of the key, in order; the second is Kimina Lean Server's."""


def key_from_environment() -> str | None:
    """The API key from the environment; None if none is set."""
    return next((os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)), None)
