"""Safe parsing of clients' texts: a separate process parses a long text first, within limits on time and memory.

`parse_source` is linear, but a server does not stake its event loop and memory on that. Short texts cannot cost much.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import resource
import sys
from dataclasses import dataclass, replace
from typing import Literal

from stepprove.lean_project.source.file import MAX_BYTES, SourceFile, parse_source
from stepprove.lean_project.source.holes import Positions
from stepprove.lean_project.source.lexer import Code

_SHORT = 50_000
"""The most characters of a text that this process parses itself."""
_AT_ONCE = 2


class TooMuch(Exception):
    """Parsing a text exceeds its limits; the message is one sentence."""

    def __init__(self, sentence: str, ending: Literal["timeout", "memory"]) -> None:
        super().__init__(sentence)
        self.ending = ending


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """The limits on parsing one text."""

    seconds: float = 30.0
    """Wall-clock seconds in the separate process."""
    memory_mb: int = 500
    """Memory in 10**6 B, beyond Python's own."""
    max_bytes: int = MAX_BYTES
    """Bytes of its UTF-8."""


class Parser:
    """Parses texts for a server."""

    def __init__(self, limits: ParseLimits = ParseLimits()) -> None:
        self._limits = limits
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def vet(self, text: str) -> None:
        """Check that this process can safely parse a text. Raises TooMuch."""
        if len(text) > _SHORT:
            await self._apart(text, "vet")

    async def parse(self, text: str) -> SourceFile:
        """Parse a text as `parse_source` does; its tokens are computed again on demand. Raises TooMuch."""
        if len(text) <= _SHORT:
            return await asyncio.to_thread(_parsed, text)
        answer = await self._apart(text, "parse")
        source: SourceFile = await asyncio.to_thread(pickle.loads, answer)
        return source

    async def _apart(self, text: str, what: Literal["vet", "parse"]) -> bytes:
        limits, data = self._limits, text.encode()
        if len(data) > limits.max_bytes:
            raise TooMuch(
                f"the text has more than {limits.max_bytes / 1e6:g} MB, the most that is read", "memory"
            )
        async with self._places:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", __name__, what, str(limits.memory_mb)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                async with asyncio.timeout(limits.seconds):
                    answer, _ = await child.communicate(data)
            except TimeoutError:
                raise TooMuch(
                    f"taking the text apart timed out after {limits.seconds:g} s", "timeout"
                ) from None
            finally:
                if child.returncode is None:
                    child.kill()
                    await asyncio.shield(child.wait())
        if child.returncode != 0:
            raise TooMuch(f"taking the text apart needs more than {limits.memory_mb} MB", "memory")
        return answer


def _parsed(text: str) -> SourceFile:
    source = parse_source(text)
    return replace(source, positions=Positions(Code(text), source.chunks))


def _main(what: str, memory_mb: int) -> None:
    """The separate process, which reads a text from stdin."""
    with contextlib.suppress(OSError, ValueError):  # not every system has this limit
        page = os.sysconf("SC_PAGE_SIZE")
        with open("/proc/self/statm") as file:
            mine = int(file.read().split()[0]) * page
        limit = mine + memory_mb * 1_000_000
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        source = _parsed(sys.stdin.buffer.read().decode())
        if what == "parse":
            sys.stdout.buffer.write(pickle.dumps(source))
            sys.stdout.buffer.flush()
    except MemoryError:
        os._exit(1)


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
