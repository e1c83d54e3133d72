"""A script that runs a program in namespaces of its own: no network, read-only file systems, no privileges.

    python -I -S confine.py PROGRAM [ARGUMENT…]

It needs a Linux (5.12 or newer) that lets its users create namespaces; elsewhere it ends with status 125 and a sentence.
`sandbox.py` tests this. The process itself becomes PROGRAM.
"""

from __future__ import annotations

import ctypes
import os
import sys

REFUSED = 125
"""The exit status if the system refuses the namespaces."""

_NEW_NAMESPACES = 0x10000000 | 0x00020000 | 0x40000000 | 0x08000000
"""CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWIPC."""
_MOUNT_SETATTR = 442
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PRIVATE, _READ_ONLY, _NO_SUID = 1 << 18, 0x1, 0x2
_SET_NO_NEW_PRIVS, _CAPBSET_DROP = 38, 24
_LAST_CAPABILITY = 40
_CAPABILITY_VERSION = 0x20080522


class _MountAttributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd"))


def confine() -> None:
    """Drop network, write access and privileges of this process for good. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    _require(libc.unshare(_NEW_NAMESPACES))
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")
    private = _MountAttributes(0, 0, _PRIVATE, 0)
    read_only = _MountAttributes(_READ_ONLY | _NO_SUID, 0, 0, 0)
    for attributes in private, read_only:
        _require(
            libc.syscall(
                ctypes.c_long(_MOUNT_SETATTR),
                ctypes.c_int(_AT_FDCWD),
                ctypes.c_char_p(b"/"),
                ctypes.c_uint(_AT_RECURSIVE),
                ctypes.byref(attributes),
                ctypes.c_size_t(ctypes.sizeof(attributes)),
            )
        )
    for capability in range(_LAST_CAPABILITY + 1):
        libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0)
    _require(libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _require(libc.capset(header, nothing))


def _require(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


if __name__ == "__main__":
    try:
        confine()
    except (OSError, AttributeError) as error:
        sys.stderr.write(f"the system does not allow a sandbox: {error}\n")
        sys.exit(REFUSED)
    os.execv(sys.argv[1], sys.argv[1:])
