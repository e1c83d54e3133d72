"""The model's path against a server process that `stepprove serve` started, with a small random model behind it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from small_models import step_moe, tokenizer

from stepprove.agent.models.problem import Problem
from stepprove.agent.models.stepfun import End, build_prompt
from stepprove.agent.models.trajectory import TirOptions, Trajectory, run_trajectory
from stepprove.lean_project.pool.pool import Pool
from stepprove.serving.client.endpoint import serving

PROBLEM = Problem.parse("theorem t (a b : Nat) : a + b = b + a := by sorry")


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What `--model` is given for the server."""
    folder = tmp_path_factory.mktemp("models") / "random"
    letters = tokenizer()
    model = step_moe(len(letters))
    model.config.max_position_embeddings = 1024
    model.save_pretrained(folder)
    letters.save_pretrained(folder)
    program = "from stepprove.cli.start import run; run()"
    command = [sys.executable, "-c", program, "serve", str(folder), "--json", "--port", "0"]
    environment = {**os.environ, "XDG_STATE_HOME": str(folder.parent)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    said = ""
    assert process.stdout is not None
    while not said.endswith("}\n"):
        line = process.stdout.readline()
        assert line, said
        said += line
    yield json.loads(said)["model"]
    process.send_signal(signal.SIGINT)
    process.wait(30)


def run(form: str, pool: Pool, seed: int) -> Trajectory:
    options = TirOptions(seed=seed, max_tokens=60, count=lambda text: len(text.encode()))

    async def body() -> Trajectory:
        async with serving(form) as endpoint, endpoint.client() as client:
            return await run_trajectory(client, pool, PROBLEM, options)

    return asyncio.run(body())


def test_a_trajectory_on_a_real_server(form: str, pool: Pool) -> None:
    trajectory = run(form, pool, 0)
    assert trajectory.text.startswith(build_prompt(PROBLEM)) and trajectory.turns
    assert trajectory.end in (End.CUT, End.FORMAT, End.FINISHED) and not trajectory.accepted
    assert 0 < trajectory.usage.completion_tokens <= 60 < trajectory.usage.prompt_tokens


def test_a_seed_makes_it_again(form: str, pool: Pool) -> None:
    assert run(form, pool, 5).text == run(form, pool, 5).text != run(form, pool, 6).text
