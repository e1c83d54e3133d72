"""`stepprove formalizer knowledge`: make pairs of problems in words and statements."""

from __future__ import annotations

from stepprove.cli.formalizer.options import ConfigOption
from stepprove.cli.formalizer.stages import Stage, lean_checks, lean_of, model_client, run_and_print, work_on
from stepprove.cli.options.common import Json
from stepprove.cli.options.engine import EngineOption
from stepprove.cli.terminal.console import CommandError
from stepprove.formalizer.autoformalize import FormalizeOptions
from stepprove.formalizer.config import read_config
from stepprove.formalizer.dataset.stage import StageResult, StageTally
from stepprove.formalizer.equivalence.pairs import InformalProblem
from stepprove.formalizer.prompts import form_of
from stepprove.lean_project.engines.engine import Engine
from stepprove.serving.client.model_backends import parse_model


def knowledge(config: ConfigOption, json: Json = False, engine: EngineOption = "auto") -> int:
    """Make pairs of problems in words: a formalizer's answers, those that Lean reads, the largest class of those that agree.

    Each problem has a row in `OUTPUT/knowledge.sqlite` as soon as it is done; a run that was ended goes on from there. What is
    kept is written to `OUTPUT/knowledge.jsonl`. Problems about which a model or Lean gave no answer are left for the next run:
    exit code 3 then.

    Example: `stepprove formalizer knowledge --config thinkingf.yaml`
    """
    settings = read_config(config)
    if settings.knowledge is None:
        raise CommandError(f"{config} has no part `knowledge`.")
    part = settings.knowledge
    lean = lean_of(settings, engine)
    mathlib = "Mathlib" in part.header
    if mathlib and isinstance(lean, Engine) and lean.mathlib is None:
        raise CommandError(
            "The header imports Mathlib, which this Lean does not have: "
            'set it up with `stepprove setup --native --mathlib`, or say `header: ""`.',
            code=3,
        )
    options = FormalizeOptions(
        form=form_of((parse_model(part.model).name or part.model) if part.model else ""),
        samples=part.samples,
        rounds=1,
        header=part.header,
        mathlib=mathlib,
        method=part.method,
    )

    async def run() -> StageTally:
        from stepprove.formalizer.dataset.knowledge import knowledge_pair

        async with (
            lean_checks(settings, lean) as checks,
            model_client(part.model) as model,
            model_client(part.judge) as judge,
        ):

            async def one(problem: InformalProblem) -> StageResult:
                return await knowledge_pair(problem, checks, options, formalizer=model, judge=judge)

            stage = Stage(
                "knowledge", part.problems, InformalProblem, part.model_dump(mode="json"), part.at_once
            )
            return await work_on(stage, settings, lean, one)

    return run_and_print("knowledge", settings, lean, run(), json=json)
