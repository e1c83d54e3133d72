"""MABN in small: a convolutional network normalized over two pictures at a time.

    python benchmarks/methods/moving_average_norm.py [--seeds N] [--steps N]

Every step of SGD sees 32 pictures (toy_images.py). The normalizations differ in the number of pictures in their statistics (in
brackets) and in kind: batch normalization, batch renormalization (arXiv 1702.03275), group normalization, which uses single
pictures, and MABN. It also measures the variance of a batch's four statistics between batches, at several sizes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
import toy_images
from report import interval, plot, print_table, print_versions, shown
from torch import Tensor, nn
from torch.nn import functional

from stepprove.train.methods.moving_average_norm import CentredConv2d, MovingAverageNorm

CLASSES, BATCH, NOISE, PICTURES = 16, 32, 0.25, 4000


class Renorm(nn.BatchNorm2d):
    """Batch renormalization: the batch's statistics, corrected towards the running ones by factors without gradient."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize with corrected batch statistics."""
        if not self.training:
            return super().forward(x)
        assert self.num_batches_tracked is not None and self.running_mean is not None
        assert self.running_var is not None
        self.num_batches_tracked += 1
        share = min(1.0, float(self.num_batches_tracked) / 2000)  # the bounds open slowly, as in the paper
        most, away = 1 + 2 * share, 5 * share
        mean = x.mean((0, 2, 3))
        deviation = (x.var((0, 2, 3), unbiased=False) + self.eps).sqrt()
        with torch.no_grad():
            running = (self.running_var + self.eps).sqrt()
            r = (deviation / running).clamp(1 / most, most)
            d = ((mean - self.running_mean) / running).clamp(-away, away)
            self.running_mean.lerp_(mean, 0.01)
            self.running_var.lerp_(deviation.square() - self.eps, 0.01)
        shape = (1, -1, 1, 1)
        normal = (x - mean.view(shape)) / deviation.view(shape) * r.view(shape) + d.view(shape)
        return normal * self.weight.view(shape) + self.bias.view(shape)


def batch_norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, momentum=0.02)


METHODS: dict[str, tuple[type[nn.Conv2d], Callable[[int], nn.Module], int]] = {
    "BN (32)": (nn.Conv2d, batch_norm, 32),
    "BN (2)": (nn.Conv2d, batch_norm, 2),
    "BRN (2)": (nn.Conv2d, Renorm, 2),
    "GN": (nn.Conv2d, lambda channels: nn.GroupNorm(8, channels), 32),
    "MABN (2)": (CentredConv2d, MovingAverageNorm, 2),
}


def network(conv: type[nn.Conv2d], norm: Callable[[int], nn.Module], deep: bool) -> nn.Sequential:
    """Three normalizations, over 144, 36 and 9 values of each picture; the `deep` one has a fourth, over a single value."""
    layers: list[nn.Module] = []
    for before, after in ((1, 16), (16, 32), (32, 64)):
        layers += [conv(before, after, 3, padding=1, bias=False), norm(after), nn.ReLU(), nn.MaxPool2d(2)]
    if deep:
        layers[-1:] = [conv(64, 64, 3, bias=False), norm(64), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, CLASSES))


def data(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    strokes, classes = toy_images.strokes(rng), toy_images.classes(CLASSES, rng)
    return (
        *toy_images.draw(PICTURES, strokes, classes, rng, NOISE),
        *toy_images.draw(2000, strokes, classes, rng, NOISE),
    )


def learn(name: str, deep: bool, seed: int, steps: int, checks: int) -> list[float]:
    """Test accuracies at `checks` even distances."""
    conv, norm, together = METHODS[name]
    x, labels, test_x, test_labels = data(seed)
    torch.manual_seed(seed)
    model = network(conv, norm, deep)
    sgd = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, steps)
    found = []
    for step in range(steps):
        sgd.zero_grad()
        for part in torch.randint(len(x), (BATCH,)).split(together):
            loss = functional.cross_entropy(model(x[part]), labels[part])
            (loss * len(part) / BATCH).backward()
        sgd.step()
        schedule.step()
        if (step + 1) % (steps // checks) == 0:
            model.eval()
            with torch.no_grad():
                found.append(float((model(test_x).argmax(1) == test_labels).float().mean()))
            model.train()
    return found


def statistics(seed: int) -> dict[int, list[float]]:
    """By the size of a batch, the variance of its four statistics over that at 32: third normalization, trained network."""
    x, labels, _, _ = data(seed)
    torch.manual_seed(seed)
    model = network(nn.Conv2d, batch_norm, False)
    sgd = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(200):
        batch = torch.randint(len(x), (BATCH,))
        sgd.zero_grad()
        functional.cross_entropy(model(x[batch]), labels[batch]).backward()
        sgd.step()
    last = model[9]
    assert isinstance(last, nn.BatchNorm2d)
    found: dict[int, list[Tensor]] = {}
    for size in (32, 16, 8, 4, 2):
        rows = []
        for _ in range(100):
            seen: list[Tensor] = []
            hook = last.register_forward_hook(
                lambda module, args, out, seen=seen: seen.extend((args[0], out))
            )
            batch = torch.randint(len(x), (size,))
            loss = functional.cross_entropy(model(x[batch]), labels[batch])
            hook.remove()
            inside, out = seen
            (gradient,) = torch.autograd.grad(loss, out)
            gradient = gradient * size  # of each picture's own loss
            normal = (out - last.bias.view(1, -1, 1, 1)) / last.weight.view(1, -1, 1, 1)
            four = [inside, inside.square(), gradient, gradient * normal]
            rows.append(torch.stack([part.detach().mean((0, 2, 3)) for part in four]))
        found[size] = torch.stack(rows).var(0).mean(1).tolist()
    return {size: [a / b for a, b in zip(row, found[32], strict=True)] for size, row in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print_versions()
    checks = 6
    for deep, methods in ((True, list(METHODS)), (False, ["BN (32)", "BN (2)", "MABN (2)"])):
        series = {}
        rows = []
        base: list[float] = []
        for name in methods:
            runs = [learn(name, deep, seed, arguments.steps, checks) for seed in range(arguments.seeds)]
            last = [run[-1] for run in runs]
            base = base or last
            over = [100 * (value - other) for value, other in zip(last, base, strict=True)]
            rows.append([name, shown(last, 1, 100), shown(over, 1)])
            series[name] = [
                ((place + 1.0) * (arguments.steps // checks), *interval([100 * v for v in values]))
                for place, values in enumerate(zip(*runs, strict=True))
            ]
        kind = "four normalizations, the last over one value a picture" if deep else "three normalizations"
        print(
            f"Test accuracy in %, {arguments.steps} steps of {BATCH} pictures, {arguments.seeds} seeds; {kind}:\n"
        )
        print_table(["normalization (pictures)", "accuracy", "over BN (32), points"], rows)
        if deep:
            plot(
                "moving_average_norm",
                f"Test accuracy while learning, four normalizations ({arguments.seeds} seeds, 95 % intervals)",
                ("step", "%"),
                series,
            )
    varying = [statistics(seed) for seed in range(arguments.seeds)]
    print("Variance of a batch's statistics over that at 32 pictures, in the third normalization:\n")
    print_table(
        ["pictures", "mean of x", "mean of x²", "mean of the gradient", "mean of gradient times output"],
        [[str(size), *(shown([v[size][i] for v in varying], 1) for i in range(4))] for size in (16, 8, 4, 2)],
    )


if __name__ == "__main__":
    main()
