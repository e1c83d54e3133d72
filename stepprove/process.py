"""One child process, written and read in blocks that end with a blank line.

`Child` is a pexpect spawn on three pipes. Pexpect's own `PopenSpawn` polls a reader thread for 1 kB at a time, which keeps the
processor busy while Lean thinks and is slow for answers of many MB, and it mixes stderr into the answers. Here one `poll` waits
for the first of the three pipes: no thread, and no deadlock between a request larger than the pipe and its answer.

The child leads a session of its own and never outlives its owner. `end()`, the garbage collector and the interpreter's exit kill
it with every process that it started. If the owner is killed with -9, a watcher in the child's process group does: it reads a
pipe whose other end the owner alone holds. (Linux's PR_SET_PDEATHSIG fires when the *thread* that started the child ends.)
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import re
import select
import shutil
import signal
import subprocess
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import pexpect
from pexpect.expect import searcher_string
from pexpect.spawnbase import SpawnBase

from stepprove.process_group import signal_group, start_group

__all__ = ["Child", "ChildDied", "ChildError", "ChildSilent", "ChildTooBig", "ChildTooLoud"]

_TERM_GRACE = 0.25
"""Seconds between SIGTERM and SIGKILL."""

_EXIT_GRACE = 0.5
"""Seconds for a child that closed its stdout to exit by itself, with its own exit status."""

_STDERR_KEPT = 16_384
"""How many of the last bytes of stderr to keep."""

_MEMORY_INTERVAL = 0.25
"""Seconds between two checks of the child's memory during a wait."""

_LONGEST_POLL = 2**31 - 1
"""The longest time-out of `poll`, in milliseconds."""

_CHUNK = 1 << 16
_BLANK_LINE = re.compile(rb"\n\r?\n")
_SOMETHING = re.compile(rb"(?s).+")

# Code in the child can read its environment and print it.
_SECRET = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)

_numbers = itertools.count(1)


class ChildError(Exception):
    """The child gave no whole block."""


class ChildSilent(ChildError):
    """The deadline passed."""


class ChildDied(ChildError):
    """The child closed its stdout."""


class ChildTooLoud(ChildError):
    """The child printed more than the limit of a block."""


class ChildTooBig(ChildError):
    """The child and its descendants exceed their memory limit; the argument is their memory, in 10**6 B."""


class _BlankLineSearcher(searcher_string):  # type: ignore[misc]  # pexpect has no types
    """Searches for the end of a block. An answer of many MB is mostly one long line, where a search for one byte is far faster
    than a search for two.
    """

    def __init__(self) -> None:
        super().__init__([b"\n\r\n"])  # its length says how much old output may belong to the end

    def search(self, buffer: bytes, freshlen: int, searchwindowsize: int | None = None) -> int:
        """Return 0 and set `start` and `end` if a block ends in the buffer; -1 if none does."""
        first = max(0, len(buffer) - freshlen - 2)
        if buffer.find(b"\n", first) < 0 or (found := _BLANK_LINE.search(buffer, first)) is None:
            return -1
        self.match = found.group()
        self.start, self.end = found.span()
        return 0


