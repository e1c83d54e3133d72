"""A process that speaks the REPL's protocol and misbehaves on demand, for what Lean will not do when asked.

The `cmd` of a request is the name of a behaviour and its arguments, separated by spaces; anything else is
answered with the next environment. Arguments of this program name behaviours of its start.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

out = sys.stdout.buffer


def say(answer: dict[str, Any], *, end: str = "\n\n") -> None:
    out.write((json.dumps(answer) + end).encode())
    out.flush()


def requests() -> Any:
    """Yield the requests, as upstream reads them: lines up to a blank one."""
    lines: list[str] = []
    for line in sys.stdin:
        if line.strip():
            lines.append(line.rstrip())
        elif lines:
            yield json.loads("".join(lines))
            lines = []


def behave(words: list[str], answer: dict[str, Any]) -> None:
    """Do what the words say, and answer unless they say otherwise."""
    match words:
        case ["sleep", seconds]:
            time.sleep(float(seconds))
        case ["silence"]:
            time.sleep(3600)
        case ["garbage"]:
            out.write(b"\x00\xff what?\n\n")
            out.flush()
            return
        case ["broken-json"]:
            out.write(b'{"env": 0,\n "messages": [oops]}\n\n')
            out.flush()
            return
        case ["half-line"]:
            out.write(b'{"env": 0, "mess')
            out.flush()
            time.sleep(3600)
        case ["drip"]:
            while True:
                out.write(b" ")
                out.flush()
                time.sleep(0.01)
        case ["die", status, *words]:
            print(" ".join(words) or "the last words", file=sys.stderr, flush=True)
            os._exit(int(status))
        case ["die-midway"]:
            out.write(b'{"env": 0, "mess')
            out.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        case ["die-after"]:
            say(answer)
            os._exit(3)
        case ["close-output"]:
            os.close(1)
            time.sleep(3600)
        case ["size", size]:
            answer["data"] = "x" * int(size)
        case ["lines", size, *_]:
            # As upstream prints: over many lines, none of them blank.
            answer["lines"] = ["x" * 70] * (int(size) // 75)
            out.write(json.dumps(answer, indent=1).encode() + b"\n\n")
            out.flush()
            return
        case ["flood"]:
            while True:
                out.write(b"y" * 65536)
        case ["stderr", size]:
            sys.stderr.write("e" * int(size) + "\nthe end of stderr\n")
            sys.stderr.flush()
        case ["stderr-flood"]:
            while True:
                sys.stderr.write("e" * 65536)
        case ["crlf"]:
            say(answer, end="\r\n\r\n")
            return
        case ["noise"]:
            out.write("info: λ is being built\n[1/2] {not json}\n".encode())
        case ["twice"]:
            out.write(2 * (json.dumps(answer) + "\n\n").encode())
            out.flush()
            return
        case ["noise-after"]:
            say(answer, end="\n\nby the way\n\n")
            return
        case ["deaf"]:
            say(answer)
            time.sleep(3600)
        case ["ignore-sigterm"]:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        case ["grandchild"]:
            answer["data"] = str(subprocess.Popen(["sleep", "3600"]).pid)
        case ["stubborn-grandchild"]:
            shell = ["sh", "-c", "trap '' TERM; echo; while :; do sleep 1; done"]
            grandchild = subprocess.Popen(shell, stdout=subprocess.PIPE)
            assert grandchild.stdout
            grandchild.stdout.readline()  # the trap is set
            answer["data"] = str(grandchild.pid)
        case ["grow", megabytes]:
            memory.append(b"m" * (int(megabytes) * 10**6))
        case ["grow-for-ever"]:
            while True:
                memory.append(b"m" * (5 * 10**6))
                time.sleep(0.02)
        case ["shape"]:
            answer = {"nonsense": True}
        case ["step"]:
            answer = {"proofState": 0, "goals": [], "proofStatus": "Completed"}
        case ["text-size"]:
            answer["data"] = str(len(request["text"]))
        case ["babble"]:
            say(answer)
            out.write(b"z" * 3_000_000 + b"\n")  # blocks until it is read, and nothing is read meanwhile
            out.flush()
            return
        case ["pid"]:
            answer["data"] = str(os.getpid())
        case ["cwd"]:
            answer["data"] = os.getcwd()
        case ["variable", name]:
            answer["data"] = os.environ.get(name, "")
    say(answer)


memory: list[bytes] = []
for word in sys.argv[1:]:
    if word == "never-ready":
        print("waiting for the moon", file=sys.stderr, flush=True)
        time.sleep(3600)
    elif word == "ready":
        say({"ready": True, "version": "0"})
    elif word == "not-ready":
        say({"ready": False, "message": "no library"})
    elif word == "noisy-start":
        out.write("info: [12/13] Building λ\n\nwarning: manifest out of date\n".encode())
    elif word == "die-at-start":
        print("no such library", file=sys.stderr, flush=True)
        os._exit(7)
    elif word.startswith("slow-start="):
        time.sleep(float(word.partition("=")[2]))
        with open("/proc/self/comm", "w") as name:
            name.write("started")

environments = proof_states = 0
for request in requests():
    if "cmd" in request:
        if request.get("env") is not None and request["env"] >= environments:
            say({"message": "Unknown environment."})
            continue
        environments += 1
        behave(request["cmd"].split(" "), {"env": environments - 1})
    elif "tactic" in request:
        if request["proofState"] == 0:
            proof_states += 1
            say({"proofState": proof_states, "goals": [], "proofStatus": "Completed"})
        else:
            say({"message": "Unknown proof state."})
    else:
        say({"received": request})
