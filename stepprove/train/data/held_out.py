"""Evaluate a prover on held-out generated theorems, beside a baseline of random tactics with the same budget."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from stepprove.agent.models.attempts import attempt_trajectory, mapped
from stepprove.agent.models.problem import Problem
from stepprove.agent.models.trajectory import TirOptions
from stepprove.agent.search.goal import parse_goal
from stepprove.gather import gather_or_cancel
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.repl.repl import Repl
from stepprove.outcome import Outcome
from stepprove.serving.client.exchange import Completer
from stepprove.train.data.proof_search import defined
from stepprove.train.data.tactic_scripts import Script, scripts
from stepprove.train.data.theorems import Theorem
from stepprove.train.sft.records import line_of, read_records
from stepprove.train.sft.trajectories import problem_of


class HeldOutAttempt(BaseModel):
    """One attempt at one theorem."""

    model_config = ConfigDict(frozen=True)

    theorem: int
    """The theorem's index in the test."""
    sample: int
    family: str
    """The theorem's family; empty for a theorem from a file."""
    outcome: Outcome
    sketches: int
    """Sketches that Lean ran."""
    rejected: int
    """Sketches with errors; those without an answer do not count."""
    tokens: int = 0
    """Tokens that the model wrote."""
    end: str = ""
    """The reason for the end of the text."""
    proof: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Rates of attempts; infrastructure failures are counted apart and in no rate."""

    theorems: int
    samples: int
    pass_1: float
    """Mean over theorems of the share of successful attempts."""
    pass_k: float
    """Share of theorems with a successful attempt; k is `samples`."""
    after_rejection: float
    """Share of proofs after a rejected sketch."""
    timeouts: int
    """Attempts that ended in a time-out; the rates count them as unproved."""
    spoiled: int


def score(attempts: Sequence[HeldOutAttempt]) -> Score:
    """Compute the rates of attempts."""
    by_theorem: dict[int, list[HeldOutAttempt]] = {}
    for attempt in attempts:
        if attempt.outcome is not Outcome.INFRASTRUCTURE:
            by_theorem.setdefault(attempt.theorem, []).append(attempt)
    rates = [sum(a.outcome is Outcome.PROVED for a in each) / len(each) for each in by_theorem.values()]
    proofs = [a for each in by_theorem.values() for a in each if a.outcome is Outcome.PROVED]
    count = len(by_theorem)
    return Score(
        theorems=count,
        samples=max((len(each) for each in by_theorem.values()), default=0),
        pass_1=sum(rates) / count if count else 0.0,
        pass_k=sum(rate > 0 for rate in rates) / count if count else 0.0,
        after_rejection=sum(a.rejected > 0 for a in proofs) / len(proofs) if proofs else 0.0,
        timeouts=sum(a.outcome is Outcome.TIMEOUT for a in attempts),
        spoiled=sum(a.outcome is Outcome.INFRASTRUCTURE for a in attempts),
    )


Tried = TypeVar("Tried")
Prover = Callable[[int, int, Tried], Awaitable[HeldOutAttempt]]
"""Makes an attempt from (theorem's index, sample, theorem)."""


def model_prover(
    completer: Callable[[], Completer], pool: Pool, options: TirOptions
) -> Prover[Theorem | Problem]:
    """Make a prover that runs a model with Lean as its tool; each sample has its own seed.

    Args:
        completer: makes a Completer for one attempt: a server's client, or a `Writer`.
        pool: checks sketches and verifies proofs.
        options: lengths, time limits and seed.
    """

    async def attempt(place: int, sample: int, theorem: Theorem | Problem) -> HeldOutAttempt:
        seeded = replace(options, seed=(options.seed or 0) + 1000 * place + sample)
        problem = problem_of(theorem) if isinstance(theorem, Theorem) else theorem
        blank = HeldOutAttempt(
            theorem=place,
            sample=sample,
            family=theorem.family if isinstance(theorem, Theorem) else "",
            outcome=Outcome.INFRASTRUCTURE,
            sketches=0,
            rejected=0,
        )
        work = attempt_trajectory(completer(), pool, problem, seeded)
        result = await mapped(work, f"sample {sample} at {problem.name}")
        done = result.trajectory
        if done is None:
            return blank.model_copy(update={"outcome": result.outcome, "end": result.reason})
        checks = [turn.checked for turn in done.turns if turn.checked is not None]
        return blank.model_copy(
            update={
                "outcome": result.outcome,
                "sketches": len(checks),
                "rejected": sum(check.outcome == "answered" and not check.clean for check in checks),
                "tokens": done.usage.completion_tokens,
                "end": str(done.end),
                "proof": result.answer if done.accepted else None,
            }
        )

    return attempt


def random_prover(pool: Pool, turns: int, seed: int) -> Prover[Theorem]:
    """Make a prover that tries random tactic scripts, from the pool that the training search uses.

    Args:
        pool: checks scripts and verifies proofs.
        turns: different scripts of an attempt.
        seed: of the draws.
    """

    async def attempt(place: int, sample: int, theorem: Theorem) -> HeldOutAttempt:
        rng = random.Random(f"{seed}:{place}:{sample}")
        offered = await pool.run(lambda repl: _offered(repl, theorem, rng))
        tried = rejected = 0
        outcome = Outcome.FAILED
        proof = None
        for script in rng.sample(offered, min(turns, len(offered))):
            tried += 1
            code = theorem.source(script.text)
            check = await pool.check(code)
            if check.unanswered is not None:
                outcome = check.unanswered
                continue
            if not (isinstance(check.answer, CommandResponse) and not check.answer.has_errors):
                rejected += 1
                continue
            judgement = await problem_of(theorem).judge(pool, code)
            outcome = judgement.outcome
            proof = code if judgement.accepted else None
            break
        return HeldOutAttempt(
            theorem=place,
            sample=sample,
            family=theorem.family,
            outcome=outcome,
            sketches=tried,
            rejected=rejected,
            proof=proof,
        )

    return attempt


def _offered(repl: Repl, theorem: Theorem, rng: random.Random) -> list[Script]:
    """The candidate scripts for the theorem's goal."""
    answer = repl.command(theorem.source())
    if not isinstance(answer, CommandResponse) or not answer.sorries:
        return []
    return scripts(parse_goal(answer.sorries[0].goal), defined(theorem), rng)


async def run(
    prover: Prover[Tried],
    theorems: Sequence[Tried],
    samples: int,
    path: Path,
    *,
    at_once: int = 8,
    listen: Callable[[HeldOutAttempt], None] = lambda attempt: None,
) -> list[HeldOutAttempt]:
    """Make `samples` attempts at each theorem, and write each to disk before reporting it.

    A second run skips the attempts in the file, except infrastructure failures.

    Args:
        prover: makes an attempt.
        theorems: the test.
        samples: attempts at each theorem.
        path: the JSONL file of attempts.
        at_once: concurrent attempts.
        listen: called with each new attempt.

    Returns:
        All attempts, by theorem and sample.

    Raises:
        OSError: the file cannot be read or written.
        Exceptions of the pool.
    """
    done = {
        (a.theorem, a.sample): a
        for a in read_records(path, HeldOutAttempt)
        if a.outcome is not Outcome.INFRASTRUCTURE
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    places = asyncio.Semaphore(at_once)
    with path.open("wb") as file:
        for attempt in done.values():
            file.write(line_of(attempt))
        file.flush()

        async def one(place: int, sample: int) -> None:
            async with places:
                attempt = await prover(place, sample, theorems[place])
            file.write(line_of(attempt))
            file.flush()
            done[place, sample] = attempt
            listen(attempt)

        wanted = [(place, sample) for sample in range(samples) for place in range(len(theorems))]
        await gather_or_cancel(one(*key) for key in wanted if key not in done)
    return [done[key] for key in sorted(done)]