class Child(SpawnBase):  # type: ignore[misc]  # pexpect has no types
    """A started process.

    Args:
        command: the program and its arguments.
        cwd: its working directory; None: the owner's.
        environment: variables added to the owner's; variables of the owner whose names suggest a secret are withheld.
        block_limit: the most bytes of one block.
        memory_limit_mb: resident memory of the process tree during a wait, in 10**6 B.
        data_limit_mb: allocations of each of its processes, resident or not, in 10**6 B (RLIMIT_DATA): a bound on its growth
            between two memory checks. It has no effect on a system without this limit.

    Raises:
        OSError: the program or the directory does not exist.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        block_limit: int,
        memory_limit_mb: float | None = None,
        data_limit_mb: float | None = None,
    ) -> None:
        super().__init__(timeout=None, maxread=_CHUNK)
        self.delayafterread = None  # pexpect would sleep after each read
        self.number = next(_numbers)
        """Unique among the children of this Python program."""
        self.programs = 0
        """How many programs its interpreter has run, by its last report."""
        self._block_limit = block_limit
        self._memory_limit_mb = memory_limit_mb
        self._memory_seen_at = 0.0
        self._deadline = math.inf
        self._fresh: deque[bytes] = deque()  # output that pexpect has not seen
        self._eof = False
        self._unfinished = 0  # bytes since the last block
        self._errors = bytearray()

        variables = {name: value for name, value in os.environ.items() if not _SECRET.search(name)}
        popen, lifeline = _start(command, cwd, {**variables, **(environment or {})}, data_limit_mb)
        self._popen = popen
        self.pid = popen.pid
        self.end = weakref.finalize(self, _end, popen, lifeline, os.getpid())
        """Kill the child and its descendants, and close the pipes; harmless when repeated."""
        assert popen.stdin and popen.stdout and popen.stderr
        self._stdin, self._stdout, self._stderr = (
            pipe.fileno() for pipe in (popen.stdin, popen.stdout, popen.stderr)
        )
        for descriptor in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(descriptor, False)
        self._poll = select.poll()
        self._poll.register(self._stdout, select.POLLIN)
        self._poll.register(self._stderr, select.POLLIN)

    def send_block(self, block: bytes, deadline: float) -> None:
        """Write a block and the blank line after it.

        It returns if the child has stopped reading, so that the caller reads the child's output first.

        Args:
            block: the bytes.
            deadline: a reading of `time.monotonic()`, in seconds.

        Raises:
            ChildSilent, ChildTooLoud, ChildTooBig: the child did not read the block.
        """
        self._deadline = deadline
        rest = memoryview(block + b"\n\n")
        while rest and not self._eof:
            try:
                rest = rest[os.write(self._stdin, rest) :]
            except BlockingIOError:
                self._poll.register(self._stdin, select.POLLOUT)
                try:
                    self._wait()
                finally:
                    self._poll.unregister(self._stdin)
            except BrokenPipeError:
                return

    def read_block(self, deadline: float) -> bytes:
        """Return the child's output up to the next blank line.

        Args:
            deadline: a reading of `time.monotonic()`, in seconds.

        Raises:
            ChildError: the child gave no whole block; `unfinished_block()` has its beginning.
        """
        self._deadline = deadline
        try:
            self.expect_loop(_BlankLineSearcher(), timeout=None)
        except pexpect.EOF:
            raise ChildDied from None
        self._unfinished = len(self.buffer)
        block: bytes = self.before
        return block

    def read_unasked(self) -> bytes:
        """Return the child's output since its last block, without waiting.

        Raises:
            ChildDied: the child has ended.
        """
        self._read_ready(0)
        unasked = b""
        while self._fresh or self.buffer:
            self.expect([_SOMETHING])
            unasked += self.after
        if self._eof:
            raise ChildDied
        self._unfinished = 0
        return unasked

    def unfinished_block(self) -> bytes:
        """Return the beginning of an unfinished block."""
        return bytes(self.before or b"")

    def stderr_tail(self) -> str:
        """Return the last output on stderr, up to 16 kB."""
        self._read_errors()
        return self._errors.decode(errors="replace").strip()

    def exit_status(self) -> int | None:
        """Return the status of a child that closed its stdout, -9 for SIGKILL; None if it is still running."""
        try:
            return self._popen.wait(_EXIT_GRACE)
        except subprocess.TimeoutExpired:
            return None

    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._popen.poll() is None

    def interrupt(self) -> None:
        """Kill the child's processes and nothing else: safe while another thread waits for an answer."""
        if self.end.alive:
            signal_group(self.pid, signal.SIGKILL)

    def memory_mb(self) -> float:
        """Return the resident memory of the child and its descendants, in MB (10**6 B); 0 if it has ended."""
        if Path("/proc/self/statm").exists():
            return _memory_from_proc(self.pid) / 1e6
        return _memory_from_ps(self.pid) / 1e6

    def check_memory(self, interval: float) -> None:
        """Compare the memory with its limit, at most once in `interval` seconds.

        A check takes some ms, since every thread may have children of its own.

        Raises:
            ChildTooBig: the memory is above the limit.
        """
        now = time.monotonic()
        if self._memory_limit_mb is None or now - self._memory_seen_at < interval:
            return
        self._memory_seen_at = now
        if (used := self.memory_mb()) > self._memory_limit_mb:
            raise ChildTooBig(used)

    def read_nonblocking(self, size: int = 1, timeout: float | None = None) -> bytes:
        """Wait for output and return some; pexpect reads through this method."""
        while not self._fresh:
            if self._eof:
                raise pexpect.EOF("end of file")
            self._wait()
        return self._fresh.popleft()

    def _wait(self) -> None:
        """Wait until a pipe is ready, and read from it."""
        now = time.monotonic()
        remaining = self._deadline - now
        if remaining <= 0:
            raise ChildSilent
        if self._memory_limit_mb is not None:
            self.check_memory(_MEMORY_INTERVAL)
            remaining = min(remaining, _MEMORY_INTERVAL)
        self._read_ready(remaining)

    def _read_ready(self, seconds: float) -> None:
        """Wait up to `seconds` for any pipe, and read from each that is ready."""
        milliseconds = min(math.ceil(min(seconds, 1e9) * 1000), _LONGEST_POLL)
        for descriptor, _ in self._poll.poll(milliseconds):
            if descriptor == self._stdout:
                self._read_output()
            elif descriptor == self._stderr:
                self._read_errors()

    def _read_output(self) -> None:
        """Read from stdout."""
        data = os.read(self._stdout, _CHUNK)
        if not data:
            self._eof = True
            self._poll.unregister(self._stdout)
            return
        self._fresh.append(data)
        self._unfinished += len(data)
        if self._unfinished > self._block_limit:
            raise ChildTooLoud

    def _read_errors(self) -> None:
        """Read from stderr, and keep its end."""
        try:
            data = os.read(self._stderr, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            with contextlib.suppress(KeyError):
                self._poll.unregister(self._stderr)
        self._errors += data
        del self._errors[:-_STDERR_KEPT]


def _start(
    command: Sequence[str], cwd: Path | None, variables: dict[str, str], data_limit_mb: float | None
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the command and its watcher; return the process and the owner's end of the lifeline."""
    name = command[0]
    path = str((cwd or Path()) / name) if os.sep in name else name
    if shutil.which(path, path=variables.get("PATH")) is None:
        raise FileNotFoundError(f"there is no program {name!r}")
    limits = "" if data_limit_mb is None else f"ulimit -d {int(data_limit_mb * 1e6 / 1024)} 2>/dev/null"
    return start_group(
        command,
        environment=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        limits=limits,
    )


def _end(popen: subprocess.Popen[bytes], lifeline: int, owner: int) -> None:
    """Kill the process group and close the pipes."""
    # A forked copy of the owner must not kill the owner's child when it collects its garbage.
    if os.getpid() != owner:
        return
    try:
        signal_group(popen.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            popen.wait(_TERM_GRACE)
    finally:
        signal_group(popen.pid, signal.SIGKILL)
        popen.wait()
        for pipe in (popen.stdin, popen.stdout, popen.stderr):
            if pipe is not None:
                pipe.close()
        os.close(lifeline)


def _memory_from_proc(pid: int) -> int:
    """Sum the resident memory, in bytes, of a process and its descendants from Linux's /proc."""
    gone = contextlib.suppress(FileNotFoundError, ProcessLookupError)
    total = 0
    with gone:
        process = Path(f"/proc/{pid}")
        total = int((process / "statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        for thread in os.listdir(process / "task"):
            with gone:
                children = (process / "task" / thread / "children").read_bytes().split()
                total += sum(_memory_from_proc(int(child)) for child in children)
    return total


def _memory_from_ps(pid: int) -> int:
    """Sum the resident memory, in bytes, of a process and its descendants from `ps`."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True
    ).stdout
    rows = [tuple(map(int, line.split())) for line in listing.splitlines()]
    tree = {pid}
    grown = True
    while grown:
        more = {child for child, parent, _ in rows if parent in tree} - tree
        tree |= more
        grown = bool(more)
    return sum(kilobytes * 1024 for child, _, kilobytes in rows if child in tree)
