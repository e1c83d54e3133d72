"""`stepprove eval retry`: make the attempts that a run lacks."""

from __future__ import annotations

from stepprove.cli.eval.options import MODULES, JobsOption, LogArgument, MaxSamplesOption, known_benchmark
from stepprove.cli.eval.results import run_benchmark
from stepprove.cli.options.common import Json
from stepprove.cli.terminal.console import need_extra


def retry(
    log: LogArgument,
    jobs: JobsOption = None,
    max_samples: MaxSamplesOption = 16,
    json: Json = False,
) -> int:
    """Make the attempts that a run is missing or that the infrastructure spoiled; the log is written anew.

    Example: `stepprove eval retry runs/LOG.eval`
    """
    need_extra("eval", MODULES)
    from stepprove.eval.retry import setup_of_log

    setup, selection = setup_of_log(log)
    return run_benchmark(
        known_benchmark(setup.benchmark), setup, selection, log.parent, jobs, max_samples, json
    )
