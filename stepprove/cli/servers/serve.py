"""`stepprove serve`: a language model over HTTP, with a plan of its hardware and costs."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from stepprove.cli.options.common import Json
from stepprove.cli.servers.network import AllowHost, ApiKey, key_or, reached_by_all, trusted_hosts
from stepprove.cli.terminal.console import CommandError, err, out, print_json, shown
from stepprove.serving.client.endpoint import CPU_SECONDS, VLLM_SECONDS, start_vllm, tiny_folder
from stepprove.serving.client.model_backends import TINY
from stepprove.serving.planning.cost import DEVICES, Cost, Device, colocated, disaggregated
from stepprove.serving.planning.hardware import Gpu, find_gpus, parse_gpus
from stepprove.serving.planning.plan import ACTIVATIONS_GB
from stepprove.serving.serve.cpu import cpu_server, served_name
from stepprove.serving.serve.server import ModelServer, ServerFailure, running
from stepprove.serving.serve.vllm import VllmPlan, Wishes, plan_vllm

_SHORT_CONTEXT = 8192
"""The context, in tokens, of a second price beside the one at the plan's own context."""


def serve(
    model: Annotated[str, typer.Argument(help="A model of the hub, a folder, or `tiny`.")],
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 for every network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8001,
    allow_host: AllowHost = None,
    api_key: ApiKey = None,
    context: Annotated[
        int | None,
        typer.Option(min=1, metavar="TOKENS", help="Longest text; default: the model's own, 32768 at most."),
    ] = None,
    gpus: Annotated[
        str | None,
        typer.Option(
            metavar="8xH800", help="Serve or plan with these; default: those found here; none: the CPU."
        ),
    ] = None,
    quantization: Annotated[
        str | None, typer.Option(metavar="NAME", help="By vLLM's name: fp8, awq, gptq, bitsandbytes.")
    ] = None,
    kv_dtype: Annotated[
        str | None, typer.Option("--kv-dtype", metavar="NAME", help="Of the KV cache, by vLLM's name: fp8.")
    ] = None,
    mtp: Annotated[
        int, typer.Option("--mtp", min=0, max=8, help="Tokens that the model's own MTP heads draft.")
    ] = 0,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say how it would be served, and what it would cost.")
    ] = False,
    price: Annotated[
        list[str] | None,
        typer.Option("--price", metavar="DEVICE=DOLLARS", help="With --plan: for an hour; may be repeated."),
    ] = None,
    log: Annotated[Path | None, typer.Option(help="Where the server's words go.")] = None,
    json: Json = False,
) -> int:
    """Serve a language model with the API of OpenAI: with vLLM on GPUs, else with transformers on the CPU.

    The key that requests must carry (`Authorization: Bearer KEY`) comes from `--api-key` or `STEPPROVE_API_KEY`.

    vLLM lives in an environment of its own: the one on the PATH, or $STEPPROVE_VLLM.

    Examples: `stepprove serve tiny`, or `stepprove serve stepfun-ai/Step-3.5-Flash --gpus 8xH800 --plan`
    """
    wishes = Wishes(context, quantization, kv_dtype, mtp)
    gpu_list = _gpus(gpus)
    if plan:
        return _show_plan(model, gpu_list, wishes, host, port, _devices(price or []), json)
    if price:
        raise CommandError("--price goes with --plan.")
    key = key_or(api_key, os.environ.get("STEPPROVE_API_KEY") or None)
    door = _Door(host, port, tuple(allow_host or ()), key)
    name, server, seconds = _start(model, gpu_list, wishes, door, log)
    if key is not None:
        err.print("Requests must carry the key; --model takes it from STEPPROVE_MODEL_KEY.")
    elif reached_by_all(host):
        err.print(
            "[yellow]Anybody who reaches this port can use the model: set STEPPROVE_API_KEY to ask for a key.[/]"
        )
    return asyncio.run(_run(name, server, seconds, json))


@dataclass(frozen=True, slots=True)
class _Door:
    """A server's address, allowed hosts and key."""

    host: str
    port: int
    allowed_hosts: tuple[str, ...]
    key: str | None = field(repr=False)


def _start(
    model: str, gpus: Sequence[Gpu], wishes: Wishes, door: _Door, log: Path | None
) -> tuple[str, ModelServer, float]:
    """A new server, the model's name for clients, and the seconds until it must be ready."""
    at: dict[str, Any] = {"host": door.host, "port": door.port, "log": log, "key": door.key}
    trusted_hosts(door.host, list(door.allowed_hosts))  # raises the error of a bad name
    if gpus and model != TINY:
        if door.allowed_hosts:
            raise CommandError("--allow-host is for the CPU: vLLM does not look at hosts. Give it a key.")
        return model, start_vllm(model, gpus, wishes, **at), VLLM_SECONDS
    at["allowed_hosts"] = door.allowed_hosts
    if model == TINY:
        return TINY, cpu_server(str(tiny_folder()), **at), CPU_SECONDS
    if wishes != Wishes():
        raise CommandError(
            "--context, --quantization, --kv-dtype and --mtp need a GPU, and none is found here."
        )
    return served_name(model), cpu_server(model, **at), VLLM_SECONDS


