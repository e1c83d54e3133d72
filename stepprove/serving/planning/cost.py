"""What decoding costs: Step-3's model of dollars a token (arXiv 2507.19427, section 4), with attention and feed-forward apart.

A device costs so much for an operation and so much for a byte read. Attention pays for the dearer of its operations and the bytes
of the KV cache; the linear maps around it and the feed-forward part, in batches large enough, pay for operations alone. With
attention/FFN disaggregation (AFD) each part runs where it is cheapest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stepprove.serving.serve.work import Work

ATTENTION_SECONDS = 0.0166
"""Of a 50 ms token, what one of the three stages (attention, communication, feed-forward) may take in AFD."""

NETWORK_SECONDS = 0.0111
"""Of the communication's stage, what is left for data at the paper's efficiency."""


@dataclass(frozen=True, slots=True)
class Device:
    """An accelerator: what it costs and does."""

    name: str
    dollars_per_hour: float
    flops: float
    """Peak operations a second, in 8 bits where it has them."""
    bandwidth: float
    """Bytes a second from its memory."""
    network: float
    """Bytes a second to other nodes, for the eight devices of a node together."""
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
        """Operations for a byte at which both limits meet."""
        return self.flops / self.bandwidth


H800 = Device("H800", 2.00, 1.98e15, 3.35e12, 8 * 400e9 / 8, 80)
H20 = Device("H20", 0.80, 2.96e14, 4.0e12, 8 * 400e9 / 8, 96)
A800 = Device("A800", 0.75, 3.12e14, 2.0e12, 8 * 200e9 / 8, 80)
ASCEND_910B = Device("910B", 0.67, 2.80e14, 1.6e12, 8 * 200e9 / 8, 64)
DEVICES = (H800, H20, A800, ASCEND_910B)
"""Table 3 of the paper, with its prices of 2025."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Dollars for a token, and where its parts run."""

    attention: float
    feed_forward: float
    attention_device: Device
    feed_forward_device: Device

    @property
    def total(self) -> float:
        """Both parts."""
        return self.attention + self.feed_forward


def attention_cost(work: Work, device: Device) -> float:
    """Dollars for the attention of one token and its linear maps."""
    scores = max(work.attention_flops * device.dollars_per_flop, work.kv_bytes * device.dollars_per_byte)
    return scores + work.linear_flops * device.dollars_per_flop


def feed_forward_cost(work: Work, device: Device) -> float:
    """Dollars for the feed-forward part of one token."""
    return work.ffn_flops * device.dollars_per_flop


def colocated(work: Work, device: Device) -> Cost:
    """Both parts on one kind of device."""
    return Cost(attention_cost(work, device), feed_forward_cost(work, device), device, device)


def disaggregated(work: Work, devices: Iterable[Device] = DEVICES) -> Cost:
    """Each part on the kind of device that is cheapest for it. Raises ValueError without devices."""
    choice = tuple(devices)
    attention = min(choice, key=lambda device: attention_cost(work, device))
    feed_forward = min(choice, key=lambda device: feed_forward_cost(work, device))
    return Cost(
        attention_cost(work, attention), feed_forward_cost(work, feed_forward), attention, feed_forward
    )


def dense_batch(device: Device) -> float:
    """Tokens in a batch from which a dense layer in 8 bits is bound by operations: two of them for each byte of weights."""
    return device.roofline / 2


def least_sparsity(hidden: int, layers: int, device: Device) -> float:
    """The smallest share of active experts with which the network keeps up with the feed-forward part in AFD.

    A sparser model needs larger batches to keep the device busy, and a larger batch is more to send: three bytes for each
    number of each token and layer.
    """
    return hidden * device.flops * layers / (device.network * device.bandwidth * NETWORK_SECONDS)
