"""The client of language models, against a server that plays them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from scripted_model import ScriptedModel

from stepprove.serving.client.budget import Account, Budget, BudgetSpent, Prices
from stepprove.serving.client.client import Client, ModelRefused, ModelUnreachable
from stepprove.serving.client.exchange import Reply, Sampling, Turn
from stepprove.serving.client.replay import ReplayCache

T = TypeVar("T")


@pytest.fixture(scope="module")
def served() -> Iterator[ScriptedModel]:
    server = ScriptedModel()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STEPPROVE_MODEL_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def ask(
    served: ScriptedModel, model: str | None, work: Callable[[Client], Awaitable[T]], **options: object
) -> T:
    async def run() -> T:
        async with Client(served.url, model, **options) as client:  # type: ignore[arg-type]
            return await work(client)

    return asyncio.run(run())


def test_a_chat_is_answered(served: ScriptedModel) -> None:
    reply = ask(
        served,
        "echo",
        lambda c: c.chat([Turn(role="system", content="be"), Turn(role="user", content="a\nb")]),
    )
    assert [sample.text for sample in reply.samples] == ["b"]
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (10, 5)
    assert served.asked[-1]["messages"][0] == {"role": "system", "content": "be"}


def test_a_text_is_continued_up_to_a_stop_string_that_stays(served: ScriptedModel) -> None:
    sampling = Sampling(
        stop=("</sketch>",), stop_token_ids=(151643, 151666), keep_stop=True, top_k=5, max_tokens=9
    )
    (sample,) = ask(served, "echo", lambda c: c.complete("by simp</sketch> more", sampling)).samples
    assert (sample.text, sample.finish, sample.stopped_by) == ("by simp</sketch>", "stop", "</sketch>")
    asked = served.asked[-1]
    assert asked["stop_token_ids"] == [151643, 151666] and asked["include_stop_str_in_output"] is True
    assert (asked["top_k"], asked["max_tokens"]) == (5, 9)


def test_what_is_left_at_its_default_is_not_sent(served: ScriptedModel) -> None:
    ask(served, "echo", lambda c: c.complete("x"))
    assert set(served.asked[-1]) == {"model", "prompt", "temperature", "top_p"}


@pytest.mark.parametrize("chat", [True, False])
def test_samples_and_their_logprobs(served: ScriptedModel, chat: bool) -> None:
    sampling = Sampling(n=3, logprobs=True)

    async def work(client: Client) -> Reply:
        if chat:
            return await client.chat([Turn(role="user", content="q")], sampling)
        return await client.complete("q", sampling)

    reply = ask(served, "echo", work)
    assert [sample.logprobs for sample in reply.samples] == [(-0.5,)] * 3


@pytest.mark.parametrize("keep", [True, False])
def test_what_a_plain_server_lacks_is_made_up_for(served: ScriptedModel, keep: bool) -> None:
    sampling = Sampling(
        n=3, seed=7, top_k=5, stop_token_ids=(1,), stop=("b", "</sketch>"), keep_stop=keep, max_tokens=9
    )

    async def twice(client: Client) -> tuple[Reply, Reply, set[str]]:
        prompt = "a</sketch>b"
        return (
            await client.complete(prompt, sampling),
            await client.complete(prompt, sampling),
            client.left_out,
        )

    before = len(served.asked)
    first, second, left_out = ask(served, "plain", twice)
    for reply in (first, second):
        assert [sample.text for sample in reply.samples] == ["a</sketch>" if keep else "a"] * 3
        assert {(sample.finish, sample.stopped_by) for sample in reply.samples} == {("stop", "</sketch>")}
        assert reply.usage.completion_tokens == 15
    assert left_out == {"top_k", "stop_token_ids"}
    asked = served.asked[before + 1 :]  # the first was refused
    assert sorted(body["seed"] for body in asked) == [7, 7, 8, 8, 9, 9]


def test_the_only_model_of_a_server_needs_no_name(served: ScriptedModel) -> None:
    assert ask(served, None, lambda c: c.model()) == "echo"


def test_one_of_many_models_must_be_named(served: ScriptedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "served", ["a", "b"])
    with pytest.raises(ModelRefused, match=r"serves 2 models \(a, b\): name one as http\S+#NAME"):
        ask(served, None, lambda c: c.complete("x"))


@pytest.mark.parametrize("model", ["busy-2", "broken-2", "drop-1"])
def test_what_passes_is_waited_for(served: ScriptedModel, model: str) -> None:
    reply = ask(served, model, lambda c: c.complete("x"))
    assert reply.samples[0].text == "x"


@pytest.mark.parametrize(
    ("model", "words"),
    [("busy-9", "answered 429 again and again"), ("broken-9", "answered 500"), ("garbage", "no answer")],
)
def test_what_does_not_pass_is_said(served: ScriptedModel, model: str, words: str) -> None:
    with pytest.raises(ModelUnreachable, match=words):
        ask(served, model, lambda c: c.complete("x"), retries=1)


def test_nobody_there() -> None:
    async def run() -> None:
        async with Client("http://127.0.0.1:9/v1", "m", retries=0) as client:
            await client.complete("x")

    with pytest.raises(ModelUnreachable, match="cannot be reached"):
        asyncio.run(run())


def test_a_key_comes_from_the_environment_and_is_never_shown(
    served: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPROVE_MODEL_KEY", "hunter2")
    with pytest.raises(ModelRefused, match="401") as refusal:
        ask(served, "secret", lambda c: c.complete("x"))
    assert "hunter2" not in str(refusal.value)
    monkeypatch.setenv("STEPPROVE_MODEL_KEY", "sesame")
    assert ask(served, "secret", lambda c: c.complete("x")).samples[0].text == "x"


def test_an_answer_of_10_mb(served: ScriptedModel) -> None:
    assert len(ask(served, "huge", lambda c: c.complete("x")).samples[0].text) == 10_000_000


def test_a_slow_server_is_given_up(served: ScriptedModel) -> None:
    with pytest.raises(ModelUnreachable, match="in time"):
        ask(served, "hang", lambda c: c.complete("x"), timeout=0.3, retries=0)


def test_no_more_requests_run_at_once_than_allowed(served: ScriptedModel) -> None:
    async def many(client: Client) -> None:
        await asyncio.gather(*(client.complete("x") for _ in range(12)))

    served.most_running = 0
    ask(served, "echo", many, concurrency=3)
    assert served.most_running == 3


def test_a_stream_comes_in_pieces_and_is_counted(served: ScriptedModel) -> None:
    account = Account()

    async def pieces(client: Client) -> list[str]:
        return [piece async for piece in client.stream("a\nhello")]

    assert ask(served, "echo", pieces, account=account) == list("hello")
    assert account.usage.completion_tokens == 5


def test_leaving_a_stream_stops_the_server(served: ScriptedModel) -> None:
    async def leave(client: Client) -> str:
        served.left.clear()
        stream = client.stream([Turn(role="user", content="x" * 1000)])
        first = await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        return first

    assert ask(served, "slow", leave) == "x"
    assert served.left.wait(5)


def test_a_stream_that_breaks_off_is_no_answer(served: ScriptedModel) -> None:
    async def pieces(client: Client) -> list[str]:
        return [piece async for piece in client.stream("hello")]

    with pytest.raises(ModelUnreachable):
        ask(served, "cut", pieces)


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(tokens=20), "20 tokens"),
        (Budget(dollars=0.00002), "dollars"),
        (Budget(seconds=0.05), "seconds"),
    ],
)
def test_a_spent_budget_ends_it(served: ScriptedModel, budget: Budget, words: str) -> None:
    account = Account(budget, Prices(prompt=1.0, completion=2.0))

    async def until_spent(client: Client) -> None:
        for _ in range(20):
            await client.complete("x")

    with pytest.raises(BudgetSpent, match=words):
        ask(served, "echo", until_spent, account=account)
    assert account.requests < 20
    assert account.dollars == pytest.approx(account.prices.of(account.usage))


def test_requests_that_wait_for_their_turn_find_the_budget_spent(served: ScriptedModel) -> None:
    account = Account(Budget(tokens=20))

    async def many(client: Client) -> list[object]:
        return await asyncio.gather(*(client.complete("x") for _ in range(8)), return_exceptions=True)

    results = ask(served, "echo", many, account=account, concurrency=1)
    assert [isinstance(result, BudgetSpent) for result in results] == [False] * 2 + [True] * 6


def test_a_run_can_be_played_again(served: ScriptedModel, tmp_path: Path) -> None:
    async def twice(client: Client) -> list[bool]:
        return [(await client.complete("x")).replayed for _ in range(2)]

    async def thrice(client: Client) -> list[bool]:
        return [(await client.complete("x")).replayed for _ in range(3)]

    assert ask(served, "echo", twice, cache=ReplayCache(tmp_path)) == [False, False]
    assert ask(served, "echo", thrice, cache=ReplayCache(tmp_path)) == [True, True, False]


def test_a_damaged_reply_is_asked_for_again(served: ScriptedModel, tmp_path: Path) -> None:
    ask(served, "echo", lambda c: c.complete("x"), cache=ReplayCache(tmp_path))
    (kept,) = tmp_path.rglob("*.json")
    kept.write_text("{")
    assert not ask(served, "echo", lambda c: c.complete("x"), cache=ReplayCache(tmp_path)).replayed
