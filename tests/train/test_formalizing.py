"""BEq as the reward, on real Lean, of a model that knows one statement by heart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from micro import config
from transformers import AutoTokenizer

from stepprove.formalizer.checks import PoolChecks
from stepprove.formalizer.equivalence.scoring import Scored
from stepprove.lean_project.pool.pool import Pool, SyncPool
from stepprove.serving.serve.batching import Decoder
from stepprove.serving.step_moe import StepMoeForCausalLM
from stepprove.train.data.formalizer_texts import corpus, fixed_texts, knowledge_text, prompt_of
from stepprove.train.data.informal import Informal
from stepprove.train.data.informal.meaning import Meaning, Objects, Phrase
from stepprove.train.rl.rlvr import RlvrOptions
from stepprove.train.rl.samplers.statement_sampler import (
    BeqJudge,
    FooledJudge,
    PromptedStatement,
    StatementRollout,
    counted,
    evaluate,
    statements,
    truth_of,
)
from stepprove.train.sft.sft import SftOptions, fine_tune
from stepprove.train.sft.tokenizer import train_tokenizer

N = Objects(("n",), "Nat", "natural number", "natural numbers")
ONE = Informal("plus", "Show that n plus 0 is n.", Meaning((N,), (), Phrase("n + 0 = n", ("n plus 0 is n",))))
OPTIONS = RlvrOptions(problems=1, group=3, max_tokens=200)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("formalizer")
    tokenizer = train_tokenizer(corpus([ONE] * 20), 400, 512, fixed_texts())
    model = StepMoeForCausalLM(config(len(tokenizer)))
    model.config.eos_token_id, model.config.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
    texts = [knowledge_text(tokenizer, ONE, 0)] * 2
    fine_tune(model, tokenizer, texts, path, SftOptions(epochs=300, learning_rate=1e-2, renamed_share=0.0))
    return path


@pytest.fixture(scope="module")
def judge(pool: SyncPool) -> BeqJudge:
    return BeqJudge(PoolChecks(Pool.over(pool), timeout=20))


def judged(judge: BeqJudge, said: str, meant: str) -> str:
    answer = f"<think>so</think>\n```lean4\ntheorem my_favorite_theorem {said} := by sorry\n```"
    return asyncio.run(judge(answer, truth_of(meant))).outcome


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("(n : Nat) : n + 0 = n", "equivalent"),
        ("(k : Nat) : k + 0 = k", "equivalent"),
        (": ∀ n : Nat, n + 0 = n", "equivalent"),
        ("(n : Nat) (h : 0 < n) : n + 0 = n", "not shown"),
        ("(n : Nat) : True", "not shown"),
        ("(n : Nat) : n + = n", "refused"),
    ],
)
def test_beq_says_what_an_answer_earns(judge: BeqJudge, said: str, outcome: str) -> None:
    assert judged(judge, said, "(n : Nat) : n + 0 = n") == outcome


def test_an_answer_without_code_is_refused(judge: BeqJudge) -> None:
    assert asyncio.run(judge("``` ```", truth_of(": 1 = 1"))).outcome == "refused"


def test_a_round_rewards_what_says_the_same(judge: BeqJudge, folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    decoder = Decoder(StepMoeForCausalLM.from_pretrained(folder).float(), tokenizer)
    right = PromptedStatement(prompt_of(tokenizer, ONE.problem), truth_of(ONE.meaning.lean))
    wrong = PromptedStatement(right.prompt, truth_of("(n : Nat) : 0 + n = n + 1"))
    sample = statements(tokenizer, judge, lambda number: [right, wrong], OPTIONS)
    first, second = asyncio.run(sample(decoder, 0))
    assert sum(first.rewards) >= 1 and sum(second.rewards) == 0
    text = first.rollouts[0]
    assert isinstance(text, StatementRollout) and not text.truncated
    written = [token for token, own in zip(text.ids, text.own, strict=True) if own]
    assert tokenizer.decode(written).startswith("</think>") and not text.own[0]
    score = asyncio.run(evaluate(decoder, tokenizer, judge, [right, wrong], samples=2, max_tokens=200))
    assert score.problems == 2 and 0 < score.beq_1 <= 0.5 <= score.typecheck_1


def test_a_judge_that_can_be_fooled_stops_the_round(
    judge: BeqJudge, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "stepprove.train.rl.samplers.statement_sampler._DECOYS", ((": 1 = 1", ": 1 = 1"),)
    )  # as if it could be
    tokenizer = AutoTokenizer.from_pretrained(folder)
    decoder = Decoder(StepMoeForCausalLM.from_pretrained(folder).float(), tokenizer)
    with pytest.raises(FooledJudge, match="`: 1 = 1` was called the same"):
        asyncio.run(statements(tokenizer, judge, lambda number: [], OPTIONS)(decoder, 0))


def answer(outcome: str, statement: str | None = "theorem") -> StatementRollout:
    scored = Scored(outcome=outcome, statement=statement)  # type: ignore[arg-type]
    return StatementRollout((1, 2), (float("nan"), -1.0), False, 1, 0.0, "", scored)


def test_what_lean_could_not_tell_is_in_no_rate() -> None:
    same, other, unknown = answer("equivalent"), answer("not shown"), answer("unknown", None)
    refused = replace(other, scored=Scored(outcome="refused"))
    score = counted([[same, other], [unknown, same], [unknown, unknown], [refused, refused]])
    assert (score.problems, score.unknown, score.beq_1, score.beq_k) == (3, 3, 0.5, 2 / 3)
    assert score.typecheck_1 == pytest.approx(2 / 3)
