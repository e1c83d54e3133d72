"""Best-first search for a proof, goal by goal.

The proof graph has two kinds of nodes: goals (one move that works is enough) and moves (all the goals that a move leaves must
be proved). A goal that recurs is the same node. The portfolio proposes the moves and Lean runs them. The result is a tactic
script, which the trust gate must still accept.
"""

from __future__ import annotations

import heapq
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from stepprove.agent.search.goal import Goal, parse_goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.portfolio import portfolio
from stepprove.agent.search.result import Progress, SearchOutcome, SearchResult
from stepprove.agent.search.script import Proof, block, minimise, summary, write
from stepprove.agent.search.session import State, StepResult, TacticRunner
from stepprove.lean_project.messages import suggested_tactics

_UNKNOWN = re.compile(r"\?[A-Za-z]")

POLISHING_SECONDS = 10.0
"""The most seconds for minimising a proof."""


def suggestion(messages: Sequence[str]) -> str | None:
    """Return the tactic that `exact?` or a similar tactic suggests, on one line; None if there is no suggestion."""
    first = next(iter(suggested_tactics(messages)), None)
    return first and " ".join(first.split())


class _Stop(Exception):
    """The time is up, the search is cancelled, or the engine cannot recover."""

    def __init__(self, outcome: SearchOutcome, reason: str = "") -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


@dataclass(eq=False)
class _Node:
    """A goal of the graph: its proof state, and its proof and moves so far."""

    goal: Goal
    state: State  # a state with this goal first
    others: int  # the number of the state's other goals
    cost: float
    number: int
    proof: Proof | None = None
    attempts: list[_AppliedMove] = field(default_factory=list)  # the moves that need this goal
    expanded: bool = False
    looked: bool = False
    groups: set[str] = field(default_factory=set)


@dataclass(eq=False)
class _AppliedMove:
    """A move that worked on a goal, and the goals it left."""

    parent: _Node
    move: Move
    children: list[_Node]


@dataclass(frozen=True, slots=True)
class ProofSearchOptions:
    """The options of a search."""

    seconds: float
    """The time limit, of which a running step gets at most the rest."""
    mathlib: bool = False
    """Mathlib's tactics may be used."""
    seed: int = 0
    """Breaks ties between equally promising goals."""
    on_progress: Callable[[Progress], None] = lambda progress: None
    """Receives the progress now and then."""
    cancelled: Callable[[], bool] = lambda: False
    """Checked before every step; true stops the search."""
    definitions: tuple[str, ...] = ()
    """The names of the file's own definitions, which may be unfolded."""


def search(root: State, prover: TacticRunner, options: ProofSearchOptions) -> SearchResult:
    """Search for a proof of the first goal of `root`.

    Args:
        root: the state to start from; its other goals are ignored.
        prover: runs the tactics.
        options: limits and tactics.
    """
    return _Search(root, prover, options).run()


