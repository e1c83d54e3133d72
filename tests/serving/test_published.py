"""What is known of models by their names, folders and the hub."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from small_models import save
from test_hf_config import QWEN3_32B_CONFIG, STEP_35_CONFIG

from stepprove.serving.planning.hf_config import UnknownArchitecture
from stepprove.serving.planning.published import PUBLISHED, bytes_per_weight, find_facts


class ScriptedHub(BaseHTTPRequestHandler):
    """A hub with one model."""

    def do_GET(self) -> None:
        found = self.path == "/me/model/resolve/main/config.json"
        allowed = self.headers.get("Authorization") == "Bearer hub-token"
        self.send_response(200 if found and allowed else 404)
        self.end_headers()
        if found:
            quantized = {"max_position_embeddings": 40_960, "quantization_config": {"quant_method": "fp8"}}
            self.wfile.write(json.dumps(QWEN3_32B_CONFIG | quantized).encode())

    def log_message(self, *words: object) -> None:
        """Keep quiet."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), ScriptedHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", "hub-token")
    yield
    server.shutdown()


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("stepfun-ai/StepFun-Prover-Preview-7B", 7.6),
        ("stepfun-ai/StepFun-Prover-Preview-32B", 32.8),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", 7.6),
        ("stepfun-ai/StepFun-Formalizer-32B", 32.8),
        ("Goedel-LM/Goedel-Prover-V2-8B", 8.2),
        ("AI-MO/Kimina-Prover-72B", 72.7),
        ("deepseek-ai/DeepSeek-Prover-V2-671B", 671),
        ("stepfun-ai/Step-3.5-Flash", 196),
    ],
)
def test_the_provers_have_their_sizes(name: str, billions: float) -> None:
    facts = find_facts(name)
    assert facts.architecture.parameters / 1e9 == pytest.approx(billions, rel=0.01)
    assert facts.architecture.name == name and name in PUBLISHED


def test_a_model_of_the_hub(hub: None) -> None:
    facts = find_facts("me/model")
    assert facts.architecture.name == "me/model"
    assert (facts.context, facts.bytes_per_weight, facts.draft_heads) == (40_960, 1.0, 0)
    with pytest.raises(
        UnknownArchitecture, match=r"me/other is no folder, and the hub has no config.json .*404"
    ):
        find_facts("me/other")


def test_a_folder(tmp_path: Path) -> None:
    facts = find_facts(str(save(tmp_path / "small")))
    assert (facts.architecture.name, facts.context) == ("small", 512)
    (tmp_path / "config.json").write_text(json.dumps(STEP_35_CONFIG))
    assert find_facts(str(tmp_path)).draft_heads == 3
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(UnknownArchitecture, match="is no JSON object"):
        find_facts(str(tmp_path))


def test_quantization_makes_weights_smaller() -> None:
    facts = find_facts("Goedel-LM/Goedel-Prover-V2-8B")
    widths = [bytes_per_weight(name, facts) for name in (None, "fp8", "awq_marlin", "unheard-of")]
    assert widths == [2.0, 1.0, 0.5, 2.0]
