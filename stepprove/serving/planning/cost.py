"""Step-3's model of decoding cost in dollars per token (arXiv 2507.19427, section 4), attention and feed-forward apart.

A device has a price per operation and a price per byte read. Attention costs the larger of its operations and its KV-cache
bytes; linear maps and feed-forward parts, in large enough batches, cost operations only. With attention/FFN disaggregation
(AFD) each part runs on its cheapest device.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stepprove.serving.serve.work import Work

ATTENTION_SECONDS = 0.0166
"""Seconds for each of AFD's three stages (attention, communication, feed-forward) of a 50 ms token."""

NETWORK_SECONDS = 0.0111
"""Seconds of the communication stage that transfer data, at the paper's efficiency."""


@dataclass(frozen=True, slots=True)
class Device:
    """An accelerator's price and speed."""

    name: str
    dollars_per_hour: float
    flops: float
    """Peak operations per second, in 8 bits where available."""
    bandwidth: float
    """Memory bandwidth, in bytes per second."""
    network: float
    """Network bandwidth of a node's eight devices together, in bytes per second."""
    memory_gb: float
    """In 10**9 B."""

    @property
    def dollars_per_flop(self) -> float:
        """The price of one operation at peak."""
        return self.dollars_per_hour / 3600 / self.flops

    @property
    def dollars_per_byte(self) -> float:
        """The price of one byte read at full bandwidth."""
        return self.dollars_per_hour / 3600 / self.bandwidth

    @property
    def roofline(self) -> float:
        """Operations per byte at which compute and memory limits meet."""
        return self.flops / self.bandwidth


H800 = Device("H800", 2.00, 1.98e15, 3.35e12, 8 * 400e9 / 8, 80)
H20 = Device("H20", 0.80, 2.96e14, 4.0e12, 8 * 400e9 / 8, 96)
A800 = Device("A800", 0.75, 3.12e14, 2.0e12, 8 * 200e9 / 8, 80)
ASCEND_910B = Device("910B", 0.67, 2.80e14, 1.6e12, 8 * 200e9 / 8, 64)
DEVICES = (H800, H20, A800, ASCEND_910B)
"""Table 3 of the paper, with its prices of 2025."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Dollars per token, and the devices of its parts."""

    attention: float
    feed_forward: float
    attention_device: Device
    feed_forward_device: Device

    @property
    def total(self) -> float:
        """Dollars per token for both parts."""
        return self.attention + self.feed_forward


def attention_cost(work: Work, device: Device) -> float:
    """Return the dollars for one token's attention and its linear maps."""
    scores = max(work.attention_flops * device.dollars_per_flop, work.kv_bytes * device.dollars_per_byte)
    return scores + work.linear_flops * device.dollars_per_flop


def feed_forward_cost(work: Work, device: Device) -> float:
    """Return the dollars for one token's feed-forward part."""
    return work.ffn_flops * device.dollars_per_flop


def colocated(work: Work, device: Device) -> Cost:
    """Return the cost with both parts on one kind of device."""
    return Cost(attention_cost(work, device), feed_forward_cost(work, device), device, device)


def disaggregated(work: Work, devices: Iterable[Device] = DEVICES) -> Cost:
    """Return the cost with each part on its cheapest kind of device (AFD). Raises ValueError without devices."""
    choice = tuple(devices)
    attention = min(choice, key=lambda device: attention_cost(work, device))
    feed_forward = min(choice, key=lambda device: feed_forward_cost(work, device))
    return Cost(
        attention_cost(work, attention), feed_forward_cost(work, feed_forward), attention, feed_forward
    )


def dense_batch(device: Device) -> float:
    """Return the batch size, in tokens, above which an 8-bit dense layer is compute-bound (two operations per weight byte)."""
    return device.roofline / 2


def least_sparsity(hidden: int, layers: int, device: Device) -> float:
    """Return the smallest share of active experts at which the network keeps up with the feed-forward part in AFD.

    A sparser model needs larger batches to keep the device busy, and a larger batch sends more: three bytes per value, token
    and layer.

    Args:
        hidden: width of the model.
        layers: number of layers.
        device: the accelerator.

    Source: Step-3 (arXiv 2507.19427, section 4).
    """
    return hidden * device.flops * layers / (device.network * device.bandwidth * NETWORK_SECONDS)
