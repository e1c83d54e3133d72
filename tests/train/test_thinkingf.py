"""ThinkingF in miniature: every model of the ablation, in a folder that goes on where it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepprove.lean_project import find_engine
from stepprove.train.experiments.step import TrainingStep
from stepprove.train.experiments.thinkingf import CHAINS, CONTEXT, ThinkingOptions, run_thinkingf, table
from stepprove.train.recipe import BadRecipe
from stepprove.train.rl.rlvr import RlvrOptions
from stepprove.train.run_folder import RunInUse, only_writer

SMALL = ThinkingOptions(
    knowledge=60,
    reasoning=20,
    knowledge_epochs=1,
    reasoning_epochs=1,
    rlvr=RlvrOptions(updates=1, problems=1, group=2, max_tokens=CONTEXT, check_seconds=20),
    problems=2,
    samples=1,
)


@pytest.mark.nightly
def test_every_model_is_made_once_and_measured(tmp_path: Path) -> None:
    steps: list[TrainingStep] = []
    scores = run_thinkingf(tmp_path, find_engine(), SMALL, jobs=1, listen=steps.append)
    assert [each["model"] for each in scores] == ["+".join(chain) for chain in CHAINS]
    assert {step.work for step in steps} == {"knowledge", "reasoning", "rlvr", "test"}
    assert all(each["phrasings"]["problems"] + each["phrasings"]["unknown"] >= 2 for each in scores)
    assert len(table(scores).splitlines()) == 2 + len(CHAINS)
    steps.clear()
    (tmp_path / "+".join(CHAINS[-1]) / "scores.json").unlink()  # as if it had been killed in its last test
    again = run_thinkingf(tmp_path, find_engine(), SMALL, jobs=1, listen=steps.append)
    assert {step.work for step in steps} == {"test"} and again[:-1] == scores[:-1]
    with pytest.raises(BadRecipe, match="another options"):
        run_thinkingf(tmp_path, find_engine(), ThinkingOptions())


def test_two_runs_never_write_one_folder(tmp_path: Path) -> None:
    with only_writer(tmp_path), pytest.raises(RunInUse):
        run_thinkingf(tmp_path, find_engine(), SMALL)
