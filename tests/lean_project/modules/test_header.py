"""Headers of modules, read from the text alone."""

from __future__ import annotations

import pytest

from stepprove.lean_project.modules.header import Import, read_module_header


def test_a_plain_file_has_plain_imports() -> None:
    header = read_module_header("import A.B\nimport C\n\ntheorem t : 1 = 1 := rfl\nimport D")
    assert (header.is_module, header.prelude) == (False, False)
    assert header.imports == (Import("A.B", 1), Import("C", 2))


def test_a_module_states_how_it_imports() -> None:
    text = "module\n\npublic import A\nmeta import B\npublic meta import C\nimport all D\nprelude"
    assert read_module_header(text).imports == (
        Import("A", 3, public=True),
        Import("B", 4, meta=True),
        Import("C", 5, public=True, meta=True),
        Import("D", 6, all=True),
    )
    assert read_module_header(text).is_module


@pytest.mark.parametrize(
    "text",
    [
        "/- a /- nested -/ comment -/ import A -- and more\n",
        "\ufeffimport A\r\n",
        "-- import B\nimport\n  A\n/-! import B -/\nimport C",
        "/- import B -/ import «A» /-- import C -/ def x := 1",
        "prelude import A\ndef f := 0",
    ],
)
def test_comments_and_space_are_skipped(text: str) -> None:
    assert [i.module for i in read_module_header(text).imports] == ["A"]


def test_guillemets_are_no_part_of_a_name() -> None:
    assert read_module_header("import «my module».B'.C₂").imports[0].module == "my module.B'.C₂"


def test_a_module_may_be_called_all() -> None:
    assert read_module_header("import all\nimport B").imports == (Import("all", 1), Import("B", 2))
    assert read_module_header("import all all").imports == (Import("all", 1, all=True),)


@pytest.mark.parametrize("text", ["", "/- never closed", "import", "import 5", "public", "\x00"])
def test_what_is_no_header_has_no_imports(text: str) -> None:
    assert read_module_header(text).imports == ()
