"""The order of modules, and what stands in the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepprove.lean_project.modules.graph import ModuleGraph, load_graph
from stepprove.lean_project.modules.keys import artifact_keys
from stepprove.lean_project.modules.project import Project, SourceRoot


def project(root: Path, modules: dict[str, str]) -> Project:
    for name, text in modules.items():
        path = root.joinpath(*name.split(".")).with_suffix(".lean")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Project(root, (SourceRoot(root, "toy", own=True),))


def names(graph: ModuleGraph) -> list[str]:
    return [module.name for module in graph.order]


def test_a_module_comes_after_what_it_imports(tmp_path: Path) -> None:
    toy = project(
        tmp_path, {"A": "import B\nimport Init\nimport C", "B": "import C", "C": "import Lean", "D": ""}
    )
    graph = load_graph(["A"], toy)
    assert (names(graph), graph.faults, graph.waiting) == (["C", "B", "A"], (), {})


def test_a_missing_module_is_named_with_its_importer_and_what_is_near(tmp_path: Path) -> None:
    toy = project(tmp_path, {"A": "import B", "B": "\nimport Toy.Bsic", "Toy.Basic": "", "C": ""})
    graph = load_graph(["A", "C"], toy)
    (fault,) = graph.faults
    assert fault.message == (
        f"The project has no module Toy.Bsic (imported at {tmp_path / 'B.lean'}:2): did you mean Toy.Basic?"
    )
    assert names(graph) == ["C"]
    assert graph.waiting == {"B": "Toy.Bsic", "A": "Toy.Bsic"}


def test_a_cycle_is_shown_once(tmp_path: Path) -> None:
    toy = project(tmp_path, {"A": "import B", "B": "import C", "C": "import B\nimport D", "D": ""})
    graph = load_graph(["A"], toy)
    (fault,) = graph.faults
    assert fault.message == "These modules import each other: B → C → B."
    assert fault.cycle == ("B", "C")
    assert names(graph) == ["D"]
    assert set(graph.waiting) == {"A", "C"}


def test_a_module_that_imports_itself_is_a_cycle(tmp_path: Path) -> None:
    (fault,) = load_graph(["A"], project(tmp_path, {"A": "import A"})).faults
    assert fault.cycle == ("A",)


def test_a_file_that_is_not_utf8_is_a_fault_of_its_own(tmp_path: Path) -> None:
    toy = project(tmp_path, {"A": "import B"})
    (tmp_path / "B.lean").write_bytes(b"\xff")
    graph = load_graph(["A"], toy)
    assert [fault.message for fault in graph.faults] == [f"{tmp_path / 'B.lean'} is not UTF-8."]
    assert graph.waiting == {"A": "B"}


def test_a_long_chain_of_imports_is_no_recursion(tmp_path: Path) -> None:
    toy = project(tmp_path, {f"M{i}": f"import M{i + 1}" if i < 3000 else "" for i in range(3001)})
    assert len(load_graph(["M0"], toy).order) == 3001


EDGES = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14)


@given(EDGES)
def test_in_every_graph_the_order_respects_imports_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, edges: set[tuple[int, int]]
) -> None:
    imports = {i: sorted(b for a, b in edges if a == i) for i in range(8)}
    toy = project(
        tmp_path_factory.mktemp("graph"),
        {f"M{i}": "".join(f"import M{j}\n" for j in imports[i]) for i in imports},
    )
    graph = load_graph([f"M{i}" for i in range(8)], toy)
    order = names(graph)
    assert all(order.index(f"M{b}") < order.index(f"M{a}") for a, b in edges if f"M{a}" in order)
    faulty = {fault.module for fault in graph.faults}
    assert sorted([*order, *{*graph.waiting, *faulty}]) == [f"M{i}" for i in range(8)]
    on_a_cycle = {a for a in imports if a in reached(imports, imports[a])}
    blocked = {i for i in imports if i in on_a_cycle or on_a_cycle & reached(imports, imports[i])}
    assert {f"M{i}" for i in blocked} == {*graph.waiting, *faulty}


def reached(imports: dict[int, list[int]], start: list[int]) -> set[int]:
    seen: set[int] = set()
    todo = list(start)
    while todo:
        at = todo.pop()
        if at not in seen:
            seen.add(at)
            todo += imports[at]
    return seen


def test_a_change_changes_the_keys_of_what_depends_on_it_alone(tmp_path: Path) -> None:
    modules = {"A": "import B\nimport C", "B": "import D", "C": "", "D": "def d := 1"}
    before = artifact_keys(load_graph(["A"], project(tmp_path / "one", modules)).order, "lean")
    same = artifact_keys(load_graph(["A"], project(tmp_path / "two", modules)).order, "lean")
    after = artifact_keys(
        load_graph(["A"], project(tmp_path / "two", {**modules, "B": "import D\n"})).order, "lean"
    )
    assert before == same
    assert {name for name in before if before[name] != after[name]} == {"A", "B"}
    other = artifact_keys(load_graph(["A"], project(tmp_path / "one", modules)).order, "another lean")
    assert not set(before.values()) & set(other.values())
