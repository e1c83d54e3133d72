"""The cycle in miniature: every model made once and measured, and the table of what each part is worth."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from micro import THEOREM
from typer.testing import CliRunner

from stepprove.cli.main import app
from stepprove.cli.terminal.console import CommandError
from stepprove.lean_project.engines.engine import Engine
from stepprove.outcome import Outcome
from stepprove.train.data.held_out import HeldOutAttempt
from stepprove.train.experiments.cycle import CycleOptions, Measured, run_cycle
from stepprove.train.experiments.cycle_table import gain, interval, rates, table
from stepprove.train.experiments.step import TrainingStep
from stepprove.train.recipe import BadRecipe
from stepprove.train.rl.rlvr import RlvrOptions
from stepprove.train.sft.trajectories import problem_of

P, F, LOST = Outcome.PROVED, Outcome.FAILED, Outcome.INFRASTRUCTURE


def measured(stage: str, seed: int | None, *outcomes: tuple[Outcome, ...]) -> Measured:
    attempts = [
        HeldOutAttempt(
            theorem=place, sample=sample, family="", outcome=outcome, sketches=2, rejected=1, tokens=100
        )
        for place, each in enumerate(outcomes)
        for sample, outcome in enumerate(each)
    ]
    return Measured(stage, seed, {"generated": attempts})


def test_what_the_infrastructure_spoiled_is_in_no_rate() -> None:
    assert rates(measured("sft", None, (P, F), (F, LOST), (LOST, LOST)), "generated") == {0: 0.5, 1: 0.0}


def test_a_gain_is_counted_theorem_by_theorem_with_seeds_averaged() -> None:
    before = [{0: 0.0, 1: 0.5, 2: 0.5}]
    after = [
        {0: 0.5, 1: 0.5, 2: 1.0},
        {0: 0.5, 1: 1.0},
    ]  # the second seed could not tell of the third theorem
    mean, half = gain(before, after)
    assert mean == pytest.approx(0.375)  # 0.5 and 0.25
    assert half == pytest.approx(1.96 * math.sqrt(0.03125 / 2))


def test_one_value_has_no_interval() -> None:
    mean, half = interval([0.5])
    assert mean == 0.5 and math.isnan(half)
    assert all(map(math.isnan, interval([])))


def test_the_table_has_a_row_for_each_stage_and_seeds_side_by_side() -> None:
    rows = table(
        [
            measured("sft", None, (F, F), (P, F)),
            measured("rlvr", 0, (P, F), (P, F)),
            measured("rlvr", 1, (P, P), (P, LOST)),
        ],
        "generated",
    ).splitlines()
    assert len(rows) == 4
    assert rows[2].startswith("| sft | 25.0 ± 49.0 | 50.0 ± 98.0 (k = 2) | – | 25.0 |")
    assert "| 50.0, 100.0 |" in rows[3] and rows[3].endswith("| 1 |")


SMALL = CycleOptions(
    seeds=(0,),
    rlvr=RlvrOptions(updates=1, problems=2, group=2, canaries=0, max_tokens=600, max_turns=2),
    theorems=1,
    samples=2,
)


@pytest.mark.nightly
def test_every_model_is_made_once_and_measured(models: Path, tmp_path: Path, engine: Engine) -> None:
    steps: list[TrainingStep] = []

    def run() -> list[Measured]:
        steps.clear()
        given = [problem_of(THEOREM)]
        return run_cycle(tmp_path, models / "tiny", engine, SMALL, given=given, jobs=1, listen=steps.append)

    found = run()
    assert [(each.stage, each.seed) for each in found] == [
        ("new", None),
        ("sft", None),
        ("rlvr", 0),
        ("cycle", 0),
    ]
    untrained, begun, *_ = found
    assert {attempt.outcome for attempt in untrained.attempts["given"]} == {F}
    assert P in {attempt.outcome for attempt in begun.attempts["given"]}
    assert found[3].tokens > found[2].tokens > 0
    assert {step.work for step in steps} >= {"reinforcement", "generated", "given"}
    assert run() == found and not steps  # nothing is left to do
    with pytest.raises(BadRecipe, match="another options"):
        run_cycle(tmp_path, models / "tiny", engine, CycleOptions(seeds=(0,)))


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf"])
def test_a_learning_rate_is_above_0(rate: str, tmp_path: Path) -> None:
    asked = ["train", "cycle", "-o", str(tmp_path / "runs"), f"--learning-rate={rate}"]
    found = CliRunner().invoke(app, asked, standalone_mode=False)
    assert isinstance(found.exception, CommandError) and "above 0" in str(found.exception)


def test_without_a_model_to_begin_with_one_sentence_says_how_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPROVE_MODELS", str(tmp_path))
    found = CliRunner().invoke(app, ["train", "cycle", "-o", str(tmp_path / "runs")], standalone_mode=False)
    assert isinstance(found.exception, CommandError) and "`stepprove train tiny` makes it" in str(
        found.exception
    )
    assert not (tmp_path / "runs").exists()
