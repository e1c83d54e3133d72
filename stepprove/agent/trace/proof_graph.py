"""Draw the proof graph as SVG: goals and their moves from left to right, proved ones in green.

Lean and models contribute only text inside the tags, all of it escaped.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup, escape

from stepprove.agent.trace.reader import moves_and_goals

_WIDTH = {"goal": 250, "move": 190}
_HEIGHT = 30
_GAP = 46
_ROW = 42
_MARGIN = 8
_LETTERS = {"goal": 32, "move": 23}
MOST_NODES = 80
"""Nodes of a drawing; a larger graph loses the goals that the search left last."""


def draw_graph(graph: dict[str, Any]) -> Markup:
    """Return the SVG of a `graph` record; its first node is the hole's goal."""
    nodes = graph["nodes"]
    kept = _kept(graph)
    children = _tree(graph, kept)
    places: dict[int, tuple[float, float]] = {}
    rows = _place(0, children, nodes, places, _MARGIN, 0)
    width = max(x + _WIDTH[nodes[n]["kind"]] for n, (x, _) in places.items()) + _MARGIN
    height = rows * _ROW + _MARGIN
    proved = _proved(graph)
    parts = [
        Markup('<svg class="graph" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img">').format(
            round(width), round(height)
        ),
        Markup("<title>{}</title>").format(f"The proof graph: {len(places)} of {len(nodes)} nodes"),
    ]
    for a, b in graph["edges"]:
        if a in places and b in places:
            parts.append(_edge(places[a], _WIDTH[nodes[a]["kind"]], places[b], a in proved and b in proved))
    for number, (x, y) in places.items():
        parts.append(_node(nodes[number], number in proved, x, y))
    return Markup("").join([*parts, Markup("</svg>")])


def _kept(graph: dict[str, Any]) -> set[int]:
    """Choose the nodes to draw: the proved ones, then the cheapest, each with its ancestors, up to the limit."""
    nodes = graph["nodes"]
    if len(nodes) <= MOST_NODES:
        return set(range(len(nodes)))
    above = {child: node for node, below in _tree(graph, set(range(len(nodes)))).items() for child in below}
    kept = {0}
    by_promise = sorted(above, key=lambda n: (not nodes[n]["proved"], nodes[n]["cost"], n))
    for node in [*by_promise, *above]:
        path, at = [], node
        while at not in kept:
            path.append(at)
            at = above[at]
        if len(kept) + len(path) <= MOST_NODES:
            kept.update(path)
    return kept


def _tree(graph: dict[str, Any], kept: set[int]) -> dict[int, list[int]]:
    """Return the tree of each node below its first parent."""
    below = moves_and_goals(graph)
    children: dict[int, list[int]] = {}
    seen, todo = {0}, [0]
    while todo:
        node = todo.pop(0)
        children[node] = [n for n in dict.fromkeys(below.get(node, ())) if n in kept and n not in seen]
        seen.update(children[node])
        todo += children[node]
    return children


def _place(
    node: int,
    children: dict[int, list[int]],
    nodes: list[dict[str, Any]],
    places: dict[int, tuple[float, float]],
    x: float,
    row: float,
) -> float:
    """Place a node and its subtree from a row on; return the number of rows."""
    taken = 0.0
    for child in children[node]:
        taken += _place(child, children, nodes, places, x + _WIDTH[nodes[node]["kind"]] + _GAP, row + taken)
    rows = max(1.0, taken)
    below = [places[child][1] for child in children[node]]
    places[node] = (x, sum(below) / len(below) if below else row * _ROW + _MARGIN)
    return rows


def _proved(graph: dict[str, Any]) -> set[int]:
    """Return the proved goals, and the moves with all goals proved."""
    nodes = graph["nodes"]
    below = moves_and_goals(graph)
    return {
        n
        for n, node in enumerate(nodes)
        if (node["proved"] if node["kind"] == "goal" else all(nodes[b]["proved"] for b in below.get(n, [])))
    }


def _edge(start: tuple[float, float], width: float, end: tuple[float, float], proved: bool) -> Markup:
    x1, y1, x2, y2 = start[0] + width, start[1] + _HEIGHT / 2, end[0], end[1] + _HEIGHT / 2
    middle = (x1 + x2) / 2
    return Markup(
        '<path class="edge{}" d="M{:.0f} {:.0f}C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}"/>'
    ).format(" proved" if proved else "", x1, y1, middle, y1, middle, y2, x2, y2)


def _node(node: dict[str, Any], proved: bool, x: float, y: float) -> Markup:
    kind = node["kind"]
    closed_by = node.get("closed_by", "")
    words = _target(node["label"]) if kind == "goal" else str(node["label"])
    most = _LETTERS[kind] - (2 if closed_by else 0)
    shown = words if len(words) <= most else words[: most - 1] + "…"
    tooltip = f"{node['label']}\n\nclosed by: {closed_by}" if closed_by else node["label"]
    return Markup(
        '<g class="{kind}{proved}"><title>{tooltip}</title>'
        '<rect x="{x:.0f}" y="{y:.0f}" width="{width}" height="{height}" rx="{radius}"/>'
        '<text x="{tx:.0f}" y="{ty:.0f}">{shown}</text></g>'
    ).format(
        kind=kind,
        proved=" proved" if proved else "",
        tooltip=tooltip,
        x=x,
        y=y,
        width=_WIDTH[kind],
        height=_HEIGHT,
        radius=6 if kind == "goal" else 15,
        tx=x + 11,
        ty=y + 19.5,
        shown=escape(f"{shown} ✓" if closed_by else shown),
    )


def _target(goal: str) -> str:
    """Return a goal's target on one line."""
    _, mark, target = goal.partition("⊢")
    return " ".join((mark + target).split()) or goal
