"""A scripted formalizer for the tests of autoformalization."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scripted_formalizer import ScriptedFormalizer


@pytest.fixture(scope="session")
def formalizer() -> Iterator[ScriptedFormalizer]:
    server = ScriptedFormalizer()
    yield server
    server.close()
