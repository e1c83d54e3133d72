"""Taking a text apart costs time and memory by its length alone, whatever is in it."""

from __future__ import annotations

import gc
import pickle
import time
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepprove.lean_project.gate.verify import _with_examples
from stepprove.lean_project.source.file import parse_source

SHAPES: dict[str, Callable[[int], str]] = {
    "namespaces": lambda n: "".join(f"namespace A\ntheorem t{i} : p := h\n" for i in range(n)),
    "a long namespace": lambda n: "namespace " + ".".join("A" * n) + "\n" + "theorem t : p := h\n" * n,
    "sections": lambda n: "section\n" * n + "theorem t : p := h\n" * n + "end\n" * n,
    "brackets": lambda n: "def t := " + "(" * n + " y" * n + "\n sorry)" * n,
    "brackets never closed": lambda n: "def t := " + "(" * 5 * n,
    "semicolons": lambda n: "def t := " + "(" * n + " y" * n + "; sorry)" * n,
    "arrows": lambda n: "def t := " + "(" * n + " y" * n + " => sorry)" * n,
    "bars": lambda n: "def t := " + "(" * n + " y" * n + "\n | sorry)" * n,
    "bars on a line": lambda n: "theorem t : p := by cases x with " + "| a => sorry " * n,
    "a far indentation": lambda n: " " * 3 * n + " y" * n + "\n | x => sorry" * n,
    "in": lambda n: "def t := x" + " in sorry" * n,
    "holes": lambda n: "theorem t : p := by\n" + "  sorry\n" * n,
    "then": lambda n: "def t := " + "then sorry " * n,
    "open": lambda n: "open A in\n" * n + "open A " * n,
    "attributes": lambda n: "@[simp]\n" * n + "@[" * n,
    "comments": lambda n: "/-" * n + "-/" * n + "/-" + "x" * 9 * n,
    "strings": lambda n: 's!"a{' * n + '"' + 'x\\"' * n,
    "raw strings": lambda n: ("r" + "#" * 20 + " ") * n,
    "a long token": lambda n: "a" * 9 * n + "." + "a." * n + "«" * n,
    "mutual": lambda n: "mutual\n" * n + "mutual\ntheorem t : p := sorry\nend\n" * n,
    "examples": lambda n: "".join(f"example : {i} = {i} := sorry\n" for i in range(n)),
}


def seconds(text: str, work: Callable[[str], object] = parse_source) -> float:
    """Of this process alone, and without the garbage of other tests."""
    gc.disable()
    try:
        started = time.process_time()
        work(text)
        return time.process_time() - started
    finally:
        gc.enable()


def linear(small: Callable[[], float], large: Callable[[], float]) -> bool:
    """Whether four times as much takes at most 2.5 times as long for each doubling; other work may spoil a few trials."""
    trials = (large() < 6.3 * min(small(), small()) + 0.02 for _ in range(6))
    return any(trials)


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_text_takes_about_four_times_the_time(shape: str) -> None:
    small, large = SHAPES[shape](1500), SHAPES[shape](6000)
    assert linear(lambda: seconds(small), lambda: seconds(large))


PIECES = [
    *("sorry", "y ", "by ", "· ", "=> ", ":= ", "(", ")", "{", "}", "[", "fun ", "match ", "with ", "cases "),
    *("first ", "try ", "; ", "<;>", "then ", "else ", "if ", "in ", "open ", "| ", "\n | ", "\n  ", "\n"),
    *(
        "theorem t ",
        "\ntheorem t ",
        "\nnamespace A\n",
        "\nend A",
        "\nsection ",
        "\nprivate ",
        "@[",
        "mutual\n",
    ),
    *("/-", "-/", '"', "«", "»", 's!"', "`(", "--", "deriving ", "example ", "import ", "admit", "r#", "1."),
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4), min_size=1, max_size=4))
def test_whatever_is_repeated_in_a_row_takes_linear_time(parts: list[list[str]]) -> None:
    def text(count: int) -> str:
        return "".join("".join(part) * count for part in parts)

    small, large = text(400), text(1600)
    assert linear(lambda: seconds(small), lambda: seconds(large))


def test_what_is_held_of_nested_namespaces_is_linear() -> None:
    """In the shape that took 573 MB for 0.62 MB of text."""
    text = "".join(f"namespace A\ntheorem t{i} : True := trivial\n" for i in range(14_000))
    tracemalloc.start()
    source = parse_source(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
    assert (source.declarations[2].full_name, source.declarations[-1].full_name) == (
        "A.A.A.t2",
        "A." * 14_000 + "t13999",
    )
    assert pickle.loads(pickle.dumps(source)).declarations[2].full_name == "A.A.A.t2"


def test_examples_are_paired_in_linear_time() -> None:
    def pair(count: int) -> float:
        source = parse_source("".join(f"example : {i} = {i} := sorry\n" for i in range(count)))
        turned = parse_source("".join(f"example : {i} = {i} := rfl\n" for i in reversed(range(count))))
        return seconds("", lambda _: _with_examples(source, turned))

    assert linear(lambda: pair(1000), lambda: pair(4000))
