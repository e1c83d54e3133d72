"""Mutants of honest and hostile files: the gate never crashes, and never accepts what an independent re-check does not.

The re-check shares no process with the gate and believes nothing it says: the file is elaborated whole in one process, which
writes down what it declares; a second process, which has only the original, gives that to its kernel, collects the axioms and
compares the statements. Where the file defines no syntax, Lean's own `#print axioms` and `#check` (everything shown) must say the
same. In the long run both processes are new for every file; STEPPROVE_FUZZ_MUTANTS says how many mutants it takes.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, note, settings
from mutants import mutants

from stepprove.lean_project import CommandResponse, Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Facts, Policy, weigh
from stepprove.lean_project.gate.verify import BrokenOriginal, verify
from stepprove.lean_project.source.file import SourceFile, parse_source
from stepprove.outcome import Outcome

FORBIDDEN = {"sorryAx", "Lean.ofReduceBool", "Lean.ofReduceNat", "Lean.trustCompiler"}
SYNTAX = re.compile(
    r"\b(macro|macro_rules|notation\w*|infix\w*|prefix|postfix|syntax|elab\w*|\w*unexpander|delab|pp)\b|open"
)
LONG = int(os.environ.get("STEPPROVE_FUZZ_MUTANTS", "1000"))


@pytest.fixture(scope="module")
def gate_repl(engine: Engine) -> Iterator[Repl]:
    with Repl(engine, timeout=60, memory_limit_mb=1500, standby=True) as repl:
        yield repl


@pytest.fixture(scope="module")
def two_others(engine: Engine) -> Iterator[tuple[Repl, Repl]]:
    with Repl(engine, timeout=60) as one, Repl(engine, timeout=60) as other:
        yield one, other


def fuzz(
    repl: Repl, pair: tuple[str, str], recheck: Callable[[SourceFile, SourceFile], None]
) -> Outcome | None:
    """Judge a mutant; an accepted one must stand the re-check. None: the original does not suit."""
    original, candidate = (parse_source(text) for text in pair)
    try:
        judgement = verify(repl, original, candidate, timeout=10)
    except BrokenOriginal:
        return None
    note(f"{judgement.outcome}: {judgement.reason}")
    assert judgement.accepted == (judgement.outcome is Outcome.PROVED)
    assert judgement.accepted or judgement.reason
    if judgement.accepted:
        note(candidate.text)
        recheck(original, candidate)
    return judgement.outcome


MADE_OR_OPEN = re.compile(r"sorryAx|\.(?:_proof|match|_simp)_\d")
"""What may be printed otherwise although it means the same: proofs, open ones among them, and numbers that Lean gives."""


def elaborated(repl: Repl, text: str, *, clean: bool) -> int:
    answer = repl.command(text, reuse=False)
    assert isinstance(answer, CommandResponse)
    assert not (clean and answer.has_errors), answer.messages
    return answer.env


def stands(one: Repl, other: Repl, original: SourceFile, candidate: SourceFile) -> None:
    """Assert what acceptance promises, on processes that the gate has not used."""
    texts = [source.text.removeprefix(source.mark) for source in (original, candidate)]
    env, before = elaborated(one, texts[1], clean=True), elaborated(other, texts[0], clean=False)
    exported = one.request({"export": env})["exported"]
    audited = weigh(
        Facts.model_validate(other.request({"audit": exported, "against": before})), (), policy=Policy()
    )
    only_examples = not audited.verdicts and any(d.keyword == "example" for d in original.declarations)
    assert audited.accepted or only_examples, audited.reason
    if SYNTAX.search(candidate.text) or SYNTAX.search(original.text):
        return
    theirs = elaborated(one, texts[0], clean=False)
    library = elaborated(one, original.header, clean=False)
    for name in {verdict.name for verdict in audited.verdicts if verdict.kind == "theorem"}:
        check = f"set_option pp.all true in #check @_root_.{name}"
        if any(part.startswith("_") for part in name.split(".")) or said(one, check, theirs) is None:
            continue  # an anonymous or a private one
        stated = said(one, check, theirs) or ""
        assert said(one, check, env) == stated or MADE_OR_OPEN.search(stated), name
        printed = said(one, f"#print axioms _root_.{name}", env) or ""
        axioms = {axiom.strip() for axiom in printed.partition("[")[2].rpartition("]")[0].split(",")} - {""}
        assert not axioms & FORBIDDEN, printed
        assert not {axiom for axiom in axioms if said(one, f"#check @{axiom}", library) is None}, printed


def said(repl: Repl, command: str, env: int) -> str | None:
    """What Lean prints; None for an error."""
    answer = repl.command(command, env)
    assert isinstance(answer, CommandResponse)
    return None if answer.has_errors else "\n".join(m.data for m in answer.messages if m.severity == "info")


def test_mutants(gate_repl: Repl, two_others: tuple[Repl, Repl]) -> None:
    outcomes: Counter[Outcome | None] = Counter()

    @settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(mutants())
    def run(pair: tuple[str, str]) -> None:
        outcomes[fuzz(gate_repl, pair, lambda *files: stands(*two_others, *files))] += 1

    run()
    assert min(outcomes[Outcome.PROVED], outcomes[Outcome.REJECTED], outcomes[Outcome.FAILED]) >= 5, outcomes


@pytest.mark.nightly
@pytest.mark.timeout(4 * 3600)
def test_many_mutants_each_accepted_one_in_new_processes(gate_repl: Repl, engine: Engine) -> None:
    outcomes: Counter[Outcome | None] = Counter()

    def anew(*files: SourceFile) -> None:
        with Repl(engine, timeout=60) as one, Repl(engine, timeout=60) as other:
            stands(one, other, *files)

    @settings(max_examples=LONG, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(mutants())
    def run(pair: tuple[str, str]) -> None:
        outcomes[fuzz(gate_repl, pair, anew)] += 1

    run()
    print(outcomes)
