"""`stepprove formalizer reasoning`: make reasoning from words to statement for pairs."""

from __future__ import annotations

from stepprove.cli.formalizer.options import ConfigOption
from stepprove.cli.formalizer.stages import Stage, lean_checks, lean_of, model_client, run_and_print, work_on
from stepprove.cli.options.common import Json
from stepprove.cli.options.engine import EngineOption
from stepprove.cli.terminal.console import CommandError
from stepprove.formalizer.config import read_config
from stepprove.formalizer.dataset.stage import StageResult, StageTally
from stepprove.formalizer.equivalence.pairs import Pair


def reasoning(config: ConfigOption, json: Json = False, engine: EngineOption = "auto") -> int:
    """Have the way from words to statement written down for pairs, by StepFun-Formalizer's template of eight parts.

    A trajectory is kept when the statement at its end says the same as the pair's (BEq), when all parts are there, and when it
    does not speak of the statement that it was given. Rows, files and exit codes are as those of `knowledge`.

    Example: `stepprove formalizer reasoning --config thinkingf.yaml`
    """
    settings = read_config(config)
    if settings.reasoning is None:
        raise CommandError(f"{config} has no part `reasoning`.")
    part = settings.reasoning
    pairs = part.pairs or settings.output / "knowledge.jsonl"
    lean = lean_of(settings, engine)

    async def run() -> StageTally:
        from stepprove.formalizer.dataset.reasoning import ReasoningOptions, reasoning_trajectory

        options = ReasoningOptions(tries=part.tries, temperature=part.temperature, method=part.method)
        async with (
            lean_checks(settings, lean) as checks,
            model_client(part.model) as model,
        ):
            assert model is not None

            async def one(pair: Pair) -> StageResult:
                return await reasoning_trajectory(pair, checks, model, options)

            stage = Stage("reasoning", pairs, Pair, part.model_dump(mode="json"), part.at_once)
            return await work_on(stage, settings, lean, one)

    return run_and_print("reasoning", settings, lean, run(), json=json)
