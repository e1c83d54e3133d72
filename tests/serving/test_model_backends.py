"""The forms of `--model`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepprove.serving.client.model_backends import OPENAI_URL, BadModelName, ModelName, parse_model


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("tiny", ModelName("tiny", "tiny")),
        ("openai:gpt-x", ModelName("openai", "gpt-x", OPENAI_URL)),
        (
            "vllm:stepfun-ai/StepFun-Prover-Preview-7B",
            ModelName("vllm", "stepfun-ai/StepFun-Prover-Preview-7B"),
        ),
        ("http://localhost:8000/v1#a/b", ModelName("url", "a/b", "http://localhost:8000/v1")),
        ("https://host/v1/", ModelName("url", None, "https://host/v1")),
    ],
)
def test_what_names_a_model(text: str, meant: ModelName) -> None:
    assert parse_model(text) == meant


@pytest.mark.parametrize(
    "text", ["", "gpt", "openai:", "ollama:x", "http://", "http://u:p@h/v1", "http://h:port/v1"]
)
def test_what_names_none(text: str) -> None:
    with pytest.raises(BadModelName):
        parse_model(text)


@given(st.text())
def test_any_text_names_a_model_or_is_refused(text: str) -> None:
    try:
        assert parse_model(text).kind in {"openai", "url", "vllm", "tiny"}
    except BadModelName as refusal:
        assert str(refusal)
