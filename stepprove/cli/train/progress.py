"""The failures and the progress of a training run, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stepprove.cli.terminal.console import CommandError, err, shown

if TYPE_CHECKING:
    from stepprove.train.experiments.step import TrainingStep


@contextmanager
def training_failures(output: Path) -> Iterator[None]:
    """Turn a failure to start or resume a run in `output` into a CommandError of one sentence. Needs the training packages."""
    from stepprove.lean_project.pool.remote.http import NoLeanServer
    from stepprove.serving.client.client import ModelFailure
    from stepprove.train.rl.rewards import RewardHack
    from stepprove.train.rl.samplers.statement_sampler import FooledJudge

    try:
        yield
    except (RewardHack, FooledJudge) as hack:
        raise CommandError(f"Training stopped: {hack}", code=1) from None
    except NoLeanServer as wrong:
        raise CommandError(str(wrong), code=3) from None
    except ModelFailure as failure:
        raise CommandError(f"Training stopped: {failure}", code=3) from None
    except OSError as wrong:
        raise CommandError(f"{wrong.filename or output}: {wrong.strerror or wrong}.") from None


def each_tenth(quiet: bool) -> Callable[[TrainingStep], None]:
    """Print each tenth of the progress of each part of the work; nothing if `quiet`."""
    shown_tenths: set[tuple[str, str, int]] = set()

    def listen(step: TrainingStep) -> None:
        tenth = (step.model, step.work, 10 * step.done // step.total)
        if not quiet and tenth not in shown_tenths:
            shown_tenths.add(tenth)
            err.print(shown(f"{step.model}: {step.work}: {step.done} of {step.total}  {step.words}"))

    return listen
