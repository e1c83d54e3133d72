"""Stages over files of records."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from stepprove.formalizer.dataset.ledger import BadLedger, Ledger
from stepprove.formalizer.dataset.stage import StageResult, StageTally, Unanswered, run_stage
from stepprove.formalizer.equivalence.pairs import InformalProblem


def problems(path: Path, count: int) -> Path:
    path.write_text("".join(json.dumps({"problem": f"p{n}"}) + "\n" for n in range(1, count + 1)))
    return path


_STOPPED = asyncio.CancelledError()


class Worker:
    """Drops even problems; gives no answer, or dies, where it is told to."""

    def __init__(
        self, silent: tuple[str, ...] = (), deadly: str | None = None, death: BaseException = _STOPPED
    ) -> None:
        self.silent, self.deadly, self.death = silent, deadly, death
        self.asked: list[str] = []
        self.running = self.most = 0

    async def __call__(self, item: InformalProblem) -> StageResult:
        self.asked.append(item.problem)
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        if item.problem == self.deadly:
            raise self.death
        if item.problem in self.silent:
            raise Unanswered("silence")
        return StageResult(item, "even" if int(item.problem[1:]) % 2 == 0 else None)


def run(folder: Path, source: Path, worker: Worker, at_once: int = 3) -> StageTally:
    with Ledger(folder / "l.sqlite", {}) as ledger:
        out = folder / "out.jsonl"
        return asyncio.run(run_stage(source, InformalProblem, ledger, out, worker, at_once=at_once))


def kept(folder: Path) -> list[str]:
    return [json.loads(line)["problem"] for line in (folder / "out.jsonl").read_text().splitlines()]


def test_what_is_kept_is_written_in_order_and_what_is_dropped_is_counted(tmp_path: Path) -> None:
    worker = Worker()
    tally = run(tmp_path, problems(tmp_path / "p.jsonl", 7), worker)
    assert kept(tmp_path) == ["p1", "p3", "p5", "p7"]
    assert tally == StageTally({"kept": 4, "even": 3}, unanswered=(), bad=0, written=4)
    assert worker.most == 3


def test_a_run_that_died_is_gone_on_with(tmp_path: Path) -> None:
    source = problems(tmp_path / "p.jsonl", 9)
    with pytest.raises(asyncio.CancelledError):
        run(tmp_path, source, Worker(deadly="p5"), at_once=1)
    worker = Worker()
    run(tmp_path, source, worker)
    assert worker.asked == ["p5", "p6", "p7", "p8", "p9"]
    assert kept(tmp_path) == ["p1", "p3", "p5", "p7", "p9"]


def test_what_had_no_answer_is_left_for_the_next_run(tmp_path: Path) -> None:
    source = problems(tmp_path / "p.jsonl", 4)
    assert run(tmp_path, source, Worker(silent=("p2", "p3"))).unanswered == ("silence",) * 2
    worker = Worker()
    assert run(tmp_path, source, worker).counts == {"kept": 2, "even": 2}
    assert worker.asked == ["p2", "p3"]


def test_lines_that_are_no_record_are_told_and_do_no_harm(tmp_path: Path) -> None:
    source = tmp_path / "p.jsonl"
    source.write_bytes(b'{"problem": "p1"}\n\xff\n\n{"name": "x"}\n{"problem": "p3"}')
    told: list[tuple[int, str]] = []
    with Ledger(tmp_path / "l.sqlite", {}) as ledger:
        tally = asyncio.run(
            run_stage(
                source, InformalProblem, ledger, tmp_path / "out.jsonl", Worker(),
                complain=lambda line, reason: told.append((line, reason)),
            )
        )  # fmt: skip
    assert kept(tmp_path) == ["p1", "p3"] and tally.bad == 2
    assert told == [(2, "it is no JSON"), (4, "`problem` is missing")]


def test_the_rows_of_another_file_are_refused(tmp_path: Path) -> None:
    run(tmp_path, problems(tmp_path / "p.jsonl", 2), Worker())
    other = tmp_path / "q.jsonl"
    other.write_text('{"problem": "something else"}\n')
    with pytest.raises(BadLedger, match="rows of another file"):
        run(tmp_path, other, Worker())


def test_an_exception_at_one_record_leaves_it_for_the_next_run(tmp_path: Path) -> None:
    source = problems(tmp_path / "p.jsonl", 5)

    tally = run(
        tmp_path, source, Worker(deadly="p3", death=OverflowError("int too large to convert to float"))
    )

    assert kept(tmp_path) == ["p1", "p5"]
    (said,) = tally.unanswered
    assert said.startswith("an error of StepProve itself: OverflowError(")
    assert run(tmp_path, source, again := Worker()).unanswered == () and again.asked == ["p3"]
