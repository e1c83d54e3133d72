"""A proof tree, written as a tactic block and minimised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

INDENT = "  "
WIDTH = 96
_HOLE = "=> ?_"


@dataclass(frozen=True)
class Proof:
    """A proof tree: a step, its label, and the proofs of the goals it leaves."""

    tactic: str
    name: str = ""
    children: tuple[Proof, ...] = ()

    def steps(self) -> Iterator[Proof]:
        """Yield every step, the first one first."""
        yield self
        for child in self.children:
            yield from child.steps()


def write(proof: Proof) -> list[str]:
    """Return the lines of the tactic block, without indentation of the block itself."""
    return [part for line in _lines(proof) for part in _fold(line)]


def _lines(proof: Proof) -> list[str]:
    lines = _step_lines(proof)
    if _holes(proof.tactic) == len(proof.children) > 0:
        return list(_filled(lines, proof.children))
    if len(proof.children) == 1:
        return lines + _lines(proof.children[0])
    for child in proof.children:
        first, *rest = _lines(child)
        lines += ["· " + first] + [INDENT + line for line in rest]
    return lines


def _holes(text: str) -> int:
    return sum(_is_hole(line) for line in text.splitlines())


def _is_hole(line: str) -> bool:
    """Return whether the line is an alternative that stands for one goal: `| … => ?_`."""
    return line.lstrip().startswith("|") and line.endswith(_HOLE)


def _step_lines(proof: Proof) -> list[str]:
    text = proof.tactic
    if not proof.children:  # the step closes its goals, so no further tactic is tried
        text = text.replace("<;> try ", "<;> ")
    return text.splitlines()


def _filled(lines: Sequence[str], children: Sequence[Proof]) -> Iterator[str]:
    """Replace each `?_` by its child, on the same line if it is short."""
    remaining = iter(children)
    for line in lines:
        if not _is_hole(line):
            yield line
            continue
        body = _lines(next(remaining))
        head = line.removesuffix(" ?_")
        indent = " " * (len(line) - len(line.lstrip()))
        if len(body) == 1 and len(head) + len(body[0]) < WIDTH:
            yield f"{head} {body[0]}"
        else:
            yield head
            yield from (indent + INDENT + line for line in body)


def _fold(line: str) -> Iterator[str]:
    """Break a long statement at a connective; Lean reads on while the indentation is deeper.

    Only the text before the first `by` is broken, because columns matter in a tactic block.
    """
    indent = len(line) - len(line.lstrip())
    while len(line) > WIDTH:
        end = line.find(" by ")
        end = min(WIDTH, end) if end >= 0 else WIDTH
        places = (line.rfind(mark, indent + 30, end) for mark in (" → ", " ∨ ", " ∧ "))
        at = next((place for place in places if place >= 0), -1)
        if at < 0:
            break
        yield line[:at]
        line = " " * (indent + 4) + line[at:].lstrip()
    yield line


def minimise(proof: Proof, checks: Callable[[Proof], bool]) -> Proof:
    """Drop steps that the rest of the proof does not need.

    A step with one remaining goal is dropped if the proof of that goal also proves the goal before it. A closing step at the
    end replaces the whole proof if it can. The last steps are tried first.

    Args:
        proof: the proof.
        checks: whether a shortened proof still holds.
    """
    while True:
        for candidate in _shorter(proof):
            if checks(candidate):
                proof = candidate
                break
        else:
            return proof


def _shorter(proof: Proof) -> Iterator[Proof]:
    """Yield proofs with one step less."""
    for place, child in enumerate(proof.children):
        for shorter in _shorter(child):
            children = (*proof.children[:place], shorter, *proof.children[place + 1 :])
            yield Proof(proof.tactic, proof.name, children)
    if len(proof.children) == 1:
        yield proof.children[0]


def summary(proof: Proof) -> str:
    """Return a label for the proof's finder: "omega", "search: induction n; omega"."""
    names = list(dict.fromkeys(step.name or step.tactic.splitlines()[0] for step in proof.steps()))
    if len(names) == 1:
        return names[0]
    return "search: " + "; ".join(names)


def block(text: str) -> str:
    """Join several lines into one tactic."""
    lines = text.splitlines()
    if len(lines) == 1:
        return text
    return "(\n" + "\n".join("  " + line for line in lines) + ")"
