"""Find a model's architecture by name: in its folder, in the table here, or on the hub."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from stepprove.serving.planning.hf_config import UnknownArchitecture, read_config
from stepprove.serving.serve.work import (
    DEEPSEEK_V3,
    QWEN3_32B,
    QWEN3_235B,
    STEP_3,
    STEP_35_FLASH,
    Architecture,
    dense,
    gqa,
    stack,
)

HUB = "https://huggingface.co"
_SECONDS = 20.0
_WIDTHS = {"fp8": 1.0, "int8": 1.0, "awq": 0.5, "gptq": 0.5, "mxfp4": 0.5, "bitsandbytes": 0.5}


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The facts of a model that planning uses."""

    architecture: Architecture
    context: int
    """The context, in tokens, that the model was trained for."""
    bytes_per_weight: float = 2.0
    """Bytes per stored weight."""
    draft_heads: int = 0
    """Number of MTP heads."""


def _qwen2(hidden: int, layers: int, heads: int, kv_heads: int, width: int) -> Architecture:
    blocks = stack((layers, gqa(hidden, heads, kv_heads, 128), dense(hidden, width)))
    return Architecture("Qwen2.5", hidden, blocks, vocabulary=152_064)


_QWEN3_8B = Architecture(
    "Qwen3-8B", 4096, stack((36, gqa(4096, 32, 8, 128), dense(4096, 12_288))), vocabulary=151_936
)

PUBLISHED: Mapping[str, ModelFacts] = {
    "stepfun-ai/StepFun-Prover-Preview-7B": ModelFacts(_qwen2(3584, 28, 28, 4, 18_944), 131_072),
    "stepfun-ai/StepFun-Prover-Preview-32B": ModelFacts(_qwen2(5120, 64, 40, 8, 27_648), 131_072),
    "stepfun-ai/StepFun-Formalizer-7B": ModelFacts(_qwen2(3584, 28, 28, 4, 18_944), 131_072),
    "stepfun-ai/StepFun-Formalizer-32B": ModelFacts(_qwen2(5120, 64, 40, 8, 27_648), 131_072),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B": ModelFacts(_qwen2(3584, 28, 28, 4, 18_944), 131_072),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B": ModelFacts(_qwen2(5120, 64, 40, 8, 27_648), 131_072),
    "Goedel-LM/Goedel-Prover-V2-8B": ModelFacts(_QWEN3_8B, 40_960),
    "Goedel-LM/Goedel-Prover-V2-32B": ModelFacts(QWEN3_32B, 40_960),
    "AI-MO/Kimina-Prover-Distill-8B": ModelFacts(_QWEN3_8B, 40_960),
    "AI-MO/Kimina-Prover-72B": ModelFacts(_qwen2(8192, 80, 64, 8, 29_568), 131_072),
    "stepfun-ai/Step-3.5-Flash": ModelFacts(STEP_35_FLASH, 262_144, draft_heads=3),
    "stepfun-ai/step3": ModelFacts(STEP_3, 65_536),
    "deepseek-ai/DeepSeek-Prover-V2-671B": ModelFacts(DEEPSEEK_V3, 163_840, 1.0, 1),
    "Qwen/Qwen3-235B-A22B": ModelFacts(QWEN3_235B, 40_960),
}
"""Common models, from their `config.json` on the hub, so that planning them needs no network."""


def find_facts(model: str) -> ModelFacts:
    """Find the facts of a model.

    Args:
        model: a folder, or a name on the hub.

    Raises:
        UnknownArchitecture: the configuration is missing, unreadable or of an unknown kind.
    """
    folder = Path(model)
    if folder.is_dir():
        return _read(_file(folder / "config.json", model), folder.resolve().name)
    if facts := PUBLISHED.get(model):
        return replace(facts, architecture=replace(facts.architecture, name=model))
    return _read(_download(model), model)


def bytes_per_weight(quantization: str | None, facts: ModelFacts) -> float:
    """Return the bytes of a served weight, by vLLM's name for the quantization; None: as stored."""
    if quantization is None:
        return facts.bytes_per_weight
    return next((width for name, width in _WIDTHS.items() if name in quantization), facts.bytes_per_weight)


def _read(config: Mapping[str, Any], name: str) -> ModelFacts:
    architecture = read_config(config, name)
    text = config.get("text_config") or config
    method = (config.get("quantization_config") or {}).get("quant_method")
    stored = ModelFacts(architecture, int(text.get("max_position_embeddings") or 4096))
    return replace(
        stored,
        bytes_per_weight=bytes_per_weight(method, stored),
        draft_heads=int(text.get("num_nextn_predict_layers") or 0),
    )


def _file(path: Path, model: str) -> Mapping[str, Any]:
    try:
        return _object(path.read_text(), model)
    except OSError:
        raise UnknownArchitecture(f"{model} has no config.json.") from None


def _download(model: str) -> Mapping[str, Any]:
    token = os.environ.get("HF_TOKEN")
    address = f"{os.environ.get('HF_ENDPOINT', HUB).rstrip('/')}/{model}/resolve/main/config.json"
    try:
        answer = httpx2.get(
            address,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            follow_redirects=True,
            timeout=_SECONDS,
        )
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise UnknownArchitecture(f"{model} is no folder, and the hub cannot be asked ({error}).") from None
    if answer.status_code != 200:
        raise UnknownArchitecture(
            f"{model} is no folder, and the hub has no config.json of it ({answer.status_code})."
        )
    return _object(answer.text, model)


def _object(text: str, model: str) -> Mapping[str, Any]:
    try:
        config = json.loads(text)
    except json.JSONDecodeError:
        config = None
    if not isinstance(config, dict):
        raise UnknownArchitecture(f"The config.json of {model} is no JSON object.")
    return config
