"""The accelerators of this machine."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """One accelerator."""

    name: str
    memory_gb: float
    """In 10**9 B."""


def find_gpus(program: str = "nvidia-smi") -> tuple[Gpu, ...]:
    """The GPUs that `nvidia-smi` lists; none where it is not there or fails."""
    query = [program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    found = []
    for line in said.splitlines():
        name, comma, mebibytes = line.rpartition(",")
        if comma and mebibytes.strip().isdigit():
            found.append(Gpu(name.strip(), int(mebibytes) * 2**20 / 1e9))
    return tuple(found)
