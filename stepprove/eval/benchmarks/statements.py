"""Parse a record of a benchmark's file as a statement; the fields tell the published forms apart.

miniF2F has several: .lean files, DeepSeek's JSONL (`header`, `informal_prefix` and a `formal_statement` that ends in `:= by`),
Goedel's (the same fields, with the header inside the statement, and `lean4_code`), and plain `name`, `header`,
`formal_statement`. FormalMATH has `autoformalization` and `refined_statement`; ProverBench `name`, `header` and
`formal_statement`; StepFun-Formalizer's evaluation `name`, `problem`, `header` and `ground_truth`. The informal text is in a
field, or in the comment above the theorem.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from stepprove.lean_project.source.file import parse_source
from stepprove.lean_project.source.lexer import tokenize


class BadRecord(ValueError):
    """A record is not a statement; the message says why, without the record's place."""


class BenchmarkStatement(BaseModel):
    """A theorem to prove, as a benchmark states it."""

    model_config = ConfigDict(frozen=True)

    name: str
    source: str
    """Lean text that ends in `sorry`, header included."""
    split: str | None = None
    """As in the record, in lower case."""
    informal: str | None = None


_NAMES = ("name", "theorem_name", "theorem_names", "full_name", "problem_name", "problem_id", "id")
_FORMAL = (
    "formal_statement",
    "lean4_code",
    "autoformalization",
    "formal_stmt",
    "lean_code",
    "ground_truth",
    "statement",
)
_INFORMAL = (
    "informal_statement",
    "informal_prefix",
    "refined_statement",
    "informal_stmt",
    "nl_statement",
    "informal_problem",
    "nl_problem",
    "problem",
    "question",
    "statement",
)
_LEAN = re.compile(r"^\s*(?:import|theorem|lemma|example)\b", re.MULTILINE)


def statement_of(record: Mapping[str, Any], header: str = "import Mathlib") -> BenchmarkStatement:
    """Return the statement of a record; a record without a header gets `header`. Raises BadRecord."""
    formal = _text(record, _FORMAL)
    if formal is None:
        raise BadRecord(f"it has none of the fields {', '.join(_FORMAL)}")
    informal = _text(record, _INFORMAL)
    if informal is not None and _LEAN.search(informal):
        informal = None  # some files have words in this field, others Lean
    own = record.get("header")
    source = with_hole(_under(own if isinstance(own, str) and own.strip() else header, formal))
    name = _text(record, _NAMES) or theorem_of(source)
    if name is None:
        raise BadRecord("it names no theorem")
    split = record.get("split")
    return BenchmarkStatement(
        name=name,
        source=source,
        split=split.lower() if isinstance(split, str) else None,
        informal=_documented(source) if informal is None else _plain(informal) or None,
    )


def statement_in(text: str, stem: str, split: str | None) -> BenchmarkStatement:
    """Return the statement of a .lean file, named after the file; raise BadRecord."""
    source = with_hole(text)
    return BenchmarkStatement(name=stem, source=source, split=split, informal=_documented(source))


def with_hole(text: str) -> str:
    """Return a Lean text that ends in a theorem, with `sorry` in place of the missing proof; raise BadRecord."""
    text = text.strip()
    words = [token.text for token in tokenize(text)]
    if words[-1:] == ["by"]:
        text += " sorry"
    elif words[-1:] == [":="]:
        text += " by sorry"
    elif "sorry" not in words:
        if ":=" in words[_last_theorem(words) :]:
            raise BadRecord("there is no `sorry` in it")
        text += " := by sorry"
    if theorem_of(text) is None:
        raise BadRecord("it states no theorem with a name and a `sorry`")
    return text + "\n"


def theorem_of(text: str) -> str | None:
    """Return the last named declaration with a `sorry` of its own."""
    holed = [d.full_name for d in parse_source(text).declarations if d.holes and d.full_name]
    return holed[-1] if holed else None


def _documented(source: str) -> str | None:
    """Return the comment above the last theorem."""
    parsed = parse_source(source)
    holed = [d for d in parsed.declarations if d.holes]
    text = parsed.chunks[holed[-1].chunk].text if holed else ""
    comments = [text[token.start : token.end] for token in tokenize(text) if token.kind == "doc"]
    return (_plain(comments[-1]) or None) if comments else None


def _last_theorem(words: list[str]) -> int:
    places = [place for place, word in enumerate(words) if word in ("theorem", "lemma", "example")]
    return places[-1] if places else 0


def _text(record: Mapping[str, Any], fields: tuple[str, ...]) -> str | None:
    """Return the first nonempty field."""
    for field in fields:
        value = record.get(field)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip():
            return value.strip().encode("utf-8", "replace").decode()  # JSON can hold halves of characters
    return None


def _under(header: str, formal: str) -> str:
    """Put a statement under its header, unless it has imports of its own."""
    return formal if parse_source(formal).imports else f"{header.strip()}\n\n{formal}"


def _plain(text: str) -> str:
    """Remove comment marks from an informal statement."""
    return re.sub(r"^/-[-!]?\s*|\s*-/$", "", text.strip())
