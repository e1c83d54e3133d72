"""A language model beside the search: who is first, what is spent, and that nothing but the gate makes a proof."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from scripted_prover import ScriptedProver

from stepprove.agent.file.hole_target import problem_of
from stepprove.agent.file.options import ProveOptions
from stepprove.agent.file.prove import LentPools, prove_source
from stepprove.agent.file.report import HoleResult, ProveReport
from stepprove.agent.models.plan import ModelPlan
from stepprove.agent.models.refine import RefineOptions
from stepprove.agent.models.trajectory import TirOptions
from stepprove.agent.policies import Schedule
from stepprove.agent.stop import Stop
from stepprove.agent.trace.trace import Trace, read_trace
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Judgement, judge
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome
from stepprove.serving.client.budget import Budget, Prices
from stepprove.serving.client.model_traits import traits_of

# Nothing in the portfolio unfolds an opaque predicate; the model is told by its script.
KNOWN = "opaque P : Nat → Prop\n"
HARD = f"{KNOWN}theorem t (p : ∀ n, P (n * n + 41)) : ∃ k, P (k + 41) ∧ k % 1000003 = 670987 := by\n  sorry\n"
PROOF = "  refine ⟨4321 * 4321, p 4321, ?_⟩\n  decide"
STATED = "theorem t (p : ∀ n, P (n * n + 41)) : ∃ k, P (k + 41) ∧ k % 1000003 = 670987 := by\n"
ANSWER = f"</think>\n```lean4\n{KNOWN}{STATED}{PROOF}\n```"
QUICK = Schedule(search_seconds=2.0, head_start=5.0)
"""The policy `auto` with a short search."""
TIR = {"style": "tir", "attempts": 1, "policy": "model"}


class Ask:
    """Runs the prover with a model that plays a part."""

    def __init__(self, engine: Engine, search: SyncPool, pool: SyncPool, prover: ScriptedProver) -> None:
        self.engine, self.search, self.pool, self.prover = engine, search, pool, prover

    def __call__(
        self,
        text: str,
        name: str,
        *,
        time_limit: float = 30.0,
        stop: Stop | None = None,
        trace: Trace | None = None,
        **plan: Any,
    ) -> ProveReport:
        form = name if "/" in name else f"{self.prover.url}#{name}"
        return prove_source(
            parse_source(text),
            self.engine,
            ProveOptions(time_limit=time_limit, remember=False),
            pools=LentPools(self.search, self.pool),
            stop=stop,
            model=ModelPlan(name=form, **(TIR | plan)),
            trace=trace,
        )


@pytest.fixture
def ask(engine: Engine, search_pool: SyncPool, lean_pool: SyncPool, prover: ScriptedProver) -> Ask:
    return Ask(engine, search_pool, lean_pool, prover)


def only(report: ProveReport) -> HoleResult:
    (hole,) = report.holes
    return hole


def test_a_models_proof_takes_the_holes_place(ask: Ask, prover: ScriptedProver) -> None:
    prover.play("p-good", [ANSWER])
    report = ask(HARD, "p-good")
    assert only(report).outcome is Outcome.PROVED
    assert report.text == HARD.replace("  sorry", PROOF)
    assert report.usage.tokens > 0


def test_a_models_proof_is_gated_once(
    ask: Ask, prover: ScriptedProver, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[str] = []

    def counted(repl: Repl, original: str, candidate: str, **options: Any) -> Judgement:
        judged.append(candidate)
        return judge(repl, original, candidate, **options)

    monkeypatch.setattr("stepprove.agent.file.filled_file_gate.judge", counted)
    prover.play("p-once", [ANSWER])
    assert only(ask(HARD, "p-once")).outcome is Outcome.PROVED
    assert judged == [HARD.replace("  sorry", PROOF)]


def test_sketches_see_what_stands_above_the_hole(ask: Ask, prover: ScriptedProver, tmp_path: Path) -> None:
    wrong = f"{STATED}  exact ⟨0, p 0, rfl⟩"
    prover.play("p-learns", [f"<sketch>{wrong}</sketch>", f"<sketch>{KNOWN}{STATED}{PROOF}</sketch>", ANSWER])
    trace = Trace.create(tmp_path)
    report = ask(HARD, "p-learns", trace=trace)
    trace.close()
    assert only(report).found_by == "the model (2 sketches)"
    assert trace.path is not None
    records = list(read_trace(trace.path))
    checks = [r for r in records if r["kind"] == "check"]
    assert [check["clean"] for check in checks] == [False, True]
    assert "unknown" not in checks[0]["feedback"].lower()
    kinds = [r["kind"] for r in records]
    assert kinds == [
        "hole",
        "attempt",
        "turn",
        "check",
        "turn",
        "check",
        "turn",
        "verdict",
        "found",
        "result",
    ]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("theorem t : True := by\n  trivial", "not the declaration"),
        (f"{STATED}  exact ⟨0, p 0, rfl⟩", "Type mismatch|type mismatch|not definitionally equal|rfl"),
        (f"{STATED}  sorry", "sorry"),
        (f"axiom cheat : ∃ k, P (k + 41) ∧ k % 1000003 = 670987\n{STATED}  exact cheat", "cheat"),
        (f"{STATED}  trivial\n\nend\n#exit", "."),
    ],
)
def test_no_answer_that_proves_nothing_is_accepted(
    ask: Ask, prover: ScriptedProver, answer: str, said: str
) -> None:
    prover.play("p-bad", [f"</think>\n```lean4\n{answer}\n```"])
    report = ask(HARD, "p-bad")
    assert only(report).outcome in (Outcome.FAILED, Outcome.REJECTED)
    assert re.search(said, only(report).reason or "")
    assert report.text == HARD


def test_the_search_wins_before_the_model_is_asked(ask: Ask, prover: ScriptedProver) -> None:
    prover.play("p-unasked", ["</think>"])
    asked = len(prover.asked)
    report = ask("theorem t : 1 + 1 = 2 := by sorry\n", "p-unasked", policy="auto", schedule=QUICK)
    assert only(report).proof == "rfl" and report.usage.tokens == 0
    assert len(prover.asked) == asked


def test_what_the_search_leaves_is_the_models(ask: Ask, prover: ScriptedProver) -> None:
    prover.play("p-left", [ANSWER])
    text = f"{KNOWN}theorem s : 2 + 2 = 4 := by sorry\n{HARD.removeprefix(KNOWN)}"
    report = ask(text, "p-left", policy="auto", schedule=QUICK)
    assert [hole.outcome for hole in report.holes] == [Outcome.PROVED] * 2
    assert (report.holes[1].found_by or "").startswith("the model")


class Clock(Trace):
    """Notes when the gate accepted a proof, and when the hole was done."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted = self.finished = 0.0

    def record(self, kind: str, **fields: Any) -> None:
        if kind == "verdict" and fields["outcome"] == "proved":
            self.accepted = time.monotonic()
        if kind == "found":
            self.finished = time.monotonic()


