"""A run as one HTML page: no script, nothing loaded from elsewhere, everything that a model or Lean wrote escaped.

Jinja escapes what is not marked as HTML; marked are only the highlighted code (Pygments escapes it) and the drawn graph. The
page's own policy forbids scripts besides.
"""

from __future__ import annotations

import json
import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from stepprove.agent.trace.proof_graph import draw_graph
from stepprove.agent.trace.reader import RunTrace, check_state
from stepprove.visible import visible

MOST_SHOWN = 50_000
"""Characters of one text; the trace has the rest."""

_CODE = re.compile(r"<sketch>(.*?)(?:</sketch>|\Z)|```[ \t]*\w*\n(.*?)(?:```|\Z)", re.DOTALL)
_FORMATTER = HtmlFormatter(nowrap=True)


def trace_page(story: RunTrace) -> str:
    """The page of a run."""
    environment = Environment(
        loader=PackageLoader("stepprove.agent.trace", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"lean": lean, "prose": prose, "said": said, "thousands": lambda n: f"{n:,}"}
    environment.globals |= {"draw": draw_graph, "state": check_state}
    return visible(environment.get_template("trace.html").render(story=story))


def lean(code: str) -> Markup:
    """Lean code, highlighted."""
    shown, rest = _cut(code)
    lexer = get_lexer_by_name("lean4", stripnl=False)
    return Markup('<pre class="code">{}</pre>{}').format(Markup(highlight(shown, lexer, _FORMATTER)), rest)


def prose(text: str) -> Markup:
    """What a model wrote: its words as they are, its sketches and blocks highlighted."""
    shown, rest = _cut(text)
    parts: list[Markup] = []
    at = 0
    for found in _CODE.finditer(shown):
        parts += [_words(shown[at : found.start()]), lean((found[1] or found[2] or "").strip("\n"))]
        at = found.end()
    return Markup("").join([*parts, _words(shown[at:]), rest])


def _words(text: str) -> Markup:
    return Markup('<div class="words">{}</div>').format(text.strip("\n")) if text.strip() else Markup("")


def _cut(text: str) -> tuple[str, Markup]:
    """As much of a text as is shown, and a remark on the rest."""
    if len(text) <= MOST_SHOWN:
        return text, Markup("")
    left = f"{len(text) - MOST_SHOWN:,}"
    return text[:MOST_SHOWN], Markup('<p class="rest">… {} more characters are in the trace.</p>').format(
        left
    )


def said(feedback: str) -> Markup:
    """What Lean said of code: its messages one by one where it is the REPL's JSON, else as it is."""
    try:
        answer = json.loads(feedback)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not answer.keys() <= {"messages", "sorries"}:
        return _words(feedback)
    parts = [_message(m) for m in answer.get("messages", ())]
    parts += [
        Markup('<li><b class="sorry">open</b> {}<pre>{}</pre></li>').format(_place(s), _short(s.get("goal")))
        for s in answer.get("sorries", ())
    ]
    if not parts:
        return Markup('<p class="clean">No message: Lean accepts it.</p>')
    return Markup("<ul class='said'>{}</ul>").format(Markup("").join(parts))


def _message(message: dict[str, Any]) -> Markup:
    kind = str(message.get("severity"))
    return Markup('<li><b class="{}">{}</b> {}<pre>{}</pre></li>').format(
        kind if kind.isalpha() else "", kind, _place(message), _short(message.get("data"))
    )


def _place(record: dict[str, Any]) -> Markup:
    line = (record.get("pos") or {}).get("line")
    return Markup("") if line is None else Markup("line {}").format(line)


def _short(text: Any) -> Markup:
    shown, rest = _cut(str(text))
    return escape(shown) + rest
