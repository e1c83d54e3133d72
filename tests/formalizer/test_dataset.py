"""Datasets without what benchmarks hold."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stepprove.formalizer.dataset.dataset import BadDataset, BuildOptions, SourceCounts, build
from stepprove.formalizer.dataset.decontaminate import Benchmarks, KnownProblem, problem_key, statement_key

LONG = "Let n be a natural number that is greater than the sum of its own digits and even"
STATEMENT = "theorem a (n : Nat) : n = n := by sorry"


def record(problem: str, formal: str = STATEMENT, **more: str) -> dict[str, str]:
    return {"problem": problem, "formal_statement": formal, **more}


def source(path: Path, *records: dict[str, str]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    return path


def known(informal: str | None = None, name: str = "mathd_1", formal: str | None = None) -> Benchmarks:
    benchmarks = Benchmarks()
    benchmarks.add([KnownProblem("miniF2F", name, informal, formal)])
    return benchmarks


@given(st.lists(st.sampled_from("abcdefgh"), min_size=13, max_size=30), st.integers(0, 17))
def test_thirteen_words_in_a_row_are_enough(words: list[str], start: int) -> None:
    start = min(start, len(words) - 13)
    held = "other words " + " ".join(words[start : start + 13]).upper() + ", and more."
    assert known(held).why(None, " ".join(words), "x") == "shares 13 words in a row with miniF2F"


@given(st.permutations(LONG.split()[:12]))
def test_a_short_problem_is_compared_as_a_whole(words: list[str]) -> None:
    benchmarks = known(" ".join(words))
    assert benchmarks.why(None, " ".join(words).title() + "!", "x") is not None
    assert benchmarks.why(None, "So " + " ".join(words), "x") is None


def test_names_and_statements_are_compared_without_their_dress() -> None:
    benchmarks = known(name="mathd_algebra_12", formal="theorem t (x : Nat) :\n  x = x := by\n  sorry")
    assert benchmarks.why("MathD.algebra-12", "p", "x") == "has the name of a problem of miniF2F"
    assert benchmarks.why(None, "p", "theorem u (x : Nat) : x = x -- so\n := by rfl") is not None
    assert benchmarks.why(None, "p", "theorem u (y : Nat) : y = y := by rfl") is None


words = st.lists(st.text("abcxyz", min_size=1, max_size=3), max_size=5)


@given(words, words)
def test_keys_are_equal_where_words_are(a: list[str], b: list[str]) -> None:
    assert (problem_key(" ".join(a)) == problem_key(", ".join(b).upper())) == (a == b)
    one, other = (f"theorem {name} : {' '.join(each)} = 1" for name, each in (("x", a), ("y'", b)))
    assert (statement_key(f"{one} := by sorry") == statement_key(f"{other}\n:= (have := 2; rfl)")) == (a == b)


def made(
    folder: Path, *sources: Path, dev: float = 0.0, benchmarks: Benchmarks | None = None
) -> list[SourceCounts]:
    return build(sources, folder / "set", benchmarks or Benchmarks(), BuildOptions(dev_share=dev))


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_repeats_or_is_held_by_a_benchmark_is_left_out_and_counted(tmp_path: Path) -> None:
    path = source(
        tmp_path / "knowledge.jsonl",
        record("first"),
        record("First!", "theorem b : 1 = 1 := by sorry"),
        record("second", "theorem other (n : Nat) : n = n := by sorry"),
        record("third", "theorem b : 2 = 2 := by sorry", name="mathd_1"),
        record("fourth", "theorem b : 3 = 3 := by sorry"),
        {"problem": "no statement"},
    )
    (part,) = made(tmp_path, path, benchmarks=known())
    assert part.read == 6 and part.kept == {"train": 2}
    assert part.dropped == {
        "repeats a problem": 1,
        "repeats a statement": 1,
        "has the name of a problem of miniF2F": 1,
        "no record": 1,
    }
    assert [row["problem"] for row in rows(tmp_path / "set/data/train-knowledge.jsonl")] == [
        "first",
        "fourth",
    ]


def test_a_problem_is_on_one_side_in_every_part(tmp_path: Path) -> None:
    many = [record(f"problem {n}", f"theorem t : {n} = {n} := by sorry") for n in range(200)]
    thought = [{**each, "reasoning": "so", "answer": each["formal_statement"]} for each in many]
    parts = made(
        tmp_path, source(tmp_path / "a.jsonl", *many), source(tmp_path / "b.jsonl", *thought), dev=0.3
    )
    assert parts[0].kept == parts[1].kept and 30 < parts[0].kept["dev"] < 90
    sides = [{row["problem"] for row in rows(tmp_path / f"set/data/dev-{part}.jsonl")} for part in "ab"]
    assert sides[0] == sides[1]


def test_the_chat_has_the_thoughts_between_its_marks(tmp_path: Path) -> None:
    plain = source(tmp_path / "a.jsonl", record("p", header="open Nat"))
    thought = source(tmp_path / "b.jsonl", {**record("p"), "reasoning": "It is so.", "answer": STATEMENT})
    made(tmp_path, plain, thought)
    (first,) = rows(tmp_path / "set/data/train-a.jsonl")
    (second,) = rows(tmp_path / "set/data/train-b.jsonl")
    assert first["messages"][-1]["content"] == f"<think></think>\n\n```lean4\nopen Nat\n\n{STATEMENT}\n```"  # type: ignore[index]
    assert second["messages"][-1]["content"].startswith("<think>\nIt is so.\n</think>\n\n```lean4\ntheorem a")  # type: ignore[index]


def test_parquet_and_the_card_say_the_same_as_the_lines(tmp_path: Path) -> None:
    path = source(tmp_path / "a.jsonl", record("p"), record("q", "theorem q : 1 = 1 := by sorry", name="q"))
    made(tmp_path, path)
    table = pyarrow.parquet.read_table(tmp_path / "set/data/train-a.parquet")
    assert table.to_pylist() == rows(tmp_path / "set/data/train-a.jsonl")
    card = (tmp_path / "set/README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["configs"] == [
        {"config_name": "a", "data_files": [{"split": "train", "path": "data/train-a.parquet"}]}
    ]
    assert "| a | 2 | 2 | 0 |" in card


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.tex").write_text("mine")
    path = source(tmp_path / "a.jsonl", record("p"))
    with pytest.raises(BadDataset, match="something else"):
        made(tmp_path, path)
    assert (tmp_path / "set" / "thesis.tex").exists()


def test_a_build_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    made(tmp_path, source(tmp_path / "a.jsonl", record("p")))
    with pytest.raises(OSError):
        made(tmp_path, tmp_path / "none.jsonl")
    assert (tmp_path / "set/data/train-a.jsonl").exists()
    assert not list(tmp_path.glob(".set-*"))