def test_the_first_accepted_proof_ends_the_other_attempts_within_a_second(
    ask: Ask, engine: Engine, prover: ScriptedProver
) -> None:
    """One of them waits for its server, the other for Lean, at a sketch that runs away."""
    runaway = "<sketch>theorem r : (List.range 10000000000).length = 1 := by decide +kernel</sketch>"
    prover.play("p-race")
    prover.scripts["p-race"] = lambda body: [(ANSWER, 2.0), (ANSWER, 30.0), (runaway, 0.0)][body["seed"]]
    clock = Clock()
    with SyncPool(engine, size=2, standby=0) as ask.pool:
        report = ask(HARD, "p-race", attempts=3, trace=clock)
        assert only(report).outcome is Outcome.PROVED
        assert clock.finished - clock.accepted < 1.0
        deadline = time.monotonic() + 5
        while not prover.left and time.monotonic() < deadline:
            time.sleep(0.05)
        assert prover.left[-1] - clock.accepted < 1.0
        assert ask.pool.stats.running == 0


def test_the_models_proof_ends_the_search_within_a_second(ask: Ask, prover: ScriptedProver) -> None:
    prover.play("p-cut", [ANSWER])
    clock = Clock()
    report = ask(HARD, "p-cut", policy="auto", schedule=Schedule(60.0, 0.1), time_limit=60.0, trace=clock)
    assert (only(report).found_by or "").startswith("the model")
    assert clock.finished - clock.accepted < 1.0


def test_an_unreachable_model_is_infrastructure(ask: Ask) -> None:
    report = ask(HARD, "http://127.0.0.1:9/v1#none", retries=0)
    assert only(report).outcome is Outcome.INFRASTRUCTURE
    assert "cannot be reached" in (only(report).reason or "")


@pytest.mark.parametrize(
    "plan",
    [
        {"budget": Budget(tokens=50)},
        {"budget": Budget(dollars=1e-6), "prices": Prices(1.0, 1.0)},
        {"hole_tokens": 50},
    ],
)
def test_a_spent_budget_is_infrastructure(ask: Ask, prover: ScriptedProver, plan: dict[str, Any]) -> None:
    prover.play("p-spends", [f"<sketch>{STATED}{PROOF}</sketch>"])
    report = ask(HARD, "p-spends", **plan)
    assert only(report).outcome is Outcome.INFRASTRUCTURE
    assert "budget" in (only(report).reason or "")


