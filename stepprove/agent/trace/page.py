"""A run as one HTML page without scripts or external resources; all text by models and Lean is escaped.

Jinja escapes every text that is not marked as HTML; only highlighted code (escaped by Pygments) and the drawn graph are marked.
The page's content security policy forbids scripts besides.
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


def trace_page(run_trace: RunTrace) -> str:
    """Return the page of a run."""
    environment = Environment(
        loader=PackageLoader("stepprove.agent.trace", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"lean": lean, "prose": prose, "said": said, "thousands": lambda n: f"{n:,}"}
    environment.globals |= {"draw": draw_graph, "state": check_state}
    return visible(environment.get_template("trace.html").render(run_trace=run_trace))


def lean(code: str) -> Markup:
    """Highlight Lean code."""
    shown, rest = _cut(code)
    lexer = get_lexer_by_name("lean4", stripnl=False)
    return Markup('<pre class="code">{}</pre>{}').format(Markup(highlight(shown, lexer, _FORMATTER)), rest)


def prose(text: str) -> Markup:
    """Show a model's text: its words as they are, its sketches and blocks highlighted."""
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
    """Cut a text to the limit and remark on the rest."""
    if len(text) <= MOST_SHOWN:
        return text, Markup("")
    left = f"{len(text) - MOST_SHOWN:,}"
    return text[:MOST_SHOWN], Markup('<p class="rest">… {} more characters are in the trace.</p>').format(
        left
    )


def said(feedback: str) -> Markup:
    """Show Lean's feedback: its messages one by one if it is the REPL's JSON, else as it is."""
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
