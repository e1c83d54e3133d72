"""The errors of a missing Lean, or of a missing part that it needs."""

from __future__ import annotations

from stepprove.faults import Failure


class LeanNotFound(Failure):
    """No Lean can start. The message is one sentence that names the command that mends it."""


class NodeMissing(LeanNotFound):
    """Node.js is not installed, or too old for the embedded Lean."""


class DownloadFailed(LeanNotFound):
    """The package registry is unreachable, or lacks the package."""


class DownloadTampered(LeanNotFound):
    """The download is not, byte for byte, the Lean that stepprove pins."""


class CacheUnusable(LeanNotFound):
    """The cache directory is not writable, or its disk is full."""


class EngineUnfit(LeanNotFound):
    """The installed embedded Lean is another build than this code knows, or does not start."""


class NativeMissing(LeanNotFound):
    """A part of the native Lean (elan, the toolchain, the REPL) is missing."""