def test_time_runs_out_for_a_slow_model(ask: Ask, prover: ScriptedProver) -> None:
    prover.play("p-slow", [ANSWER], slow=30.0)
    report = ask(HARD, "p-slow", time_limit=2.0)
    assert only(report).outcome is Outcome.TIMEOUT


def test_an_answer_that_lean_cannot_tell_of_in_time_is_no_failure(ask: Ask, prover: ScriptedProver) -> None:
    runaway = "theorem r : (List.range 10000000000).length = 1 := by decide +kernel\n"
    prover.play("chat-runaway", [f"```lean4\n{runaway}{STATED}  nonsense\n```"])
    chat = RefineOptions(check_seconds=6.0, search_seconds=0.0)
    (hole,) = ask(HARD, "chat-runaway", style="chat", rounds=1, chat=chat).holes
    assert hole.outcome is Outcome.TIMEOUT
    assert hole.reason == "Lean could not tell of all of the model's 1 answer"


def test_a_sketch_that_lean_cannot_tell_of_in_time_is_no_failure(ask: Ask, prover: ScriptedProver) -> None:
    runaway = "theorem r : (List.range 10000000000).length = 1 := by decide +kernel"
    prover.play("p-unsaid", [f"<sketch>{runaway}</sketch>", "That is all."])
    (hole,) = ask(HARD, "p-unsaid", attempts=1, tir=TirOptions(check_seconds=4.0)).holes
    assert hole.outcome is Outcome.TIMEOUT
    assert hole.reason == "Lean could not tell of all of the model's sketches"


def test_stopping_ends_the_model_and_keeps_what_is_proved(ask: Ask, prover: ScriptedProver) -> None:
    prover.play("p-stop", [ANSWER], slow=60.0)
    stop = Stop()
    text = f"{KNOWN}theorem s : 2 + 2 = 4 := by sorry\n{HARD.removeprefix(KNOWN)}"
    threading.Timer(6.0, stop.set).start()
    started = time.monotonic()
    report = ask(text, "p-stop", policy="auto", schedule=QUICK, time_limit=50.0, stop=stop)
    assert [hole.outcome for hole in report.holes] == [Outcome.PROVED, Outcome.TIMEOUT]
    assert time.monotonic() - started < 20.0


def test_the_hole_beside_an_open_one_is_proved_by_the_model(ask: Ask, prover: ScriptedProver) -> None:
    statement = "theorem t (p : ∀ n, P (n * n + 41)) : (∃ k, P (k + 41) ∧ k % 1000003 = 670987) ∧ P 7 := by\n  constructor\n"
    answer = f"{statement}  · exact ⟨4321 * 4321, p 4321, by decide⟩\n  · sorry\n"
    prover.play("p-two", [f"</think>\n```lean4\n{answer}\n```"])
    report = ask(f"{KNOWN}{statement}  · sorry\n  · sorry\n", "p-two")
    assert report.holes[0].outcome is Outcome.PROVED
    assert report.holes[1].outcome is not Outcome.PROVED
    assert report.text == f"{KNOWN}{answer}"


def test_equal_seeds_ask_the_same(ask: Ask, prover: ScriptedProver) -> None:
    prover.play("p-seed", [f"<sketch>{STATED}  sorry</sketch>", ANSWER])
    asked = []
    for _ in range(2):
        before = len(prover.asked)
        assert only(ask(HARD, "p-seed")).outcome is Outcome.PROVED
        asked.append(prover.asked[before:])
    assert asked[0] == asked[1]


def test_how_a_model_is_asked_follows_its_name() -> None:
    assert traits_of("stepfun-ai/StepFun-Prover-Preview-32B").style == traits_of("tiny").style == "tir"
    assert traits_of("gpt-oss-120b").style == "chat"


def test_a_hole_is_shown_in_its_place() -> None:
    source = parse_source(
        "import Lean\nnamespace A\n/-- b -/\ndef b := 1\n@[simp] theorem t : b = 1 := by\n  sorry\nend A\n"
    )
    problem = problem_of(source, source.holes[0], None)
    assert problem.header == "import Lean"
    assert problem.context == "namespace A\n/-- b -/\ndef b := 1"
    assert problem.statement == "@[simp] theorem t : b = 1 := by\n  sorry"
