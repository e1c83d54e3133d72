"""`stepprove trace`: look at what happened in a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from jinja2 import UndefinedError
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text
from rich.tree import Tree

from stepprove.agent.trace.reader import (
    AttemptTrace,
    HoleTrace,
    RunTrace,
    check_state,
    moves_and_goals,
    read_run_trace,
)
from stepprove.agent.trace.trace import TraceMissing, find_trace, read_trace
from stepprove.cli.terminal.console import CommandError, out, shown
from stepprove.cli.terminal.progress import STYLES
from stepprove.files.output_file import write_output
from stepprove.outcome import Outcome
from stepprove.visible import in_line, visible

trace = typer.Typer(help="Look at what happened in a run of the prover.", no_args_is_help=True)
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="The run's folder, such as runs/20260131-120000-0a1b2c.")
]

_STATES = {"clean": "accepted", "open": "open", "errors": "errors", "lost": "no answer"}
_STATE_STYLES = {"clean": "green", "open": "yellow", "errors": "red", "lost": "yellow"}
_LINES = 12
"""The most lines of each text without --full."""
_NODES = 40
"""The most nodes of a proof graph."""


@trace.callback()
def main() -> None:
    """Look at what happened in a run of the prover."""


@trace.command()
def show(
    run: RunArgument,
    full: Annotated[bool, typer.Option("--full", help="Every text to its end.")] = False,
) -> int:
    """Show a run in the terminal: each hole, its proof graph, what the model wrote, what Lean and the gate said.

    Example: `stepprove trace show runs/20260131-120000-0a1b2c`
    """
    path, story = _read(run)
    most = None if full else _LINES
    with _whole(path):
        for part in [_head(story), *(_hole(hole, most) for hole in story.holes)]:
            out.print(part)
    if story.end is None:
        out.print("The run has no end: it was killed, or still goes on.", style="yellow")
    return 0


@trace.command()
def html(
    run: RunArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.html", help="Where the page goes. [the run's folder]"),
    ] = None,
) -> int:
    """Write a run as one HTML page that needs nothing else: proof graphs, turns to unfold, highlighted code.

    Example: `stepprove trace html runs/20260131-120000-0a1b2c`
    """
    from stepprove.agent.trace.page import trace_page

    path, story = _read(run)
    target = output or path.with_suffix(".html")
    with _whole(path):
        page = trace_page(story)
    write_output(target, page)
    out.print(f"Written to {shown(target)}")
    return 0


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Report records without the fields that a run writes as a CommandError."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, UndefinedError, RecursionError):
        raise CommandError(
            f"{path} is damaged: a record in it is none that a run of StepProve writes."
        ) from None


def _read(run: Path) -> tuple[Path, RunTrace]:
    try:
        path = find_trace(run)
        with _whole(path):
            return path, read_run_trace(read_trace(path))
    except TraceMissing as missing:
        raise CommandError(str(missing)) from None


def _head(story: RunTrace) -> RenderableType:
    run, end = story.run, story.end
    engine = run.get("engine") or {}
    spent = f", ${end['dollars']:.4f}" if end and end.get("dollars") else ""
    took = f" in {end['seconds']:.1f} s" if end else ""
    words = Text.assemble(
        (in_line(run.get("file", "a run")), "bold"),
        "\n" + in_line(f"{run.get('at', '')}  Lean {engine.get('lean', '?')} ({engine.get('kind', '?')})  "),
        in_line(run.get("model") or "search alone") + "\n",
        f"{story.count('proved')} of {len(story.holes)} proved{took}, {story.tokens} tokens{spent}",
    )
    return Panel(words, expand=False, border_style="dim")


def _hole(hole: HoleTrace, most: int | None) -> RenderableType:
    result = hole.result or {}
    parts: list[RenderableType] = [
        Text.assemble(
            (in_line(f"{hole.outcome:<14} "), _style(hole.outcome)),
            in_line(f"line {hole.begun['line']}  "),
            (in_line(hole.begun.get("declaration") or ""), "bold"),
            (in_line(f"  {result.get('found_by') or result.get('reason') or ''}"), ""),
        )
    ]
    if result.get("proof"):
        parts.append(_code(str(result["proof"]), most))
    if hole.graph is not None and len(hole.graph["nodes"]) > 1:
        parts.append(Padding(_tree(hole.graph), (0, 0, 0, 4)))
    parts += [_attempt(number, attempt, most) for number, attempt in enumerate(hole.attempts, 1)]
    return Padding(Group(*parts), (1, 0, 0, 0))


def _tree(graph: dict[str, Any]) -> Tree:
    """The proof graph as a tree: all proved nodes, and other nodes as far as there is room."""
    nodes, below = graph["nodes"], moves_and_goals(graph)

    def label(number: int) -> Text:
        node = nodes[number]
        goal = node["kind"] == "goal"
        words = " ".join(str(node["label"]).partition("⊢")[2].split()) if goal else str(node["label"])
        closed = f"  {node['closed_by']}" if node.get("closed_by") else ""
        return Text(
            in_line(("⊢ " if goal else "") + words[:90] + closed),
            style="green" if node["proved"] else "dim" if goal else "italic",
        )

    tree = Tree(label(0), guide_style="dim")
    seen, todo = {0}, [(0, tree)]
    while todo and len(seen) < _NODES:
        number, branch = todo.pop(0)
        for child in below.get(number, ()):
            if child not in seen:
                seen.add(child)
                todo.append((child, branch.add(label(child))))
    if len(seen) < len(nodes):
        tree.add(Text(f"… {len(nodes) - len(seen)} more", style="dim"))
    return tree


def _attempt(number: int, attempt: AttemptTrace, most: int | None) -> RenderableType:
    begun = attempt.begun
    parts: list[RenderableType] = [
        Text.assemble(
            (f"  attempt {number}  ", "bold"),
            (in_line(attempt.outcome), _style(attempt.outcome)),
            (in_line(f"  {begun.get('style')}, seed {begun.get('seed')}, {attempt.tokens} tokens"), "dim"),
        )
    ]
    for event in attempt.events:
        match event["kind"]:
            case "turn":
                heading = f"    the model, {event['completion_tokens']} tokens, {event['finish']}"
                parts += [Text(in_line(heading), style="cyan"), _lines(event["text"], most)]
            case "check":
                state = check_state(event)
                heading = f"    Lean, {event['seconds']:.1f} s: {_STATES[state]}"
                parts += [Text(heading, style=_STATE_STYLES[state]), _lines(_said(event["feedback"]), most)]
            case "partial":
                open_goals = len(event["goals"])
                parts += [
                    Text(f"    what stands, {open_goals} open", style="cyan"),
                    _code(event["code"], most),
                ]
            case "verdict":
                heading = f"    the gate: {event['outcome']}  {event['reason'] or ''}"
                parts.append(Text(in_line(heading), style=_style(event["outcome"])))
            case _:
                parts.append(Text(in_line(f"    ended: {event['reason']}"), style="yellow"))
    return Group(*parts)


def _said(feedback: str) -> str:
    """Lean's messages and open goals as text, if the feedback is the REPL's JSON."""
    try:
        answer = json.loads(feedback)
        messages = [
            f"{m['severity']}, line {m['pos']['line']}: {m['data']}" for m in answer.get("messages", ())
        ]
        return "\n".join([*messages, *(f"open: {s['goal']}" for s in answer.get("sorries", ()))])
    except (ValueError, KeyError, TypeError, AttributeError):
        return feedback


def _lines(text: str, most: int | None) -> RenderableType:
    lines = visible(text).strip().split("\n")
    kept = (
        lines if most is None or len(lines) <= most else [*lines[:most], f"… {len(lines) - most} more lines"]
    )
    width = None if most is None else 400
    return Padding(Text("\n".join(line[:width] for line in kept), style="dim"), (0, 0, 0, 6))


def _code(text: str, most: int | None) -> RenderableType:
    lines = visible(text).strip("\n").split("\n")
    kept = lines if most is None else lines[:most]
    syntax = Syntax("\n".join(kept), "lean4", background_color="default", word_wrap=True)
    return Padding(syntax, (0, 0, 0, 6))


def _style(outcome: str) -> str:
    return STYLES[Outcome(outcome)] if outcome in set(Outcome) else "yellow"
