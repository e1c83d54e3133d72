"""Write the events of a run to its trace."""

from __future__ import annotations

from typing import Any

from stepprove.agent.file.options import Finished, Listener, ProveEvent, Searched, Started
from stepprove.agent.search.result import SearchResult
from stepprove.agent.trace.trace import Trace
from stepprove.faults import fault_told
from stepprove.lean_project.source.file import SourceFile


def trace_listener(trace: Trace, source: SourceFile, listen: Listener) -> Listener:
    """Wrap a listener: write each event to the trace, then pass it on. A failed write never raises."""

    def listener(event: ProveEvent) -> None:
        for each in write_event, listen:
            try:
                each(event)
            except Exception as fault:
                fault_told(fault, "what a run tells")

    def write_event(event: ProveEvent) -> None:
        match event:
            case Started(index):
                hole = source.holes[index]
                owner = None if hole.declaration is None else source.declarations[hole.declaration]
                name = None if owner is None else owner.full_name or owner.keyword
                trace.record("hole", hole=index, line=hole.line, column=hole.column, declaration=name)
            case Searched(index, result):
                trace.record("graph", hole=index, **_graph(result))
            case Finished(result):
                trace.record(
                    "found",
                    hole=result.index,
                    outcome=result.outcome,
                    proof=result.proof,
                    found_by=result.found_by,
                    reason=result.reason,
                    goal=result.goal,
                    seconds=result.seconds,
                )

    return listener


def _graph(result: SearchResult) -> dict[str, Any]:
    """Return a proof graph as plain data: nodes numbered in order, edges from goals to moves and from moves to goals."""
    numbers = {node: number for number, node in enumerate(result.graph)}
    nodes = [
        {
            "kind": node[0],
            **{key: data[key] for key in ("label", "proved", "cost", "closed_by") if key in data},
        }
        for node, data in result.graph.nodes(data=True)
    ]
    return {
        "outcome": result.outcome,
        "steps": result.steps,
        "seconds": round(result.seconds, 3),
        "found_by": result.found_by or None,
        "nodes": nodes,
        "edges": [[numbers[a], numbers[b]] for a, b in result.graph.edges()],
    }