async def _run(name: str, server: ModelServer, seconds: float, json: bool) -> int:
    """Serve until Ctrl-C or SIGTERM. Raises ServerFailure when the server ends before."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    stopping = asyncio.create_task(stopped.wait())
    serving = asyncio.create_task(_serve(name, server, seconds, json))
    try:
        await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
    finally:
        stopping.cancel()
        serving.cancel()
        await asyncio.wait({serving})
    return 0


async def _serve(name: str, server: ModelServer, seconds: float, json: bool) -> None:
    err.print(f"Starting the server of {shown(name)}; its log is {shown(server.log)}.")
    async with running(server, seconds):
        option = f"{server.url}/v1#{name}"
        if json:
            print_json(
                {"url": f"{server.url}/v1", "model": option, "log": str(server.log), "pid": server.pid}
            )
        else:
            out.print(f"{shown(name)} answers on {server.url}/v1; stop it with Ctrl-C.")
            out.print(f"Use it with: [bold]--model {shown(option)}[/]")
        await server.watch()


def _show_plan(
    model: str,
    gpus: Sequence[Gpu],
    wishes: Wishes,
    host: str,
    port: int,
    devices: Sequence[Device],
    json: bool,
) -> int:
    if not gpus:
        raise CommandError("No GPU is found here: say with --gpus which to plan for, as in --gpus 8xH800.")
    try:
        planned = plan_vllm(
            str(tiny_folder()) if model == TINY else model, gpus, wishes, host=host, port=port
        )
    except (ServerFailure, ValueError) as unfit:
        raise CommandError(str(unfit)) from None
    contexts = sorted({min(_SHORT_CONTEXT, planned.context), planned.context})
    costs = {tokens: _costs(planned, tokens, devices) for tokens in contexts}
    if json:
        print_json(_document(model, planned, costs))
    else:
        _print_plan(model, planned, costs)
    return 0


def _costs(planned: VllmPlan, tokens: int, devices: Sequence[Device]) -> list[tuple[str, Cost]]:
    """Dollars for a token after `tokens` tokens: on each device, and with attention and feed-forward on different ones."""
    work = planned.facts.architecture.work(tokens)
    apart = disaggregated(work, devices)
    rows = [(device.name, colocated(work, device)) for device in devices]
    return [*rows, (f"{apart.attention_device.name} + {apart.feed_forward_device.name}, apart", apart)]


def _document(model: str, planned: VllmPlan, costs: dict[int, list[tuple[str, Cost]]]) -> dict[str, Any]:
    split = planned.split
    return {
        "model": model,
        "parameters": planned.facts.architecture.parameters,
        "active_parameters": planned.facts.architecture.active_parameters,
        "draft_heads": planned.facts.draft_heads,
        "gpus": [asdict(gpu) for gpu in planned.gpus],
        "context": planned.context,
        "split": asdict(split),
        "gb_per_gpu": {
            "weights": split.weights_gb,
            "one_sequence": split.sequence_gb,
            "reserve": ACTIVATIONS_GB,
            "needed": split.weights_gb + split.sequence_gb + ACTIVATIONS_GB,
        },
        "command": planned.command,
        "dollars_per_million_tokens": {
            str(tokens): [
                {
                    "where": where,
                    "attention": 1e6 * cost.attention,
                    "feed_forward": 1e6 * cost.feed_forward,
                    "total": 1e6 * cost.total,
                }
                for where, cost in rows
            ]
            for tokens, rows in costs.items()
        },
    }


def _print_plan(model: str, planned: VllmPlan, costs: dict[int, list[tuple[str, Cost]]]) -> None:
    facts, split = planned.facts, planned.split
    architecture = facts.architecture
    out.print(
        f"{shown(model)}: {_billions(architecture.parameters)} parameters, "
        f"{_billions(architecture.active_parameters)} for a token"
        + (f", {facts.draft_heads} MTP heads" if facts.draft_heads else "")
    )
    parts = [f"tensor parallel {split.tensor}", f"data parallel {split.data}"]
    parts += ["expert parallel"] if split.expert_parallel else []
    out.print(f"On {len(planned.gpus)} x {shown(planned.gpus[0].name)}: {', '.join(parts)}")
    needed = split.weights_gb + split.sequence_gb + ACTIVATIONS_GB
    out.print(
        f"Each GPU needs {needed:.1f} GB: weights {split.weights_gb:.1f}, one sequence of {planned.context} tokens "
        f"{split.sequence_gb:.2f}, {ACTIVATIONS_GB:.0f} for activations; {split.sequences} such sequences fit at once"
    )
    out.print(f"\n  {shown(shlex.join(planned.command))}\n")
    table = Table(title="Dollars for a million tokens, by Step-3's model", title_justify="left", box=None)
    table.add_column("device")
    for tokens in costs:
        for part in ("attention", "FFN", "total"):
            table.add_column(f"{part}\nat {tokens}", justify="right")
    for rows in zip(*costs.values(), strict=True):
        figures = [f"{1e6 * part:.3f}" for _, c in rows for part in (c.attention, c.feed_forward, c.total)]
        table.add_row(shown(" / ".join(dict.fromkeys(where for where, _ in rows))), *figures)
    out.print(table)


def _billions(count: int) -> str:
    return f"{count / 1e9:.1f} B" if count >= 1e8 else f"{count / 1e6:.1f} M"


def _gpus(text: str | None) -> tuple[Gpu, ...]:
    return find_gpus() if text is None else parse_gpus(text)


def _devices(prices: Sequence[str]) -> tuple[Device, ...]:
    """The devices of the table, some with a price of the user's own."""
    devices = {device.name: device for device in DEVICES}
    for text in prices:
        name, equals, dollars = text.partition("=")
        try:
            if name not in devices or not equals or not float(dollars) > 0:
                raise ValueError
        except ValueError:
            raise CommandError(
                f"{text!r} is no price: write DEVICE=DOLLARS with one of {', '.join(devices)}."
            ) from None
        devices[name] = replace(devices[name], dollars_per_hour=float(dollars))
    return tuple(devices.values())
