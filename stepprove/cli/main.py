"""The `stepprove` command: parse, call, print. Every failure is one sentence and an exit code, never a traceback."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stepprove import __version__
from stepprove.cli.on_demand import CommandPlace, OnDemand
from stepprove.cli.terminal.console import err, shown_lines
from stepprove.faults import Failure, fault_ends_command, log_to_file
from stepprove.visible import in_line

COMMANDS = (
    CommandPlace(
        "prove",
        "stepprove.cli.prove.command",
        "prove",
        "Prove every `sorry` of a Lean file, and write the file with its proofs.",
    ),
    CommandPlace(
        "check",
        "stepprove.cli.check",
        "check",
        "Report for each declaration whether Lean accepts it, its axioms, and its open goals.",
    ),
    CommandPlace(
        "verify",
        "stepprove.cli.verify",
        "verify",
        "Decide whether CANDIDATE proves every statement of ORIGINAL, unchanged and under its name.",
    ),
    CommandPlace(
        "build",
        "stepprove.cli.build",
        "build_command",
        "Compile the modules of a Lean project with the embedded Lean, and report errors, `sorry`s and what waits for what.",
    ),
    CommandPlace(
        "cache",
        "stepprove.cli.build",
        "cache",
        "Report what the compiled modules in the cache take, or remove them.",
    ),
    CommandPlace(
        "autoformalize",
        "stepprove.cli.autoformalize",
        "autoformalize_command",
        "State a problem in Lean: a model proposes statements, Lean elaborates them, and the largest class of equivalent "
        "ones wins.",
    ),
    CommandPlace(
        "equivalent",
        "stepprove.cli.equivalent",
        "equivalent_command",
        "Decide whether two statements are equivalent: each must be provable from the other by a few tactics.",
    ),
    CommandPlace(
        "lean-server",
        "stepprove.cli.servers.lean_server",
        "lean_server",
        "Serve Lean over HTTP: Kimina Lean Server's `/api/check`, `/verify` and `/health`, with the trust gate's verdict.",
    ),
    CommandPlace(
        "serve",
        "stepprove.cli.servers.serve",
        "serve",
        "Serve a language model with the API of OpenAI: with vLLM on GPUs, else with transformers on the CPU.",
    ),
    CommandPlace("setup", "stepprove.cli.setup", "setup", "Install a Lean for stepprove."),
    CommandPlace(
        "doctor",
        "stepprove.cli.setup",
        "doctor",
        "Report each part of the installation, and the command that mends a missing one.",
    ),
    CommandPlace("bench", "stepprove.cli.bench", "bench", "Measure the prover on this machine."),
    CommandPlace(
        "eval",
        "stepprove.cli.eval",
        "evaluation",
        "Run a prover or a formalizer on a benchmark, and report the results that Lean accepts.",
    ),
    CommandPlace(
        "formalizer",
        "stepprove.cli.formalizer",
        "formalizer",
        "Make the data that formalizers learn from: pairs, reasoning, a dataset.",
    ),
    CommandPlace("trace", "stepprove.cli.trace", "trace", "Look at what happened in a run of the prover."),
    CommandPlace("train", "stepprove.cli.train", "train", "Train models, with Lean as the judge."),
)
"""The commands in the order of the help; a test holds each sentence to the command's own."""


class Commands(TyperGroup):
    """The commands of the program, each imported when it runs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for place in COMMANDS:
            self.add_command(OnDemand(place))


app = typer.Typer(
    cls=Commands,
    name="stepprove",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"stepprove {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Prove the `sorry`s in a Lean 4 file. Search and models propose; Lean decides.

    Exit codes of every command: **0** done, and all proved or passed; **1** done, something not proved; **2** bad input or usage;
    **3** Lean itself could not be run; **130** stopped by Ctrl-C.

    Try: `stepprove prove examples/first.lean`
    """


def program() -> TyperGroup:
    """The whole program with every command imported, for tests and pages that look into the commands."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        if isinstance(command, OnDemand):
            group.commands[name] = command.load()
    return group


def run() -> None:
    """Run the command line and end the process."""
    code = status()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the end of the Lean processes remains
    sys.exit(code)


def status() -> int:
    """Run the command line, turn every foreseeable failure into one sentence, and return the exit code."""
    try:
        log_to_file()
        result = app(standalone_mode=False)
        return result if isinstance(result, int) else 0
    except typer.Exit as stop:
        return _say("Stopped.", 130) if isinstance(stop.__cause__, KeyboardInterrupt) else stop.exit_code
    except typer.BadParameter as wrong:
        wrong.message = in_line(wrong.message)
        wrong.show()
        return 2
    except typer.TyperException as wrong:
        return _say(f"{wrong.format_message().rstrip('.')}; see `stepprove --help`.", 2)
    except (typer.Abort, KeyboardInterrupt):
        return _say("Stopped.", 130)
    except Failure as failure:
        return _say(str(failure), failure.exit_code)
    except BrokenPipeError:  # the reader closed the pipe: `stepprove … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as fault:
        return _say(fault_ends_command(fault), 3)


def _say(sentence: str, code: int) -> int:
    err.print(f"[bold red]stepprove:[/] {shown_lines(sentence, 2)}")
    return code
