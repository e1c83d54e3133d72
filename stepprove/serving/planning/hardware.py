"""Accelerators of this machine or of a plan."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from stepprove.faults import Failure

_SECONDS = 30.0

MEMORY_GB = {
    "H800": 80.0,
    "H20": 96.0,
    "A800": 80.0,
    "910B": 64.0,
    "H100": 80.0,
    "H200": 141.0,
    "B200": 180.0,
    "A100": 80.0,
    "L40S": 48.0,
    "RTX5090": 32.0,
    "RTX4090": 24.0,
    "RTX3090": 24.0,
}
"""Memory of GPUs known by name, in 10**9 B as sold."""


_GPUS = re.compile(
    r"(?:(?P<count>\d{1,6})\s*x\s*)?(?P<name>[A-Za-z0-9][\w .-]*?)(?::(?P<memory>\d{1,6}(?:\.\d+)?))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One accelerator."""

    name: str
    memory_gb: float
    """In 10**9 B."""


class BadGpus(Failure, ValueError):
    """A text names no GPUs; the message is one sentence."""

    exit_code = 2


def parse_gpus(text: str) -> tuple[Gpu, ...]:
    """Parse `8xH800`, `H200`, or `2xNAME:48` with the memory in GB. Raises BadGpus."""
    if (parts := _GPUS.fullmatch(text.strip())) is None:
        raise BadGpus(f"{text!r} names no GPUs: write 8xH800, or 2xNAME:48 with the memory in GB.")
    count, name = int(parts["count"] or 1), parts["name"]
    memory = parts["memory"] or MEMORY_GB.get(name.upper().replace(" ", ""))
    if memory is None:
        raise BadGpus(
            f"The memory of {name} is not known: write {text.strip()}:GB, or one of {', '.join(MEMORY_GB)}."
        )
    if not (0 < count <= 4096 and float(memory) > 0):
        raise BadGpus(f"{text!r} names no GPUs: their number and memory must be above 0.")
    return (Gpu(name, float(memory)),) * count


def find_gpus(program: str = "nvidia-smi") -> tuple[Gpu, ...]:
    """Return the GPUs that `nvidia-smi` lists; none where it is missing or fails."""
    query = [program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        listing = subprocess.run(query, capture_output=True, text=True, timeout=_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    gpus = []
    for line in listing.splitlines():
        name, comma, mebibytes = line.rpartition(",")
        if comma and mebibytes.strip().isdigit():
            gpus.append(Gpu(name.strip(), int(mebibytes) * 2**20 / 1e9))
    return tuple(gpus)
