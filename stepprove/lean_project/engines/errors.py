"""What is raised when Lean, or something that it needs, is not there."""

from __future__ import annotations


class LeanNotFound(Exception):
    """No Lean can be started. The message is one sentence that names the command that mends it."""


class NodeMissing(LeanNotFound):
    """Node.js is not installed, or too old for the embedded Lean."""


class DownloadFailed(LeanNotFound):
    """The package registry could not be reached, or has not got the package."""


class DownloadTampered(LeanNotFound):
    """What came is not, byte for byte, the Lean that stepprove was built for."""


class CacheUnusable(LeanNotFound):
    """The cache directory cannot be written, or its disk is full."""


class EngineUnfit(LeanNotFound):
    """The embedded Lean is there but is not the build that this code knows, or does not start."""


class NativeMissing(LeanNotFound):
    """A part of the native Lean (elan, the toolchain, the REPL) is not there."""
