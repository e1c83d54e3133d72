"""The pages name what is there: links lead to pages and headings, paths to files, commands to commands."""

from __future__ import annotations

import re
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
GENERATED = {"reference/cli.md", "index.md", "contributing.md", "security.md", "changelog.md"}
"""Pages that the site makes (docs/site_pages.py)."""
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:stepprove|tests|benchmarks|docs|examples|\.ci)/[\w./-]*)`")
_SHORT_PATH = re.compile(r"`((?:agent|cli|eval|formalizer|lean_project|serving|train)/[\w/-]+\.\w+)`")
"""The path of a file in the package, without the package's name."""
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
