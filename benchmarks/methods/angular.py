"""Spherical Motion Dynamics in small: the angle by which weights before a normalization turn, against the theory.

    python benchmarks/methods/angular.py [--seeds N] [--steps N]

A multilayer perceptron with batch normalization learns labels with a fifth of them wrong, so that gradients do not vanish. First
it measures the mean angle in the last quarter of the steps for several learning rates, decays and momenta; then it divides the
learning rate by ten, with and without rescaling the weights.
"""

from __future__ import annotations

import argparse
import math
import statistics

import torch
from report import interval, plot, print_table, print_versions, shown
from torch import Tensor, nn
from torch.nn import functional

from stepprove.train.methods.angular import angle, equilibrium_angle, rescale

WIDTH, CLASSES, BATCH, TEXTS = 64, 10, 64, 4096
SETTINGS = [(0.1, 0.005, 0.0), (0.1, 0.01, 0.0), (0.05, 0.005, 0.9), (0.1, 0.005, 0.9), (0.1, 0.01, 0.9)]
DECAY = 0.1


def network() -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [nn.Linear(WIDTH, WIDTH, bias=False), nn.BatchNorm1d(WIDTH), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, CLASSES))


def data(seed: int) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(TEXTS, WIDTH, generator=rng)
    labels = (x @ torch.randn(WIDTH, CLASSES, generator=rng)).argmax(1)
    wrong = torch.rand(TEXTS, generator=rng) < 0.2
    return x, torch.where(wrong, torch.randint(CLASSES, labels.shape, generator=rng), labels)


def train(
    seed: int,
    lr: float,
    decay: float,
    momentum: float,
    steps: int,
    drop_at: int | None = None,
    scaled: bool = False,
) -> tuple[list[list[float]], list[float]]:
    """Return each scale-invariant weight's angle in each step, and the losses; the learning rate drops at `drop_at`."""
    torch.manual_seed(seed)
    x, labels = data(seed)
    model = network()
    watched = [layer.weight for layer in model[:-1] if isinstance(layer, nn.Linear)]
    others = [p for p in model.parameters() if all(p is not w for w in watched)]
    sgd = torch.optim.SGD(
        [{"params": watched, "weight_decay": decay}, {"params": others}], lr=lr, momentum=momentum
    )
    turned: list[list[float]] = [[] for _ in watched]
    losses = []
    for step in range(steps):
        if step == drop_at:
            for group in sgd.param_groups:
                group["lr"] = lr * DECAY
            if scaled:
                rescale(watched, DECAY, sgd)
        batch = torch.randint(TEXTS, (BATCH,))
        loss = functional.cross_entropy(model(x[batch]), labels[batch])
        sgd.zero_grad()
        loss.backward()
        before = [weight.detach().clone() for weight in watched]
        sgd.step()
        losses.append(float(loss.detach()))
        for each, old, new in zip(turned, before, watched, strict=True):
            each.append(angle(old, new))
    return turned, losses


def smooth(values: list[float], width: int = 20) -> list[float]:
    return [statistics.fmean(values[i : i + width]) for i in range(0, len(values) - width + 1, width)]


def equilibria(seeds: int, steps: int) -> None:
    rows = []
    for lr, decay, momentum in SETTINGS:
        theory = equilibrium_angle(lr, decay, momentum)
        ratios: list[list[float]] = [[], [], []]
        for seed in range(seeds):
            turned, _ = train(seed, lr, decay, momentum, steps)
            for layer, angles in enumerate(turned):
                ratios[layer].append(statistics.fmean(angles[-steps // 4 :]) / theory)
        cells = [shown(ratio, 3) for ratio in ratios]
        rows.append([f"{lr:g}", f"{decay:g}", f"{momentum:g}", f"{theory:.5f}", *cells])
    print(f"Mean angle of a step over the theory's, {seeds} seeds, {steps} steps, the last quarter:\n")
    print_table(["lr", "decay", "momentum", "theory (rad)", "layer 1", "layer 2", "layer 3"], rows)


def after_a_drop(seeds: int, steps: int) -> None:
    lr, decay, momentum = 0.1, 0.01, 0.9
    drop_at = steps // 3
    theory = equilibrium_angle(lr * DECAY, decay, momentum)
    series = {}
    rows = []
    for word, scaled in (("left alone", False), ("rescaled", True)):
        lines, first, late, until, means = [], [], [], [], []
        for seed in range(seeds):
            turned, losses = train(seed, lr, decay, momentum, steps, drop_at, scaled)
            mean = [statistics.fmean(each) for each in zip(*turned, strict=True)]
            lines.append(smooth(mean))
            after = smooth(mean[drop_at:])
            first.append(statistics.fmean(mean[drop_at + 20 : drop_at + 120]) / theory)
            late.append(statistics.fmean(mean[-200:]) / theory)
            reached = [20 * place for place, value in enumerate(after) if place and value > 0.9 * theory]
            until.append(float(reached[0]) if reached else math.inf)
            means.append(statistics.fmean(losses[drop_at : drop_at + 500]))
        steps_told = shown(until, 0) if max(until) < math.inf else f"not within {steps - drop_at} steps"
        rows.append([word, shown(first, 3), shown(late, 3), steps_told, shown(means, 3)])
        series[word] = [
            (20.0 * place, *interval(list(values))) for place, values in enumerate(zip(*lines, strict=True))
        ]
    series["theory"] = [
        (0.0, equilibrium_angle(lr, decay, momentum), 0.0),
        (drop_at - 1.0, equilibrium_angle(lr, decay, momentum), 0.0),
        (float(drop_at), theory, 0.0),
        (float(steps), theory, 0.0),
    ]
    print(
        f"Learning rate {lr:g} to {lr * DECAY:g} at step {drop_at}, decay {decay:g}, momentum {momentum:g}:\n"
    )
    print_table(
        [
            "weights",
            "angle / theory, steps 20 to 120 after",
            "the last 200 steps",
            "steps to 90 % of theory",
            "mean loss, 500 steps after",
        ],
        rows,
    )
    plot(
        "angular",
        f"A learning rate divided by ten at step {drop_at} ({seeds} seeds, 95 % intervals)",
        ("step", "angle of a step (rad)"),
        series,
        log="y",
        dashed=["theory"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3000, help="half as many again for the drop")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print_versions()
    equilibria(arguments.seeds, arguments.steps)
    after_a_drop(arguments.seeds, arguments.steps * 3 // 2)


if __name__ == "__main__":
    main()
