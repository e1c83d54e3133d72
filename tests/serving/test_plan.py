"""How models are split over GPUs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepprove.serving.planning.hardware import BadGpus, Gpu, find_gpus, parse_gpus
from stepprove.serving.planning.plan import ACTIVATIONS_GB, USABLE, DoesNotFit, ServePlan, plan, vllm_command
from stepprove.serving.serve.work import (
    QWEN3_32B,
    QWEN3_235B,
    STEP_3,
    STEP_35_FLASH,
    Architecture,
    dense,
    gqa,
    stack,
)

H200 = Gpu("H200", 150.0)
SMALL = Gpu("RTX 4090", 25.8)
PROVER_7B = Architecture(
    "7B", 3584, stack((28, gqa(3584, 28, 4, 128), dense(3584, 18_944))), vocabulary=152_064
)


def test_a_model_that_fits_on_one_gpu_is_copied_to_each() -> None:
    split = plan(PROVER_7B, [SMALL] * 4, context=20_480)
    assert (split.tensor, split.data, split.expert_parallel) == (1, 4, False)
    assert split.weights_gb == pytest.approx(15.2, abs=0.1)
    assert split.sequence_gb == pytest.approx(20_480 * 28 * 2 * 4 * 128 * 2 / 1e9)


def test_a_larger_one_is_split_as_far_as_it_must() -> None:
    assert plan(QWEN3_32B, [SMALL] * 8, context=8192).tensor == 4
    assert plan(QWEN3_32B, [H200] * 8, context=8192).tensor == 1


def test_the_experts_of_a_mixture_are_spread_over_all() -> None:
    split = plan(QWEN3_235B, [H200] * 8, context=32_768)
    assert split.expert_parallel
    assert split.tensor * split.data == 8


def test_a_long_context_costs_copies() -> None:
    short, long = (plan(PROVER_7B, [SMALL] * 2, context=c).sequences for c in (4096, 65_536))
    assert short > 10 * long


def test_what_does_not_fit_is_told_how_much_would_do() -> None:
    with pytest.raises(
        DoesNotFit, match=r"Step-3\.5-Flash needs \d+ GB .* 2 x H200 have 264 GB for that, 4 would do"
    ):
        plan(STEP_35_FLASH, [H200] * 2, context=131_072)
    assert plan(STEP_35_FLASH, [H200] * 4, context=131_072).tensor >= 1


def test_a_gpu_without_room_for_anything() -> None:
    with pytest.raises(DoesNotFit, match="have 0 GB for that"):
        plan(PROVER_7B, [Gpu("tiny", 2.0)], context=4096)


def test_a_cache_of_one_head_is_held_by_each_gpu_whole() -> None:
    one, two = (STEP_3.kv_bytes(1000, devices=devices) for devices in (1, 2))
    assert one == two
    assert QWEN3_235B.kv_bytes(1000, devices=8) == QWEN3_235B.kv_bytes(1000) / 4


def test_heads_are_not_torn_apart() -> None:
    wide = Architecture("w", 3584, stack((28, gqa(3584, 28, 4, 128), dense(3584, 90_000))), vocabulary=1000)
    assert plan(wide, [SMALL] * 4, context=1024).tensor == 4
    with pytest.raises(DoesNotFit):
        plan(wide, [Gpu("g", 12.0)] * 8, context=1024)  # 28 heads are not a multiple of 8


@given(st.integers(1, 16), st.floats(8, 200), st.integers(1, 200_000), st.sampled_from([0.5, 1.0, 2.0]))
def test_a_plan_keeps_to_the_memory(count: int, memory: float, context: int, width: float) -> None:
    try:
        split = plan(QWEN3_235B, [Gpu("g", memory)] * count, context=context, bytes_per_weight=width)
    except DoesNotFit:
        return
    assert split.tensor * split.data <= count
    held = split.weights_gb + split.sequence_gb * split.sequences / split.data
    assert held <= USABLE * memory - ACTIVATIONS_GB + 1e-9


def test_the_command_says_what_the_plan_says() -> None:
    split = ServePlan(2, 4, True, 30.0, 1.0, 100)
    command = vllm_command(
        "stepfun-ai/Step-3.5-Flash",
        split,
        context=65_536,
        port=8000,
        quantization="fp8",
        kv_dtype="fp8",
        draft_tokens=3,
    )
    assert command[:3] == ["vllm", "serve", "stepfun-ai/Step-3.5-Flash"]
    text = " ".join(command)
    for part in (
        "--tensor-parallel-size 2",
        "--data-parallel-size 4",
        "--enable-expert-parallel",
        "--max-model-len 65536",
        "--enable-prefix-caching",
        "--quantization fp8",
        "--kv-cache-dtype fp8",
    ):
        assert part in text
    assert json.loads(command[-1]) == {"method": "mtp", "num_speculative_tokens": 3}


def test_a_small_model_needs_few_words() -> None:
    text = " ".join(vllm_command("m", ServePlan(1, 1, False, 15.0, 1.0, 4), context=4096, port=1))
    assert "parallel-size 1" in text
    assert not any(word in text for word in ("data-parallel", "expert", "quantization", "speculative"))


def test_gpus_are_those_that_nvidia_smi_lists(tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho 'NVIDIA H200, 143771'\necho 'NVIDIA A100-SXM4, 80GB, 81920'\necho broken\n"
    )
    program.chmod(0o755)
    found = find_gpus(str(program))
    assert [gpu.name for gpu in found] == ["NVIDIA H200", "NVIDIA A100-SXM4, 80GB"]
    assert found[0].memory_gb == pytest.approx(150.75, abs=0.01)


@pytest.mark.parametrize("text", ["exit 9", "echo No devices were found"])
def test_no_gpus(tmp_path: Path, text: str) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    assert find_gpus(str(program)) == ()
    assert find_gpus(str(tmp_path / "none")) == ()


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        ("8xH800", (Gpu("H800", 80.0),) * 8),
        ("h200", (Gpu("h200", 141.0),)),
        (" 2 x RTX 4090 ", (Gpu("RTX 4090", 24.0),) * 2),
        ("4xMI300X:192", (Gpu("MI300X", 192.0),) * 4),
    ],
)
def test_what_names_gpus(text: str, gpus: tuple[Gpu, ...]) -> None:
    assert parse_gpus(text) == gpus


@given(st.text() | st.from_regex(r"[0-9]*x?[A-Z0-9]*:?[0-9.]*", fullmatch=True))
def test_any_text_names_gpus_or_is_refused(text: str) -> None:
    try:
        assert all(gpu.memory_gb > 0 for gpu in parse_gpus(text))
    except BadGpus as refusal:
        assert str(refusal)
