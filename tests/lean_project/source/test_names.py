"""Names as data."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from stepprove.lean_project.source.names import NameTree, components

NAMES = st.lists(st.sampled_from(["a", "b", "ab", ""]), min_size=1, max_size=4).map(".".join)


@given(st.lists(NAMES, max_size=6), NAMES)
def test_a_tree_of_names_knows_its_names_and_what_extends_them(names: list[str], name: str) -> None:
    parts = name.split(".")
    tree = NameTree(names)
    assert (name in tree) == (name in names)
    assert tree.has_prefix_of(name) == any(".".join(parts[:n]) in names for n in range(1, len(parts)))


def test_a_deep_name_takes_time_of_its_length_alone() -> None:
    deep = ".".join(["a"] * 100_000)
    started = time.process_time()
    assert not NameTree(["b.c"]).has_prefix_of(deep)
    assert NameTree(["a.a"]).has_prefix_of(deep)
    assert not NameTree([deep]).has_prefix_of(deep)
    assert time.process_time() - started < 5, "its prefixes have 10^10 characters"


def test_a_name_has_the_same_parts_however_it_is_written() -> None:
    assert components("a.«b».c_1") == components("«a».b.«c_1»") == ("a", "b", "c_1")
