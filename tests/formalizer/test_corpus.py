"""A file of problems: order, resumption, bad lines, answers that did not come."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from stepprove.formalizer.autoformalize import Formalization
from stepprove.formalizer.dataset.corpus import BadCorpus, CorpusTally, formalize_corpus, read_done
from stepprove.formalizer.equivalence.pairs import InformalProblem
from stepprove.serving.client.exchange import Usage


class Formalizer:
    """States any problem as its own words, the later ones sooner; gives no answer to those it is told to."""

    def __init__(self, silent: tuple[str, ...] = ()) -> None:
        self.silent, self.asked = silent, list[str]()

    async def __call__(self, problem: InformalProblem) -> Formalization | None:
        self.asked.append(problem.problem)
        await asyncio.sleep(0.02 / len(self.asked))
        if problem.problem in self.silent:
            return None
        return Formalization(
            outcome="formalized",
            problem=problem.problem,
            statement=problem.problem,
            samples=(),
            usage=Usage(),
            seconds=0.0,
        )


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    path = tmp_path / "problems.jsonl"
    path.write_text("".join(json.dumps({"id": n, "informal_statement": f"p{n}"}) + "\n" for n in range(1, 8)))
    return path


def run(problems: Path, formalizer: Formalizer, **options: object) -> CorpusTally:
    out = problems.with_name("out.jsonl")
    return asyncio.run(formalize_corpus(problems, out, formalizer, **options))  # type: ignore[arg-type]


def lines(problems: Path) -> list[int]:
    return [json.loads(line)["line"] for line in problems.with_name("out.jsonl").read_text().splitlines()]


def test_the_order_is_kept_though_problems_are_done_side_by_side(problems: Path) -> None:
    assert run(problems, Formalizer()) == CorpusTally(records=7, formalized=7)
    assert lines(problems) == [1, 2, 3, 4, 5, 6, 7]
    assert read_done(problems.with_name("out.jsonl"))[3].name == "3"


def test_a_run_goes_on_from_what_a_killed_one_left(problems: Path) -> None:
    run(problems, Formalizer())
    out = problems.with_name("out.jsonl")
    data = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(data[:3]) + data[3][:20])
    again = Formalizer()
    assert run(problems, again).records == 7
    assert again.asked == ["p4", "p5", "p6", "p7"]
    assert out.read_bytes() == b"".join(data)


def test_what_got_no_answer_is_tried_again_and_put_in_its_place(problems: Path) -> None:
    assert run(problems, Formalizer(silent=("p2",))) == CorpusTally(records=6, formalized=6, unanswered=1)
    again = Formalizer()
    assert run(problems, again) == CorpusTally(records=7, formalized=7)
    assert again.asked == ["p2"] and lines(problems) == [1, 2, 3, 4, 5, 6, 7]


def test_bad_lines_are_told_by_number_and_skipped(problems: Path) -> None:
    with problems.open("a") as file:
        file.write('no json\n\n{"name": "x"}\n{"problem": ""}\n{"problem": 5}\n')
    told: list[tuple[int, str]] = []
    tally = run(problems, Formalizer(), complain=lambda line, reason: told.append((line, reason)))
    assert [line for line, _ in told] == [8, 10, 11]
    assert told[0][1] == "it is no JSON" and "missing" in told[1][1]
    assert tally == CorpusTally(records=8, formalized=8, bad=3)


def test_statements_of_other_problems_are_not_mixed_in(problems: Path) -> None:
    run(problems, Formalizer())
    problems.write_text('{"problem": "another"}\n')
    with pytest.raises(BadCorpus, match="line 1 differs"):
        run(problems, Formalizer())
    problems.with_name("out.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(BadCorpus, match="something else"):
        run(problems, Formalizer())


def test_an_exception_at_one_problem_leaves_it_for_the_next_run(problems: Path, tmp_path: Path) -> None:
    class Failing(Formalizer):
        async def __call__(self, problem: InformalProblem) -> Formalization | None:
            if not self.asked:
                self.asked.append(problem.problem)
                raise RecursionError("maximum recursion depth exceeded")
            return await super().__call__(problem)

    out = tmp_path / "out.jsonl"

    tally = asyncio.run(formalize_corpus(problems, out, Failing()))

    assert tally.unanswered == 1
    again = asyncio.run(formalize_corpus(problems, out, Formalizer()))
    assert again.unanswered == 0 and again.formalized == tally.formalized + 1
