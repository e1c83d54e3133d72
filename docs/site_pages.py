"""MkDocs hooks: pages that are made from the code and from the files at the root of the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from stepprove.cli.main import program

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
"""Files at the root, and their places in the site."""
ASSETS = ("CITATION.cff",)
_CODE = re.compile(r"`[^`\n]+`")
"""Code in a line. GitHub wants a bar escaped there in a table; Python-Markdown shows the backslash."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for source, target in PAGES.items():
        text = relinked((ROOT / source).read_text(encoding="utf-8"))
        files.append(File.generated(config, target, content=text))
    for name in ASSETS:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8")))
    files.append(File.generated(config, "reference/cli.md", content=command_line()))
    return files


def relinked(text: str) -> str:
    """A page of the root with the links that it needs in the site."""
    text = text.replace("](docs/", "](")
    for source, target in PAGES.items():
        text = text.replace(f"]({source}", f"]({target}")
    return _CODE.sub(lambda code: code[0].replace("\\|", "|"), text)


def command_line() -> str:
    """The reference of all commands, from the program itself."""
    return "# Command line\n\n" + "\n".join(_sections(program(), "stepprove"))


def _sections(command: Any, name: str) -> Iterator[str]:
    """A command's section, then those of its subcommands."""
    context = command.context_class(command, info_name=name)
    usage = re.sub(r"^Usage: ", "", context.command.get_usage(context))
    yield f"## `{name}`\n\n```text\n{usage}\n```\n\n{command.help or ''}\n"
    records = [_row(param.get_help_record(context)) for param in command.params]
    rows = [row for row in records if row]
    if rows:
        yield "\n".join(["| argument or option | meaning |", "|---|---|", *rows, ""])
    for child, subcommand in getattr(command, "commands", {}).items():
        yield from _sections(subcommand, f"{name} {child}")


def _row(record: tuple[str, str] | None) -> str:
    """A table's row for an option; empty for a hidden one."""
    if record is None:
        return ""
    option, meaning = (cell.replace("\n", " ") for cell in record)
    bars = meaning.replace("|", "\\|")
    return f"| `{option}` | {bars} |"