class _Search:
    """One search: the graph, the queue and the clock."""

    def __init__(self, root: State, prover: TacticRunner, options: ProofSearchOptions) -> None:
        self.prover = prover
        self.options = options
        self.portfolio = portfolio(options.mathlib, options.definitions)
        self.started = time.monotonic()
        self.deadline = self.started + options.seconds
        self.random = random.Random(options.seed)
        self.steps = 0
        self.failures = 0
        import networkx as nx  # it costs a fifth of a second, which a run that recalls every proof saves

        self.graph = nx.DiGraph()
        self.nodes: dict[str, _Node] = {}
        self.queue: list[tuple[float, float, int, _Node, Move | None]] = []
        self.order = 0
        self.top = self.node(root, 0, 0.0)

    def run(self) -> SearchResult:
        """Search until a proof is found or there is a reason to stop."""
        outcome, reason = SearchOutcome.EXHAUSTED, ""
        try:
            self.first_look(self.top)
            while self.queue and self.top.proof is None:
                _cost, _, _, node, move = heapq.heappop(self.queue)
                if node.proof is not None or not self.wanted(node):
                    continue
                self.report(node if move is None else move)
                if move is None:
                    self.expand(node)
                else:
                    self.attempt(node, move)
            if self.top.proof is not None:
                self.top.proof = self.minimised(self.top.proof)
        except _Stop as stop:
            outcome, reason = stop.outcome, stop.reason
        proof = self.top.proof
        if proof is not None:
            outcome, reason = SearchOutcome.FOUND, ""
        return SearchResult(
            outcome,
            tuple(write(proof)) if proof else (),
            summary(proof) if proof else "",
            time.monotonic() - self.started,
            self.steps,
            self.graph,
            reason,
        )

    # Goals.

    def node(self, state: State, others: int, cost: float) -> _Node:
        """Return the node of a state's first goal, an existing one if the goal recurs."""
        goal = parse_goal(state.goals[0])
        existing = self.nodes.get(goal.key)
        if existing is not None:
            existing.cost = min(existing.cost, cost)
            return existing
        node = _Node(goal, state, others, cost, len(self.nodes))
        self.nodes[goal.key] = node
        self.graph.add_node(("goal", node.number), label=state.goals[0], proved=False, cost=cost)
        return node

    def wanted(self, node: _Node) -> bool:
        """Return whether a proof of the goal still helps: some move above it is undecided."""
        if node is self.top:
            return True
        return any(a.parent.proof is None for a in node.attempts) and self._reaches_top(node)

    def _reaches_top(self, node: _Node) -> bool:
        stack, seen = [node], {node}
        while stack:
            current = stack.pop()
            if current is self.top:
                return True
            for attempt in current.attempts:
                if attempt.parent.proof is None and attempt.parent not in seen:
                    seen.add(attempt.parent)
                    stack.append(attempt.parent)
        return False

    def first_look(self, node: _Node, after_fact: bool = False) -> None:
        """Try the cheap steps, and queue the goal if they do not close it.

        After a fact, only the first closer is tried; the others follow once no more facts are to be had.
        """
        for move in self.portfolio.closers(node.goal):
            if self.close(node, move):
                return
            if after_fact:
                break
        node.looked = not after_fact
        self.push(node.cost, node, None)

    def push(self, cost: float, node: _Node, move: Move | None) -> None:
        """Queue an expansion (no move) or one of its moves."""
        self.order += 1
        heapq.heappush(self.queue, (cost, self.random.random() * 1e-6, self.order, node, move))

    def expand(self, node: _Node) -> None:
        """Run the forced moves at once and queue the others by cost."""
        node.expanded = True
        moves = list(self.portfolio.moves(node.goal))
        for move in moves:
            if move.forced and self.attempt(node, move):
                return
        if not node.looked:
            for closer in self.portfolio.closers(node.goal):
                if self.close(node, closer):
                    return
        for move in moves:
            if not move.forced:
                self.push(node.cost + move.cost, node, move)

    # Steps.

    def close(self, node: _Node, move: Move) -> bool:
        """Run a closing step; return whether it closed the goal."""
        result = self.step(node, move)
        if not self.closes(node, result):
            return False
        found = suggestion(result.messages)
        if found is not None and self.closes(node, self.step(node, replace(move, tactic=found))):
            move = replace(move, tactic=found)
        self.prove(node, Proof(move.tactic, move.name))
        return True

    def closes(self, node: _Node, result: StepResult) -> bool:
        """Return whether a step closed its goal."""
        return result.status == "ok" and result.state is not None and len(result.state.goals) <= node.others

    def attempt(self, node: _Node, move: Move) -> bool:
        """Run a move and add the goals it leaves; return whether it worked."""
        if move.group and move.group in node.groups:
            return False
        if move.closing:
            return self.close(node, move)
        if move.ladder:
            move, result = self.climb(node, move)
        else:
            result = self.step(node, move)
        if result.status != "ok" or result.state is None:
            return False
        goals = result.state.goals[: len(result.state.goals) - node.others]
        if len(goals) == 1 and parse_goal(goals[0]).key == node.goal.key:
            return False  # nothing changed
        if any(_UNKNOWN.search(goal) for goal in goals):
            return False  # goals that share a metavariable cannot be proved one by one
        if move.group:
            node.groups.add(move.group)
        if not goals:
            self.prove(node, Proof(move.tactic, move.name))
            return True
        return self.take(node, move, result.state, len(goals))

    def climb(self, node: _Node, move: Move) -> tuple[Move, StepResult]:
        """Find the strongest step of a ladder that works, by bisection; the weakest is tried first."""
        result = self.step(node, replace(move, tactic=move.ladder[-1]))
        best, low, high = len(move.ladder) - 1, 0, len(move.ladder) - 1
        while result.status == "ok" and low < high:
            middle = (low + high) // 2
            stronger = self.step(node, replace(move, tactic=move.ladder[middle]))
            if stronger.status == "ok":
                result, best, high = stronger, middle, middle
            else:
                low = middle + 1
        return replace(move, tactic=move.ladder[best]), result

    def take(self, node: _Node, move: Move, state: State, count: int) -> bool:
        """Add the goals that a move left to the graph; the search works on the first open one."""
        children: list[_Node] = []
        attempt = _AppliedMove(node, move, children)
        for place in range(count):
            if place:
                rotated = self.run_tactic(state, "rotate_left 1", 5.0)
                if rotated.state is None:
                    return False
                state = rotated.state
            cost = node.cost if move.forced else node.cost + move.cost
            child = self.node(state, len(state.goals) - 1, cost)
            children.append(child)
        number = ("move", self.graph.number_of_nodes())
        self.graph.add_node(number, label=move.label, proved=False, cost=move.cost)
        self.graph.add_edge(("goal", node.number), number)
        for child in children:
            self.graph.add_edge(number, ("goal", child.number))
            child.attempts.append(attempt)
        node_open = [c for c in children if c.proof is None]
        for child in node_open:
            if not child.expanded and not self._queued(child):
                self.first_look(child, move.fact and move.forced)
            if child.proof is None:
                break
        self.settle(attempt)
        return True

    def _queued(self, node: _Node) -> bool:
        return any(entry[3] is node for entry in self.queue)

    def settle(self, attempt: _AppliedMove) -> None:
        """Prove the goal above once all goals of a move are proved; else continue with the next open goal."""
        if attempt.parent.proof is not None:
            return
        for child in attempt.children:
            if child.proof is None:
                if not child.expanded and not self._queued(child):
                    self.first_look(child)
                if child.proof is None:
                    return
        proofs = tuple(c.proof for c in attempt.children if c.proof is not None)
        self.prove(attempt.parent, Proof(attempt.move.tactic, attempt.move.name, proofs))

    def prove(self, node: _Node, proof: Proof) -> None:
        """Record a proof, and propagate it up the graph."""
        if node.proof is not None:
            return
        node.proof = proof
        closed_by = "" if proof.children else proof.tactic
        self.graph.nodes[("goal", node.number)].update(proved=True, closed_by=closed_by)
        for attempt in node.attempts:
            self.settle(attempt)

    def step(self, node: _Node, move: Move) -> StepResult:
        """Run a move on a goal."""
        return self.run_tactic(node.state, block(move.tactic), move.seconds)

    def run_tactic(self, state: State, tactic: str, seconds: float) -> StepResult:
        """Run a tactic within the budget; raise _Stop."""
        if self.options.cancelled():
            raise _Stop(SearchOutcome.CANCELLED)
        left = self.deadline - time.monotonic()
        if left <= 0.05:
            raise _Stop(SearchOutcome.OUT_OF_TIME)
        self.steps += 1
        result = self.prover.run(state, tactic, min(seconds, left))
        if result.status == "infrastructure":
            self.failures += 1
            if self.failures >= 5:
                raise _Stop(SearchOutcome.INFRASTRUCTURE, "; ".join(result.messages))
        elif result.status != "timeout":
            self.failures = 0
        return result

    def report(self, trying: _Node | Move) -> None:
        """Report the progress."""
        label = trying.label if isinstance(trying, Move) else trying.goal.target
        open_goals = sum(n.proof is None for n in self.nodes.values())
        self.options.on_progress(Progress(time.monotonic() - self.started, self.steps, open_goals, label))

    # The proof found.

    def minimised(self, proof: Proof) -> Proof:
        """Drop steps that are not needed while there is time."""

        self.deadline = max(self.deadline, time.monotonic() + 1.0)
        self.deadline = min(self.deadline, time.monotonic() + POLISHING_SECONDS)

        def checks(candidate: Proof) -> bool:
            return self.replays(self.top.state, self.top.others, candidate)

        try:
            return minimise(proof, checks)
        except _Stop:
            return proof

    def replays(self, state: State, others: int, proof: Proof) -> bool:
        """Return whether the whole text closes the first goal of a state."""
        text = "\n".join(write(proof))
        result = self.run_tactic(state, block(text), 20.0)
        return result.state is not None and len(result.state.goals) == others
