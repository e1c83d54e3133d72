"""The prose of the pages and docstrings: a list of patterns keeps the passive, and relative clauses as subjects, out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
        *ROOT.glob("docs/**/*.md"),
    ]
)
PACKAGE = sorted((ROOT / "stepprove").rglob("*.py"))
RATCHET = 305
"""Patterns in docstrings of the package. It may shrink and not grow: lower it when you rewrite some."""

PATTERNS = {
    "a relative clause as the subject": re.compile(
        r"^(?:And |But |So )?(?:What|Whatever|Whoever|Who) [^?]*$"
    ),
    "say: accepts, proves, shows": re.compile(r"\b(?:bears?|bore|borne) out\b"),
    "say: is, equals, amounts to": re.compile(
        r"\b(?:comes?|came) to(?: (?:\d|what|the same|the figures|nothing|little|less)|[:.,]|$)"
    ),
    "say who does it": re.compile(r"\b(?:is|are|was|were) (?:told|said|asked|turned away)\b"),
}
"""Advice, and the pattern that no sentence may match."""


@dataclass(frozen=True)
class Sentence:
    """One sentence and the line on which its paragraph begins."""

    line: int
    text: str


def sentences(markdown: str) -> Iterator[Sentence]:
    """The sentences of a page: paragraphs, list items, table cells and headings, without code."""
    fenced = False
    block: list[str] = []
    start = 1
    for number, line in enumerate([*markdown.splitlines(), ""], 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            line = ""
        elif fenced or (line.startswith("    ") and not block):
            continue
        begins = re.match(r"\s*(?:[-*] |\d+\. |#+ |\||> ?)", line)
        if not line.strip() or begins:
            yield from (Sentence(start, text) for text in split(" ".join(block)))
            block, start = [], number
        for cell in line.split("|") if line.startswith("|") else [line]:
            if line.startswith("|"):
                yield from (Sentence(number, text) for text in split(cell))
            elif cell.strip():
                block.append(re.sub(r"^\s*(?:[-*] |\d+\. |#+ |> ?)", "", cell).strip())


def split(text: str) -> list[str]:
    """The sentences of a paragraph; code stands in them as `x`."""
    plain = re.sub(r"`[^`]*`", "x", text).replace("*", "").strip()
    return [s for s in re.split(r"(?<=[.!?:;])\s+", plain) if s]


def offences(text: str) -> list[str]:
    """A line for each sentence of a page that matches a pattern."""
    return [
        f"line {sentence.line}: {wrong}: {sentence.text}"
        for sentence in sentences(text)
        for wrong, pattern in PATTERNS.items()
        if pattern.search(sentence.text)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "## What an attempt is",
        "Whoever asks gets an answer.",
        "It is fast. What it turns away is taken out.",
        "- **Gate**: it says no more than the kernel\n  bears out.",
        "| what | the papers' claims come to little |",
        "The second is told so.",
    ],
)
def test_the_patterns_find_what_they_are_for(text: str) -> None:
    assert offences(text)


@pytest.mark.parametrize(
    "text",
    [
        "What does the harness cost?",
        "The gate accepts the candidate.",
        "```sh\nWhat is code\n```",
        "A run comes to an end; `is told` is code.",
        "| question | answer |\n|---|---|\n| Who judges? | Lean |",
    ],
)
def test_the_patterns_leave_good_prose_alone(text: str) -> None:
    assert not offences(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_in_the_active_voice(page: Path) -> None:
    found = offences(page.read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


def test_docstrings_do_not_get_worse() -> None:
    found = []
    for path in PACKAGE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                first = (ast.get_docstring(node) or "").partition("\n\n")[0]
                found += [f"{path.relative_to(ROOT)}: {offence}" for offence in offences(first)]
    assert len(found) <= RATCHET, "\n".join([f"{len(found)} are more than {RATCHET}:", *found])
