"""Models that cheat: each cheat of the catalogue as a model's answer. None is accepted; `tests/attacks` says what each does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from scripted_prover import ScriptedProver

from stepprove.agent.file.options import FileRefused, ProveOptions
from stepprove.agent.file.prove import LentPools, prove_source
from stepprove.agent.models.plan import ModelPlan
from stepprove.agent.models.problem import Problem
from stepprove.agent.models.trajectory import TirOptions, Trajectory, run_trajectory
from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.verify import verify
from stepprove.lean_project.pool.pool import Pool, SyncPool
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome
from stepprove.serving.client.client import Client

ATTACKS = Path(__file__).parent.parent / "data" / "attacks"
ALL = sorted(path.parent.name for path in ATTACKS.glob("*/expected.json"))
FAMILIES = [
    *(
        "axiom_instead",
        "sorry_ax_named",
        "statement_weaker",
        "exit_before",
        "macro_rules_eq",
        "elab_add_decl",
    ),
    *("unsafe_instead", "variable_false", "redefine_function", "local_instance_add", "skip_kernel"),
    *("native_decide", "implemented_by_attribute", "notation_eq", "run_meta_reset_messages", "open_shadow"),
]
"""One cheat of each kind, for the short run."""
HONEST_AFTER_ALL = {
    *("import_fewer", "import_late", "import_mathlib", "import_more", "module_header", "prelude_header"),
}
"""Their only sin is a header of their own, which is never taken from a model."""


def texts(name: str) -> tuple[str, str]:
    return tuple((ATTACKS / name / f"{f}.lean").read_bytes().decode() for f in ("original", "candidate"))  # type: ignore[return-value]


def answered(prover: ScriptedProver, pool: Pool, name: str) -> Trajectory:
    """What becomes of a cheat as the answer of a model that reasons with Lean."""
    original, candidate = texts(name)
    source = parse_source(original)
    problem = Problem(source.header.strip(), original[source.header_end :].strip(), "")
    prover.play(f"cheat-{name}", [f"Done.</think>\n```lean4\n{candidate}\n```"])

    async def body() -> Trajectory:
        async with Client(prover.url, f"cheat-{name}") as client:
            return await run_trajectory(client, pool, problem, TirOptions(judge_seconds=10.0))

    return asyncio.run(body())


@pytest.mark.parametrize("name", FAMILIES)
def test_a_cheat_is_no_answer(prover: ScriptedProver, pool: Pool, name: str) -> None:
    trajectory = answered(prover, pool, name)
    assert not trajectory.accepted
    expected = json.loads((ATTACKS / name / "expected.json").read_text())
    assert trajectory.judgement is not None
    assert trajectory.judgement.outcome in expected["outcome"]


@pytest.mark.parametrize("name", FAMILIES[:4])
def test_a_cheat_fills_no_hole(
    engine: Engine,
    repl: Repl,
    search_pool: SyncPool,
    lean_pool: SyncPool,
    prover: ScriptedProver,
    name: str,
) -> None:
    fills_no_hole(engine, repl, LentPools(search_pool, lean_pool), prover, name)


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(set(ALL) - HONEST_AFTER_ALL))
def test_no_cheat_of_the_catalogue_is_an_answer(prover: ScriptedProver, pool: Pool, name: str) -> None:
    assert not answered(prover, pool, name).accepted


@pytest.mark.nightly
@pytest.mark.parametrize("name", ALL)
def test_no_cheat_of_the_catalogue_fills_a_hole(
    engine: Engine,
    repl: Repl,
    search_pool: SyncPool,
    lean_pool: SyncPool,
    prover: ScriptedProver,
    name: str,
) -> None:
    fills_no_hole(engine, repl, LentPools(search_pool, lean_pool), prover, name)


def fills_no_hole(engine: Engine, repl: Repl, pools: LentPools, prover: ScriptedProver, name: str) -> None:
    """A hole is filled only where the proof alone, without all that came with it, proves the file's own statement."""
    original, candidate = texts(name)
    source = parse_source(original)
    prover.play(f"file-{name}", [f"Done.</think>\n```lean4\n{candidate}\n```"])
    plan = ModelPlan(f"{prover.url}#file-{name}", policy="model", style="tir", attempts=1)
    options = ProveOptions(time_limit=20.0, remember=False)
    try:
        report = prove_source(source, engine, options, pools=pools, model=plan)
    except FileRefused:
        return
    proved = {hole.declaration for hole in report.holes if hole.outcome is Outcome.PROVED}
    for name_of_proved in proved:
        judgement = verify(
            repl, source, parse_source(report.text), targets={name_of_proved or ""}, timeout=60
        )
        assert judgement.accepted, judgement.reason
