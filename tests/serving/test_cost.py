"""Step-3's cost model gives the paper's own tables (arXiv 2507.19427)."""

from __future__ import annotations

import pytest

from stepprove.serving.planning.cost import (
    A800,
    ASCEND_910B,
    DEVICES,
    H20,
    H800,
    Device,
    attention_cost,
    colocated,
    dense_batch,
    disaggregated,
    feed_forward_cost,
    least_sparsity,
)
from stepprove.serving.serve.work import (
    DEEPSEEK_V3,
    ERNIE_45,
    KIMI_K2,
    LLAMA_4_MAVERICK,
    MINIMAX_M1,
    PANGU_PRO,
    QWEN3_32B,
    QWEN3_235B,
    STEP_3,
    STEP_35_FLASH,
    Architecture,
    dense,
    gqa,
    stack,
)

SHORT, LONG = 8192, 32_768


@pytest.mark.parametrize(
    ("model", "kv", "attention", "linear", "ffn"),
    [
        (DEEPSEEK_V3, 2.88e8, 1.47e11, 2.28e10, 4.84e10),
        (KIMI_K2, 2.88e8, 7.37e10, 1.23e10, 4.84e10),
        (QWEN3_235B, 7.89e8, 2.52e10, 1.34e10, 2.84e10),
        (QWEN3_32B, 1.07e9, 1.72e10, 1.21e10, 5.03e10),
        (ERNIE_45, 9.06e8, 1.45e10, 1.63e10, 7.61e10),
        (PANGU_PRO, 8.05e8, 8.05e9, 6.04e9, 2.38e10),
        (STEP_3, 2.56e8, 3.27e10, 2.07e10, 5.33e10),
    ],
    ids=lambda value: value.name if isinstance(value, Architecture) else "",
)
def test_table_2_what_a_token_takes(
    model: Architecture, kv: float, attention: float, linear: float, ffn: float
) -> None:
    work = model.work(SHORT)
    counted = (work.kv_bytes, work.attention_flops, work.linear_flops, work.ffn_flops)
    assert [f"{value:.2e}" for value in counted] == [f"{value:.2e}" for value in (kv, attention, linear, ffn)]


def test_table_2_minimax_keeps_a_cache_in_two_bytes_beside_its_states() -> None:
    work = MINIMAX_M1.work(SHORT, bytes_per_value=2)
    counted = (work.kv_bytes, work.attention_flops, work.linear_flops, work.ffn_flops)
    assert [f"{value:.2e}" for value in counted] == ["9.23e+08", "3.42e+09", "3.75e+10", "5.44e+10"]


def test_table_2_llama_but_for_its_cache_which_is_printed_a_quarter_larger_than_its_heads_need() -> None:
    work = LLAMA_4_MAVERICK.work(SHORT)
    counted = (work.attention_flops, work.linear_flops, work.ffn_flops)
    assert [f"{value:.2e}" for value in counted] == ["8.05e+09", "6.04e+09", "2.42e+10"]
    assert f"{1.25 * work.kv_bytes:.2e}" == "1.01e+09"


def test_table_3_rooflines_of_the_devices() -> None:
    assert [round(device.roofline) for device in DEVICES] == [591, 74, 156, 175]


@pytest.mark.parametrize(
    ("device", "short", "long", "ffn"),
    [(H800, 0.048, 0.176, 0.015), (H20, 0.040, 0.114, 0.040), (A800, 0.040, 0.120, 0.036), (ASCEND_910B, 0.043, 0.133, 0.035)],
    ids=lambda value: value.name if isinstance(value, Device) else "",
)  # fmt: skip
def test_table_5_step_3_on_each_device(device: Device, short: float, long: float, ffn: float) -> None:
    costs = (
        attention_cost(STEP_3.work(SHORT), device),
        attention_cost(STEP_3.work(LONG), device),
        feed_forward_cost(STEP_3.work(SHORT), device),
    )
    assert tuple(round(1e6 * cost, 3) for cost in costs) == (short, long, ffn)


@pytest.mark.parametrize(("context", "dollars"), [(SHORT, 0.055), (LONG, 0.129)])
def test_table_6_step_3_with_its_parts_apart(context: int, dollars: float) -> None:
    assert round(1e6 * disaggregated(STEP_3.work(context)).total, 3) == dollars


@pytest.mark.parametrize(("context", "dollars"), [(SHORT, 0.068), (LONG, 0.211)])
def test_table_6_deepseek_on_h800(context: int, dollars: float) -> None:
    assert round(1e6 * colocated(DEEPSEEK_V3.work(context), H800).total, 3) == dollars


@pytest.mark.parametrize(("context", "dollars"), [(SHORT, 0.062), (LONG, 0.193)])
def test_table_6_qwen_reads_its_cache_on_h20_and_computes_on_h800(context: int, dollars: float) -> None:
    cost = disaggregated(QWEN3_235B.work(context))
    assert (round(1e6 * cost.total, 3), cost.attention_device, cost.feed_forward_device) == (
        dollars,
        H20,
        H800,
    )


def test_intensity_of_the_attentions() -> None:
    works = (STEP_3.work(SHORT), DEEPSEEK_V3.work(SHORT), QWEN3_235B.work(SHORT))
    assert [round(work.attention_flops / work.kv_bytes) for work in works] == [128, 512, 32]


def test_least_sparsity_of_a_step_3() -> None:
    assert [round(least_sparsity(7168, 61, device), 3) for device in DEVICES] == [0.058, 0.007, 0.031, 0.034]


def test_a_dense_layer_is_busy_from_half_the_roofline() -> None:
    assert dense_batch(H800) == pytest.approx(295.5, abs=0.1)


def test_the_sizes_are_the_published_ones() -> None:
    assert STEP_3.parameters == pytest.approx(316e9, rel=0.005)
    assert STEP_3.kv_bytes(1) == 31_232
    assert DEEPSEEK_V3.parameters == pytest.approx(671e9, rel=0.005)
    assert QWEN3_235B.active_parameters == pytest.approx(22e9, rel=0.03)
    assert LLAMA_4_MAVERICK.parameters == pytest.approx(400e9, rel=0.01)
    assert MINIMAX_M1.parameters == pytest.approx(456e9, rel=0.01)
    assert MINIMAX_M1.active_parameters == pytest.approx(45.9e9, rel=0.03)
    assert STEP_35_FLASH.parameters == pytest.approx(196e9, rel=0.01)
    assert STEP_35_FLASH.active_parameters == pytest.approx(11e9, rel=0.05)


def test_a_sliding_window_stops_the_cache_from_growing() -> None:
    windowed = Architecture("w", 64, stack((2, gqa(64, 4, 2, 16, window=100), dense(64, 128))))
    assert windowed.kv_bytes(50) == 2 * 64 * 50
    assert windowed.kv_bytes(100) == windowed.kv_bytes(10_000) == 2 * 64 * 100
    assert windowed.work(10_000).attention_flops == windowed.work(100).attention_flops
