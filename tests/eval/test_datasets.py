"""Benchmarks as they are published: their forms, their splits, and the hash that pins them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from benchmark_files import write_lines

from stepprove.eval.benchmarks.datasets import BadBenchmark, Loaded, load
from stepprove.eval.benchmarks.known_errors import known_errors
from stepprove.eval.benchmarks.registry import benchmark_called

HEADER = "import Mathlib\nimport Aesop\n\nset_option maxHeartbeats 0\n\nopen BigOperators Real Nat Topology Rat\n\n"
THEOREM = "theorem add_comm' (a b : ℕ) : a + b = b + a := by"
PLAIN = f"{HEADER}{THEOREM} sorry\n"


def read(
    path: Path | str, name: str = "minif2f", split: str | None = None, revision: str | None = None
) -> Loaded:
    benchmark = benchmark_called(name)
    assert benchmark is not None
    return load(benchmark, split, str(path), revision)


@pytest.mark.parametrize(
    ("benchmark", "record"),
    [
        (
            "minif2f",
            {"name": "p", "split": "valid", "header": HEADER, "formal_statement": f"{THEOREM} sorry"},
        ),
        (
            "minif2f",
            {
                "name": "p",
                "split": "valid",
                "header": HEADER,
                "formal_statement": f"{THEOREM}\n",
                "goal": "x",
            },
        ),
        (
            "minif2f",
            {"name": "p", "problem_id": "p", "formal_statement": f"{HEADER}{THEOREM}\n", "lean4_code": PLAIN},
        ),
        ("formalmath_lite", {"theorem_names": "p", "autoformalization": f"{HEADER}{THEOREM}", "domain": "x"}),
        (
            "proverbench",
            {"name": "p", "header": HEADER, "formal_statement": f"{THEOREM.removesuffix(' by')}"},
        ),
        ("proverbench", {"id": 7, "header": HEADER, "statement": THEOREM.removesuffix(" := by")}),
    ],
)
def test_every_published_form_gives_the_same_statement(
    tmp_path: Path, benchmark: str, record: dict[str, object]
) -> None:
    (problem,) = read(write_lines(tmp_path / "data.jsonl", [record]), benchmark).problems
    assert problem.source.split() == PLAIN.split()
    assert problem.name == ("7" if "id" in record else "p")


def test_a_folder_of_lean_files_and_its_records_have_one_hash(tmp_path: Path) -> None:
    for split, name in (("Valid", "b"), ("Valid", "a"), ("Test", "c")):
        (tmp_path / "repo" / split).mkdir(parents=True, exist_ok=True)
        text = PLAIN.replace("add_comm'", name).rstrip()
        (tmp_path / "repo" / split / f"{name}.lean").write_text(text, encoding="utf-8")
    (tmp_path / "repo" / "All.lean").write_text("import Valid.a\nimport Valid.b\n")
    records = [
        {"name": n, "split": "valid", "header": HEADER, "formal_statement": THEOREM.replace("add_comm'", n)}
        for n in ("a", "b")
    ]
    folder, file = read(tmp_path / "repo"), read(write_lines(tmp_path / "data.jsonl", records))
    assert [problem.name for problem in folder.problems] == ["a", "b"]
    assert folder.dataset.sha256 == file.dataset.sha256
    assert [problem.name for problem in read(tmp_path / "repo", split="test").problems] == ["c"]


def test_a_git_repository_is_read_at_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    repo = tmp_path / "repo"
    git = ["git", "-C", str(repo), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    (repo / "Valid").mkdir(parents=True)
    subprocess.run([*git, "init", "-q"], check=True)
    heads = []
    for name in ("a", "b"):
        (repo / "Valid" / f"{name}.lean").write_text(PLAIN.replace("add_comm'", name), encoding="utf-8")
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", name], check=True)
        done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
        heads.append(done.stdout.strip())
    url = f"file://{repo}"
    newest = read(url)
    assert (len(newest.problems), newest.dataset.revision, newest.dataset.origin) == (2, heads[1], url)
    assert [problem.name for problem in read(url, revision=heads[0]).problems] == ["a"]
    with pytest.raises(BadBenchmark, match="git could not read"):
        read(url, revision="nowhere")
    with pytest.raises(BadBenchmark, match="no commit, branch or tag"):
        read(url, revision="--upload-pack=false")


def test_the_second_of_a_name_gets_a_name_of_its_own(tmp_path: Path) -> None:
    records = [{"name": "p/../é ☃", "formal_statement": f"{THEOREM} -- {n}\n  sorry"} for n in range(3)]
    problems = read(write_lines(tmp_path / "data.jsonl", records)).problems
    assert [problem.name for problem in problems] == ["p/../é ☃", "p/../é ☃#2", "p/../é ☃#3"]


def test_a_statement_without_a_header_stands_under_the_benchmarks_own(tmp_path: Path) -> None:
    (problem,) = read(
        write_lines(tmp_path / "data.jsonl", [{"name": "p", "formal_statement": THEOREM}])
    ).problems
    assert problem.source.startswith("import Mathlib\n\nset_option maxHeartbeats 0\n\nopen BigOperators Real")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xff\xfe{}\n", "not UTF-8 text"),
        (b'{"name": "p", "formal_sta', "line 1: that is no JSON"),
        (b'{"name": "p"}\n', "none of the fields formal_statement"),
        (b'{"name": "p", "formal_statement": "theorem p : True := trivial"}\n', "no `sorry`"),
        (b'{"name": "p", "formal_statement": "nonsense"}\n', "states no theorem"),
        (b"[1, 2]\n", "no object with fields"),
        (
            b'{"name": "p", "split": "test", "formal_statement": "theorem p : 1 = 1 := by"}\n',
            "of the split test",
        ),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "data.json" if content.startswith(b"[") else tmp_path / "data.jsonl"
    file.write_bytes(content)
    with pytest.raises(BadBenchmark, match=said) as raised:
        read(file)
    assert "\n" not in str(raised.value) and str(raised.value).endswith(".")


@pytest.mark.parametrize(
    ("path", "said"), [("/nowhere/at/all", "no file or folder"), ("no such thing", "no file or folder")]
)
def test_a_place_that_is_none(path: str, said: str) -> None:
    with pytest.raises(BadBenchmark, match=said):
        read(path)


def test_broken_statements_are_told_by_their_words_not_their_names(tmp_path: Path) -> None:
    broken = "theorem x (n : ℕ) (h₀ : n = 11) : (1 / 4) ^ (n + 1) * 2 ^ (2 * n) = 1 / 4 := by"
    records = [
        {
            "name": "mathd_algebra_314",
            "formal_statement": broken.replace("theorem x", "theorem mathd_algebra_314"),
        },
        {"name": "mended", "formal_statement": broken.replace("(1 / 4)", "(1 / 4 : ℝ)")},
    ]
    listed, mended = read(write_lines(tmp_path / "data.jsonl", records)).problems
    assert listed.broken is not None and "natural numbers" in listed.broken and "https://" in listed.broken
    assert mended.broken is None
    assert all(each.reason and each.evidence for each in known_errors("minif2f"))


def test_a_huge_statement_is_read(tmp_path: Path) -> None:
    huge = "theorem p : " + " ∧ ".join(["1 = 1"] * 20_000) + " := by"
    (problem,) = read(
        write_lines(tmp_path / "data.json", [json.dumps({"name": "p", "formal_statement": huge})])
    ).problems
    assert len(problem.source) > 150_000
