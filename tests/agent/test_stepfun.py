"""Tool-integrated reasoning: the protocol to the letter, and whole trajectories of scripted models on real Lean."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from scripted_prover import ScriptedProver

from stepprove.agent.models.answer import code_of
from stepprove.agent.models.problem import Problem
from stepprove.agent.models.stepfun import (
    End,
    answer_text,
    break_reason,
    build_prompt,
    feedback_of,
    final_text,
    generated_text,
    repl_block,
    sketch_of,
)
from stepprove.agent.models.trajectory import (
    Checked,
    Generated,
    TirOptions,
    Trajectory,
    feedback_tokens,
    run_trajectory,
)
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.pool.pool import Check, Pool
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.source.prelude import PRELUDE
from stepprove.outcome import Outcome
from stepprove.serving.client.budget import Account, Budget
from stepprove.serving.client.client import BudgetSpent, Client, ModelUnreachable
from stepprove.serving.client.exchange import Sample
from stepprove.serving.client.model_traits import traits_of

SUM = Problem("", "theorem sum (a b : Nat) : a + b = b + a := by\n  sorry", "sum")
PROOF = "theorem sum (a b : Nat) : a + b = b + a := by\n  omega"
ANSWER = f"</think>\nIt is arithmetic.\n```lean4\n{PROOF}\n```"


def run(
    prover: ScriptedProver, pool: Pool, name: str, problem: Problem = SUM, listen: Any = None, **options: Any
) -> Trajectory:
    """A trajectory of a model that a test has given a part."""

    async def body() -> Trajectory:
        async with Client(prover.url, name, retries=3) as client:
            return await run_trajectory(
                client, pool, problem, TirOptions(**options), listen=listen or (lambda event: None)
            )

    return asyncio.run(body())


# The protocol.


def test_the_prompt_is_the_papers_to_the_letter() -> None:
    problem = Problem.parse("import Mathlib\n\ntheorem t (x : ℝ) : x = x := by sorry\n")
    assert build_prompt(problem) == (
        "<｜begin▁of▁sentence｜>You will be given an unsolved Lean 4 problem. Think carefully and work towards a solution. "
        "At any point, you may use the Lean 4 REPL to check your progress by enclosing your partial solution between "
        "<sketch> and </sketch>. The REPL feedback will be provided between <REPL> and </REPL>. Continue this process as "
        "needed until you arrive at a complete and correct solution."
        "<｜User｜>```lean4\nimport Mathlib\n\ntheorem t (x : ℝ) : x = x := by\n```<｜Assistant｜><think>\n"
    )


@pytest.mark.parametrize(
    ("ending", "shown"),
    [
        (":= by\n  sorry", ":= by"),
        (":= sorry", ":= by"),
        (":= by sorry -- todo", ":= by"),
        (":= by\n  have h := 1\n  sorry", ":= by\n  have h := 1\n  sorry"),
        (":= by\n  constructor\n  · sorry\n  · rfl", ":= by\n  constructor\n  · sorry\n  · rfl"),
    ],
)
def test_a_problem_is_shown_open_at_its_end(ending: str, shown: str) -> None:
    prompt = build_prompt(Problem("", f"theorem t : 1 = 1 {ending}", "t"))
    assert f"theorem t : 1 = 1 {shown}\n```<｜Assistant｜>" in prompt


def test_a_sketch_loses_the_imports_that_its_environment_has() -> None:
    assert (
        sketch_of("so\n<sketch>\nimport Mathlib\nexample : 1 = 1 := rfl\n</sketch>")
        == "example : 1 = 1 := rfl"
    )
    header = "import Lean\nimport Lean.Elab\n"
    assert sketch_of("<sketch>import Lean.Elab\nimport Lean\n#check 1</sketch>", header) == "#check 1"
    assert sketch_of("<sketch>a</sketch> and <sketch>b</sketch>") == "a"


def test_feedback_is_the_repls_json_without_its_environment() -> None:
    answer = CommandResponse.model_validate(
        {
            "env": 7,
            "messages": [
                {
                    "severity": "error",
                    "pos": {"line": 1, "column": 2},
                    "endPos": {"line": 1, "column": 5},
                    "data": "type mismatch ℝ",
                }
            ],
            "sorries": [
                {
                    "goal": "⊢ 1 = 1",
                    "proofState": 41,
                    "pos": {"line": 3, "column": 0},
                    "endPos": {"line": 3, "column": 5},
                }
            ],
        }
    )
    assert answer_text(answer) == (
        '{"sorries": [{"proofState": 0, "pos": {"line": 3, "column": 0}, "goal": "⊢ 1 = 1", '
        '"endPos": {"line": 3, "column": 5}}], "messages": [{"severity": "error", "pos": {"line": 1, "column": 2}, '
        '"endPos": {"line": 1, "column": 5}, "data": "type mismatch ℝ"}]}'
    )
    assert answer_text(CommandResponse(env=3)) == "{}"
    assert answer_text(ErrorResponse(message="Unknown environment.")) == '{"message": "Unknown environment."}'
    assert repl_block("{}") == "\n<REPL>\n{}\n</REPL>"


def test_a_time_out_and_a_crash_are_told_in_the_demos_words() -> None:
    late = Check("timeout", None, "no answer within 60 s", 60.0125, 0.0, 0)
    assert feedback_of(late) == "repl cannot return status in 60.0125 seconds!"
    assert feedback_of(replace(late, outcome="memory", reason="too “big”")) == '{"repl_err": "too “big”"}'
    assert feedback_of(replace(late, outcome="crashed", reason="Lean died")) == '{"repl_err": "Lean died"}'


@pytest.mark.parametrize(
    ("finish", "tokens", "at_sketch", "text", "reason"),
    [
        ("length", 99_999, True, "</sketch>", End.CUT),
        ("stop", 20_480, True, "</sketch>", End.CONTEXT),
        ("stop", 20_479, True, "</sketch>", End.FORMAT),
        ("stop", 20_479, True, "<sketch></sketch>", None),
        ("stop", 20_479, False, "</think>", End.FINISHED),
    ],
)
def test_the_reasons_to_stop_are_looked_for_in_their_order(
    finish: str, tokens: int, at_sketch: bool, text: str, reason: End | None
) -> None:
    assert break_reason(finish, tokens, 20_480, at_sketch, text) is reason


@pytest.mark.parametrize(
    ("sample", "text", "at_sketch"),
    [
        (
            Sample(text="<sketch>a", finish="stop", stopped_by="</sketch>", stop_told=True),
            "<sketch>a</sketch>",
            True,
        ),
        (
            Sample(text="<sketch>a", finish="stop", stopped_by=151666, stop_told=True),
            "<sketch>a</sketch>",
            True,
        ),
        (Sample(text="<sketch>a</sketch>", finish="stop", stop_told=True), "<sketch>a</sketch>", True),
        (Sample(text="<sketch>a", finish="stop", stop_told=True), "<sketch>a", False),
        (Sample(text="<sketch>a", finish="stop"), "<sketch>a</sketch>", True),
        (Sample(text="<sketch>a", finish="length"), "<sketch>a", False),
        (Sample(text="</think>", finish="stop"), "</think>", False),
        (Sample(text="</think>", finish="stop", stopped_by=151643, stop_told=True), "</think>", False),
    ],
)
def test_what_a_generation_stopped_at_is_told_or_guessed(sample: Sample, text: str, at_sketch: bool) -> None:
    assert generated_text(sample) == (text, at_sketch)


def test_only_models_that_have_the_stop_tokens_are_given_them() -> None:
    assert traits_of("stepfun-ai/StepFun-Prover-Preview-7B").stop_ids == (151643, 151666)
    assert traits_of("Qwen/Qwen3-8B").stop_ids == ()


def test_tokens_of_feedback_are_rather_counted_too_many() -> None:
    assert feedback_tokens("") == 1
    assert feedback_tokens('{"a": 1}') == 5
    assert feedback_tokens("ℝℝ") == 7


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```lean4\ntheorem t := a\n```", "theorem t := a"),
        (
            "```lean\nold\n```\nbetter:\n```lean4\ntheorem t := b\n```\nusing\n```lean\n#check Nat\n```",
            "theorem t := b",
        ),
        ("```\ntheorem t\n```", "theorem t"),
        ("```python\nprint()\n```\n", None),
        ("Take this: ```lean4\ntheorem t := a```", "theorem t := a"),
        ("```lean4\ntheorem t := a", "theorem t := a"),
        ("theorem t := a\n", "theorem t := a"),
        ("  \n", None),
    ],
)
def test_the_code_of_an_answer_is_found(text: str, code: str | None) -> None:
    assert code_of(text, "A.t") == code


def test_the_final_text_follows_the_last_thought() -> None:
    assert final_text("a</think>b</think> c ") == "c"
    assert final_text("a") is None


def test_a_problem_is_read_from_a_text() -> None:
    problem = Problem.parse("import Lean\nopen Nat\ntheorem A.t : 1 = 1 := by sorry\n")
    assert (problem.header, problem.name) == ("import Lean", "A.t")
    assert problem.text == "import Lean\n\nopen Nat\ntheorem A.t : 1 = 1 := by sorry\n"
    assert problem.candidate("import Mathlib\nimport Aesop\ntheorem A.t") == "import Lean\n\ntheorem A.t\n"
    with pytest.raises(ValueError, match="no `sorry`"):
        Problem.parse("theorem t : 1 = 1 := rfl")


# Whole trajectories.


def test_a_model_that_is_right_at_once(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("good", [f"Easy.\n{ANSWER}"])
    trajectory = run(prover, pool, "good")
    assert (trajectory.end, trajectory.accepted, trajectory.sketches) == (End.FINISHED, True, ())
    assert trajectory.answer == PROOF
    asked = prover.asked[-1]
    assert (asked["temperature"], asked["top_p"], asked["stop"]) == (0.999, 0.95, ["</sketch>"])
    assert "top_k" not in asked and "stop_token_ids" not in asked
    assert asked["prompt"] == trajectory.prompt == build_prompt(SUM)


def test_a_model_that_is_right_after_feedback(prover: ScriptedProver, pool: Pool) -> None:
    wrong = PROOF.replace("omega", "rfl")
    prover.play("learns", [f"Try.\n<sketch>\n{wrong}\n</sketch> unread", f"\nThen omega.\n{ANSWER}"])
    events: list[Any] = []
    trajectory = run(prover, pool, "learns", listen=events.append)
    assert trajectory.accepted
    assert trajectory.sketches == (wrong,)
    assert '"severity": "error"' in trajectory.feedbacks[0] and '"env"' not in trajectory.feedbacks[0]
    assert [type(event) for event in events] == [Generated, Checked, Generated, Judgement]
    second = prover.asked[-1]["prompt"]
    assert (
        second
        == f"{build_prompt(SUM)}Try.\n<sketch>\n{wrong}\n</sketch>\n<REPL>\n{trajectory.feedbacks[0]}\n</REPL>"
    )
    pieces = list(trajectory.segments())
    assert [mine for _, mine in pieces] == [False, True, False, True]
    assert "".join(text for text, _ in pieces) == trajectory.text
    assert trajectory.usage.completion_tokens < trajectory.tokens


def test_a_server_that_does_not_tell_its_stop_is_understood(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("untold", [f"<sketch>{PROOF}</sketch>", ANSWER], tells=False)
    trajectory = run(prover, pool, "untold")
    assert trajectory.accepted and trajectory.feedbacks == ("{}",)


def test_a_sketch_that_never_closes_is_no_sketch(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("open", [f"<sketch>\n{PROOF}"])
    trajectory = run(prover, pool, "open")
    assert (trajectory.end, trajectory.judgement, trajectory.sketches) == (End.FINISHED, None, ())


def test_rambling_is_cut_at_the_limit_of_tokens(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("rambles", ["Let us think. " * 20_000])
    trajectory = run(prover, pool, "rambles", max_tokens=1000)
    assert (trajectory.end, trajectory.judgement) == (End.CUT, None)
    assert prover.asked[-1]["max_tokens"] == 1000


def test_the_context_counts_the_feedback(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("repeats", [f"<sketch>{PROOF}</sketch>"])
    trajectory = run(prover, pool, "repeats", max_seq_len=600)
    assert trajectory.end in (End.CONTEXT, End.CUT)
    assert len(trajectory.sketches) > 1
    assert all(asked["max_tokens"] + len(asked["prompt"]) // 4 <= 600 for asked in prover.asked[-3:])


def test_a_servers_shorter_context_is_kept_to(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("short", [f"<sketch>{PROOF}</sketch>", ANSWER], context=800)
    assert run(prover, pool, "short").accepted
    assert prover.asked[-1]["max_tokens"] < 800


def test_a_context_that_the_server_did_not_tell_of_ends_the_text(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("untold limit", [f"<sketch>{PROOF}</sketch>"], limit=250)
    trajectory = run(prover, pool, "untold limit")
    assert (trajectory.end, trajectory.judgement) == (End.CONTEXT, None) and trajectory.sketches


def test_statements_written_for_mathlib_are_read_with_a_prelude(prover: ScriptedProver, pool: Pool) -> None:
    problem = Problem.parse("import Mathlib\n\ntheorem n (a : ℕ) : a + 0 = a := by sorry", prelude=PRELUDE)
    code = "import Mathlib\nimport Aesop\n\ntheorem n (a : ℕ) : a + 0 = a := by\n  rfl"
    prover.play(
        "prelude",
        [f"<sketch>{code.replace('import Aesop', '')}</sketch>", f"</think>\n```lean4\n{code}\n```"],
    )
    trajectory = run(prover, pool, "prelude", problem)
    assert trajectory.accepted and trajectory.feedbacks == ("{}",)
    assert "import Mathlib" in trajectory.prompt


def test_sketches_may_be_limited(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("again", [f"<sketch>{PROOF}</sketch>"])
    trajectory = run(prover, pool, "again", max_turns=2)
    assert (trajectory.end, len(trajectory.sketches), trajectory.judgement) == (End.TURNS, 2, None)


def test_a_closed_sketch_without_an_open_one_is_a_format_error(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("format", ["oh</sketch>"])
    assert run(prover, pool, "format").end is End.FORMAT


def test_a_sketch_that_runs_away_is_told_so(prover: ScriptedProver, pool: Pool) -> None:
    runaway = "theorem r : (List.range 10000000000).length = 1 := by decide +kernel"
    prover.play("runaway", [f"<sketch>{runaway}</sketch>", ANSWER])
    trajectory = run(prover, pool, "runaway", check_seconds=2.0)
    assert trajectory.accepted
    (feedback,) = trajectory.feedbacks
    assert feedback.startswith("repl cannot return status in 2.") and feedback.endswith(" seconds!")


@pytest.mark.parametrize(
    ("sketch", "outcome"),
    [
        ("theorem r : (List.range 10000000000).length = 1 := by decide +kernel", Outcome.TIMEOUT),
        ("theorem r : 1 = 2 := by decide", Outcome.FAILED),
    ],
    ids=["no answer by Lean", "Lean's no"],
)
def test_without_an_answer_a_sketch_that_lean_could_not_tell_of_leaves_nothing_known(
    prover: ScriptedProver, pool: Pool, sketch: str, outcome: Outcome
) -> None:
    prover.play("unsaid", [f"<sketch>{sketch}</sketch>", "That is all."])
    trajectory = run(prover, pool, "unsaid", check_seconds=2.0)
    assert trajectory.judgement is None and trajectory.outcome is outcome


def test_a_wrong_proof_is_judged_and_not_accepted(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("wrong", [ANSWER.replace("omega", "rfl")])
    judgement = run(prover, pool, "wrong").judgement
    assert judgement is not None and judgement.outcome is Outcome.FAILED


def test_ten_megabytes_are_no_answer(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("huge", [f"</think>\n```lean4\n{PROOF}\n{'-- x' * 2_500_000}\n```"])
    trajectory = run(prover, pool, "huge", max_tokens=10**8, max_seq_len=10**8)
    assert trajectory.judgement is not None and trajectory.judgement.outcome is Outcome.REJECTED


@pytest.mark.parametrize("fault", [{"busy": 2}, {"drop": 1}])
def test_passing_faults_of_the_server_do_no_harm(
    prover: ScriptedProver, pool: Pool, fault: dict[str, int]
) -> None:
    prover.play("fault", [ANSWER], **fault)
    prover.count.clear()
    assert run(prover, pool, "fault").accepted


def test_a_model_that_does_not_answer_is_no_verdict(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("garbage", garbage=True)
    with pytest.raises(ModelUnreachable):
        run(prover, pool, "garbage")


def test_a_spent_budget_is_no_verdict(prover: ScriptedProver, pool: Pool) -> None:
    prover.play("spends", [f"<sketch>{PROOF}</sketch>"])

    async def body() -> None:
        async with Client(prover.url, "spends", account=Account(Budget(tokens=300))) as client:
            await run_trajectory(client, pool, SUM)

    with pytest.raises(BudgetSpent):
        asyncio.run(body())
