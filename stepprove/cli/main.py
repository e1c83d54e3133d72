"""The `stepprove` command: parse, call, print. Every failure is one sentence and an exit code, never a traceback."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from stepprove import __version__
from stepprove.cli.autoformalize import autoformalize_command
from stepprove.cli.bench import bench
from stepprove.cli.check import check
from stepprove.cli.equivalent import equivalent_command
from stepprove.cli.eval import evaluation
from stepprove.cli.formalizer import formalizer
from stepprove.cli.prove import prove
from stepprove.cli.servers.lean_server import lean_server
from stepprove.cli.servers.serve import serve
from stepprove.cli.setup import doctor, setup
from stepprove.cli.terminal.console import CommandError, err, shown_lines
from stepprove.cli.trace import trace
from stepprove.cli.train import train
from stepprove.cli.verify import verify
from stepprove.eval.records.record import BadLog
from stepprove.faults import fault_ends_command, log_to_file
from stepprove.files.input_file import InputError
from stepprove.files.output_file import OutputError
from stepprove.formalizer.checks import NoLean
from stepprove.lean_project.engines.find import LeanNotFound
from stepprove.lean_project.repl.repl import ReplFailure
from stepprove.lean_project.source.file import SourceError
from stepprove.serving.client.client import ModelFailure
from stepprove.serving.client.model_name import BadModelName
from stepprove.visible import in_line

app = typer.Typer(
    name="stepprove",
    no_args_is_help=True,
    add_completion=False,
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
    **3** Lean itself could not be run.

    Try: `stepprove prove examples/first.lean`
    """


app.command()(prove)
app.command()(check)
app.command()(verify)
app.command("autoformalize")(autoformalize_command)
app.command("equivalent")(equivalent_command)
app.command("lean-server")(lean_server)
app.command()(serve)
app.command()(setup)
app.command()(doctor)
app.add_typer(bench, name="bench")
app.add_typer(evaluation, name="eval")
app.add_typer(formalizer, name="formalizer")
app.add_typer(trace, name="trace")
app.add_typer(train, name="train")


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
    except CommandError as wrong:
        return _say(str(wrong), wrong.code)
    except (SourceError, OutputError, BadModelName, BadLog) as wrong:
        return _say(str(wrong), 2)
    except (LeanNotFound, NoLean, ReplFailure, ModelFailure) as missing:
        return _say(str(missing), 3)
    except InputError as wrong:
        return _say(str(wrong), 2)
    except BrokenPipeError:  # the reader closed the pipe: `stepprove … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as fault:
        return _say(fault_ends_command(fault), 3)


def _say(sentence: str, code: int) -> int:
    err.print(f"[bold red]stepprove:[/] {shown_lines(sentence, 2)}")
    return code
