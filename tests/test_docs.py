"""The pages name what is there: links lead to pages and headings, paths to files, commands to commands."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from stepprove.cli.main import program

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
        *ROOT.glob("docs/**/*.md"),
    ]
)
CODE = {".py", ".cjs", ".lean", ".yaml", ".json", ".sh", ".html", ".js"}
GENERATED = {"reference/cli.md", "index.md", "contributing.md", "security.md", "changelog.md"}
"""Pages that the site makes (docs/site_pages.py)."""
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:stepprove|tests|benchmarks|docs|examples|\.ci)/[\w./-]*)`")
_SHORT_PATH = re.compile(r"`((?:agent|cli|eval|formalizer|lean_project|serving|train)/[\w/-]+\.\w+)`")
"""The path of a file in the package, without the package's name."""
_CODE_NAME = re.compile(r"`(?:[a-zA-Z]\w*\.)*([a-z]+(?:_[a-z0-9]+)+|(?:[A-Z][a-z0-9]+){2,})(?:\(\))?`")
"""A name in the style of Python's functions or classes, with the modules and classes before it."""
_IMPORT = re.compile(r"^from (stepprove[\w.]*) import (?:\(([^)]*)\)|([^\n(]*))$", re.MULTILINE)
_LEAN_NAMES = {"bv_decide", "self_proof_apply_check", "self_proof_exact_check", "match_1"}
"""Names of Lean, or of other projects, in the style of ours."""
_COMMAND = re.compile(r"`stepprove ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs both make them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def leads_nowhere(page: Path, link: str) -> bool:
    """Whether a relative link of a page has no target."""
    path, _, anchor = link.partition("#")
    target = page if not path else page.parent / path
    if not target.exists():
        return not (page.is_relative_to(ROOT / "docs") and path in GENERATED)
    return bool(anchor) and target.suffix == ".md" and anchor not in anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = _LINK.findall(page.read_text(encoding="utf-8"))
    assert not [link for link in links if not re.match(r"[a-z]+:", link) and leads_nowhere(page, link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_are_those_of_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    paths = _PATH.findall(text) + [f"stepprove/{path}" for path in _SHORT_PATH.findall(text)]
    assert not [path for path in paths if "NAME" not in path and not (ROOT / path).exists()]


@cache
def words_of_the_code() -> frozenset[str]:
    """Every word of the package, its tests and its examples."""
    folders = ("stepprove", "tests", "benchmarks", "examples", ".ci")
    files = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    text = (
        path.read_text("utf-8", "replace") for path in files if path.suffix in CODE and path != Path(__file__)
    )
    return frozenset(word for content in text for word in re.findall(r"\w+", content))


def test_a_stale_name_is_found() -> None:
    text = "`rewards.proof_rewards`, `ModelPlans()`, `Outcome` and `--time-limit`"
    assert set(_CODE_NAME.findall(text)) - words_of_the_code() == {"proof_rewards", "ModelPlans"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_are_those_of_the_code(page: Path) -> None:
    if page.name != "CHANGELOG.md":
        names = set(_CODE_NAME.findall(page.read_text(encoding="utf-8")))
        assert not names - words_of_the_code() - _LEAN_NAMES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_imports_work(page: Path) -> None:
    for module, several, one in _IMPORT.findall(page.read_text(encoding="utf-8")):
        for name in re.findall(r"\w+", several or one):
            assert hasattr(import_module(module), name), (module, name)


def commands() -> dict[str, dict[str, Any]]:
    """The program's commands, each with its subcommands."""
    root: Any = program()
    return {name: getattr(command, "commands", {}) for name, command in root.commands.items()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_those_of_the_program(page: Path) -> None:
    known = commands()
    for command, sub in _COMMAND.findall(page.read_text(encoding="utf-8")):
        if page.name != "CHANGELOG.md":
            assert command in known, command
            assert not (sub and known[command]) or sub in known[command], (command, sub)


def test_the_readme_names_every_command() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8")
    section = table[table.index("## Commands") :]
    for command, subcommands in commands().items():
        for sub in subcommands or [""]:
            words = re.search(rf"`stepprove {command}\b", section) and re.search(rf"\b{sub}\b", section)
            assert words, f"stepprove {command} {sub}"
