"""Learning from stale texts: MIS-PO against importance weighting, in small.

A policy (a perceptron that reads the first and the last token) writes texts of 512 tokens; its reward is the share of tokens that
follow the rule named by the first token. An older policy, a given number of updates back, writes the texts of each update.
Learning rate, groups, problems and seeds are the same; only the loss differs:

- none: the policy gradient, as if the texts were the policy's own;
- text weights: importance weighting of each text by its probability ratio, which is unbiased;
- token weights: importance weighting of each token by its own ratio, which is biased;
- clipped: PPO's clipped ratio with DAPO's bounds;
- mis-po: texts and tokens beyond the bounds of Step 3.5 Flash (arXiv 2602.10604) are dropped, no ratio multiplied in;
- mis-po, wide: the same with bounds of 0.98 and 1.02 for texts.

    python benchmarks/staleness.py [--seeds 5] [--updates 150] [--stale 0 2 8 32]

Prints Markdown: the share of right tokens of the policy at the end, its mean over the seeds and half a 95 % interval (Student's
t); and the mean effective sample size of the text weights, the largest norm of a gradient, and the share of tokens that were
kept.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import torch
from torch import Tensor, nn

from stepprove.train.rl.losses import (
    TrustBounds,
    average,
    clipped_loss,
    group_advantages,
    mis_po_loss,
    trusted,
)

TOKENS, WIDTH, LENGTH = 8, 32, 512
PROBLEMS, GROUP = 8, 8
LEARNING_RATE = 3e-3
METHODS = ("none", "text weights", "token weights", "clipped", "mis-po", "mis-po, wide")
WIDE = TrustBounds(text_low=0.98, text_high=1.02)
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 8: 2.365, 10: 2.262}
"""Two-sided 95 % points of Student's t by number of seeds."""


class Policy(nn.Module):
    """Predicts the next token from the current and the first token."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Embedding(TOKENS, WIDTH), nn.Embedding(TOKENS, WIDTH)
        self.inner, self.write = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, TOKENS)

    def forward(self) -> Tensor:
        """Return all log-probabilities, [first, last, next]."""
        read = self.first.weight[:, None] + self.last.weight[None]
        return self.write(torch.tanh(self.inner(torch.tanh(read)))).log_softmax(-1)


def log_probs(policy: Policy, ids: Tensor) -> Tensor:
    """Return the log-probabilities of all tokens but the first, [B, LENGTH]."""
    return policy()[ids[:, :1], ids[:, :-1], ids[:, 1:]]


@torch.no_grad()
def written(policy: Policy, first: Tensor) -> Tensor:
    """Sample texts from the given first tokens, [B, 1 + LENGTH]."""
    chances = policy().exp()
    ids = [first]
    for _ in range(LENGTH):
        ids.append(torch.multinomial(chances[first, ids[-1]], 1)[:, 0])
    return torch.stack(ids, 1)


def rewards(ids: Tensor) -> Tensor:
    """Return the share of tokens that follow the first token's rule, [B]."""
    step = ids[:, :1] % 3 + 1
    return ((ids[:, 1:] - ids[:, :-1]) % TOKENS == step).float().mean(1)


def loss_of(method: str, current: Tensor, sampled: Tensor, advantages: Tensor) -> tuple[Tensor, float]:
    """Return the loss, and the share of kept tokens."""
    mask = torch.ones_like(current)
    ratio = current - sampled
    if method == "none":
        return -average(current * advantages[:, None], mask, "token"), 1.0
    if method == "text weights":
        weights = advantages * ratio.detach().sum(1).exp()
        return -average(current * weights[:, None], mask, "token"), 1.0
    if method == "token weights":
        return -average(ratio.exp() * advantages[:, None], mask, "token"), 1.0
    if method == "clipped":
        return clipped_loss(current, sampled, advantages, mask, low=0.2, high=0.28, over="token"), 1.0
    kept = trusted(current.detach(), sampled, mask, WIDE if method.endswith("wide") else TrustBounds())
    return mis_po_loss(current, advantages, mask, kept), float(kept.mean())


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one run."""

    right: float
    """The final policy's share of right tokens."""
    kept: float
    size: float
    """Mean over updates of the text weights' effective sample size, as a share of the texts."""
    norm: float
    """The largest gradient norm."""


def run(method: str, stale: int, seed: int, updates: int) -> Result:
    torch.manual_seed(seed)
    policy, writer = Policy(), Policy()
    optimizer = torch.optim.Adam(policy.parameters(), LEARNING_RATE)
    generator = torch.Generator().manual_seed(seed)
    past = deque([_weights(policy)], maxlen=stale + 1)
    kept, sizes, norms = [], [], []
    for _ in range(updates):
        writer.load_state_dict(past[0])
        first = torch.randint(TOKENS, (PROBLEMS,), generator=generator).repeat_interleave(GROUP)
        ids = written(writer, first)
        with torch.no_grad():
            sampled = log_probs(writer, ids)
        current = log_probs(policy, ids)
        loss, share = loss_of(method, current, sampled, group_advantages(rewards(ids), GROUP))
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(policy.parameters(), float("inf"))))
        optimizer.step()
        past.append(_weights(policy))
        kept.append(share)
        log_weights = (current.detach() - sampled).sum(1).double()
        sizes.append(float((2 * log_weights.logsumexp(0) - (2 * log_weights).logsumexp(0)).exp() / len(ids)))
    ids = written(policy, torch.randint(TOKENS, (256,), generator=generator))
    return Result(float(rewards(ids).mean()), mean(kept), mean(sizes), max(norms))


def _weights(policy: Policy) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in policy.state_dict().items()}


def cell(results: Sequence[Result]) -> str:
    values = [100 * each.right for each in results]
    margin = STUDENT[len(values)] * stdev(values) / len(values) ** 0.5
    return f"{mean(values):.1f} ± {margin:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, choices=sorted(STUDENT))
    parser.add_argument("--updates", type=int, default=150)
    parser.add_argument("--stale", type=int, nargs="+", default=[0, 2, 8, 32])
    options = parser.parse_args()
    torch.set_num_threads(1)
    started = time.monotonic()
    found: dict[tuple[str, int], list[Result]] = {}
    for method in METHODS:
        for stale in options.stale:
            runs = [run(method, stale, seed, options.updates) for seed in range(options.seeds)]
            found[method, stale] = runs
    print(
        f"{options.seeds} seeds, {options.updates} updates, torch {torch.__version__}, {platform.machine()}, ",
        end="",
    )
    print(f"{time.monotonic() - started:.0f} s")
    heads = [f"{stale} updates behind" for stale in options.stale]
    print(f"\n| loss | {' | '.join(heads)} |\n|{'---|' * (1 + len(heads))}")
    for method in METHODS:
        print(f"| {method} | {' | '.join(cell(found[method, stale]) for stale in options.stale)} |")
    print(f"\n| | {' | '.join(heads)} |\n|{'---|' * (1 + len(heads))}")
    rows = {
        "effective sample size, text weights": lambda s: mean(r.size for r in found["text weights", s]),
        "largest gradient, text weights": lambda s: max(r.norm for r in found["text weights", s]),
        "largest gradient, mis-po": lambda s: max(r.norm for r in found["mis-po", s]),
        "tokens kept, mis-po": lambda s: mean(r.kept for r in found["mis-po", s]),
        "tokens kept, mis-po, wide": lambda s: mean(r.kept for r in found["mis-po, wide", s]),
    }
    for name, value in rows.items():
        print(f"| {name} | {' | '.join(f'{value(stale):.2f}' for stale in options.stale)} |")


if __name__ == "__main__":
    main()
