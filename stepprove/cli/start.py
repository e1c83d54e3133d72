"""The console script. It imports the commands itself, so that Ctrl-C ends the process quietly even during the imports."""

from __future__ import annotations

import signal


def run() -> None:
    """Run the command line and end the process."""
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from stepprove.cli import main

    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main.run()
