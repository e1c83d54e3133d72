"""Neural control variates in small: the reduction in variance against plain Monte Carlo.

    python benchmarks/methods/control_variates.py [--repeats N] [--parts variance,thermodynamic,baseline]

Expectations under a Gaussian and a mixture in two dimensions from 100 and 1,000 samples; the evidence of a Bayesian logistic
regression by thermodynamic integration; and a learned baseline for policy gradients from rewards of 0 and 1. Every repeat draws
its own samples; errors are against the exact value.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Callable

import torch
from report import interval, plot, print_table, print_versions, shown
from torch import Tensor
from torch.nn import functional

from stepprove.train.methods.control_variates import (
    Estimate,
    NeuralOptions,
    learned_baseline,
    neural,
    plain,
    polynomial,
)

NETWORK = NeuralOptions(width=24, steps=200, folds=2)
AUGMENTED = dataclasses.replace(NETWORK, augmented=2)
Estimator = Callable[[Tensor, Tensor, Tensor, int], Estimate]
ESTIMATORS: dict[str, Estimator] = {
    "Monte Carlo": lambda f, x, s, seed: plain(f),
    "ZV-CV, order 1": lambda f, x, s, seed: polynomial(f, x, s, 1),
    "ZV-CV, order 2": lambda f, x, s, seed: polynomial(f, x, s, 2),
    "NCV": lambda f, x, s, seed: neural(f, x, s, dataclasses.replace(NETWORK, seed=seed)),
    "NCV, augmented": lambda f, x, s, seed: neural(f, x, s, dataclasses.replace(AUGMENTED, seed=seed)),
}

MEANS = torch.tensor([[-1.5, 0.0], [1.5, 0.5], [0.0, 2.0]], dtype=torch.float64)
SPREAD = 0.7


def wave(x: Tensor) -> Tensor:
    return torch.sin(2 * x[:, 0] + x[:, 1])


def cubic(x: Tensor) -> Tensor:
    return x[:, 0] ** 3 + x[:, 0] * x[:, 1] ** 2 + x[:, 1]


def gaussian(count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    x = torch.randn(count, 2, generator=rng, dtype=torch.float64)
    return x, -x


def mixture(count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    place = torch.randint(len(MEANS), (count,), generator=rng)
    x = MEANS[place] + SPREAD * torch.randn(count, 2, generator=rng, dtype=torch.float64)
    away = x[:, None] - MEANS
    share = (-away.square().sum(-1) / (2 * SPREAD**2)).softmax(1)
    return x, -(share[:, :, None] * away).sum(1) / SPREAD**2


def mean_of_wave(means: Tensor, spread: float) -> float:
    """E sin(a x) = sin(a mean) exp(-|a|² spread² / 2)."""
    return float(torch.sin(2 * means[:, 0] + means[:, 1]).mean()) * math.exp(-5 * spread**2 / 2)


def mean_of_cubic(means: Tensor, spread: float) -> float:
    first, second = means[:, 0], means[:, 1]
    return float((first**3 + 3 * first * spread**2 + first * (second**2 + spread**2) + second).mean())


NORMAL = torch.zeros(1, 2, dtype=torch.float64)
PROBLEMS = {
    "Gaussian, sin(2a + b)": (gaussian, wave, mean_of_wave(NORMAL, 1.0)),
    "Gaussian, cubic": (gaussian, cubic, mean_of_cubic(NORMAL, 1.0)),
    "mixture, sin(2a + b)": (mixture, wave, mean_of_wave(MEANS, SPREAD)),
    "mixture, cubic": (mixture, cubic, mean_of_cubic(MEANS, SPREAD)),
}


def rms(values: list[float]) -> float:
    return math.sqrt(sum(value**2 for value in values) / len(values))


def variances(repeats: int) -> None:
    series: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ESTIMATORS}
    ticks = {}
    for count in (100, 1000):
        rows = []
        for problem, (sample, f, exact) in PROBLEMS.items():
            errors: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
            ratios: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
            for repeat in range(repeats):
                x, score = sample(count, torch.Generator().manual_seed(repeat))
                base = plain(f(x)).variance
                for name, estimate in ESTIMATORS.items():
                    found = estimate(f(x), x, score, repeat)
                    errors[name].append(found.value - exact)
                    ratios[name].append(math.log10(base / max(found.variance, base * 1e-12)))
            row = [problem]
            for name in ESTIMATORS:
                mean, half = interval(ratios[name])
                low, high = 10 ** (mean - half), 10 ** (mean + half)
                series[name].append((float(len(ticks)), 10**mean, 0.0))
                row.append(f"{rms(errors[name]):.4f}; {10**mean:.3g} ({low:.3g} to {high:.3g})")
            rows.append(row)
            ticks[float(len(ticks))] = f"{problem.split(',')[0]}\n{f.__name__}, {count}"
        print(
            f"{count} samples, {repeats} repeats: RMS error; Monte Carlo's variance over the estimator's own "
            "(95 % interval):\n"
        )
        print_table(["expectation", *ESTIMATORS], rows)
    plot(
        "control_variates",
        f"How many times less than Monte Carlo's the variance is ({repeats} repeats)",
        ("distribution, function, samples", "variance ratio"),
        series,
        log="y",
        ticks=ticks,
        joined=False,
    )


POINTS = 30
TEMPERATURES = [(i / 8) ** 4 for i in range(9)]


def regression() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(7)
    x = torch.randn(POINTS, 2, generator=rng, dtype=torch.float64)
    labels = (
        torch.rand(POINTS, generator=rng, dtype=torch.float64)
        < (x @ torch.tensor([1.5, -1.0]).double()).sigmoid()
    )
    return x, labels.double()


def likelihood(w: Tensor) -> Tensor:
    """Log-likelihood of weights [N, 2]: [N]; the prior is a Gaussian of variance 4."""
    x, labels = regression()
    logits = w @ x.T
    return -functional.binary_cross_entropy_with_logits(
        logits, labels.expand_as(logits), reduction="none"
    ).sum(1)


def tempered(temperature: float, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Samples of prior * likelihood ** temperature, each the end of its own chain (random-walk Metropolis), and their scores."""
    w = 2 * torch.randn(count, 2, generator=rng, dtype=torch.float64)

    def log_density(w: Tensor) -> Tensor:
        return temperature * likelihood(w) - w.square().sum(1) / 8

    here = log_density(w)
    for _ in range(300):
        size = 0.3 + 1.2 * torch.rand(1, generator=rng, dtype=torch.float64)
        other = w + size * torch.randn(w.shape, generator=rng, dtype=torch.float64)
        there = log_density(other)
        go = torch.rand(count, generator=rng, dtype=torch.float64).log() < there - here
        w, here = torch.where(go[:, None], other, w), torch.where(go, there, here)
    with torch.enable_grad():
        w = w.requires_grad_()
        (score,) = torch.autograd.grad(log_density(w).sum(), w)
    return w.detach(), score


def exact_means() -> list[float]:
    """E[log-likelihood] at each temperature, on a fine grid."""
    line = torch.linspace(-12, 12, 601, dtype=torch.float64)
    w = torch.cartesian_prod(line, line)
    values = likelihood(w)
    prior = -w.square().sum(1) / 8
    return [float(((t * values + prior).softmax(0) * values).sum()) for t in TEMPERATURES]


def trapezoid(means: list[float]) -> float:
    steps = zip(TEMPERATURES, TEMPERATURES[1:], means, means[1:], strict=False)
    return sum((after - before) * (low + high) / 2 for before, after, low, high in steps)


def thermodynamic(repeats: int) -> None:
    wanted = trapezoid(exact_means())
    found: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
    for repeat in range(repeats):
        rng = torch.Generator().manual_seed(repeat)
        means: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
        for temperature in TEMPERATURES:
            w, score = tempered(temperature, 100, rng)
            for name, estimate in ESTIMATORS.items():
                means[name].append(estimate(likelihood(w), w, score, repeat).value)
        for name in ESTIMATORS:
            found[name].append(trapezoid(means[name]) - wanted)
    base = rms(found["Monte Carlo"])
    print(
        f"Log-evidence of a logistic regression ({POINTS} points), {len(TEMPERATURES)} temperatures, 100 samples each, "
        f"{repeats} repeats; exact by quadrature at the same temperatures: {wanted:.4f}\n"
    )
    print_table(
        ["estimator", "mean error", "RMS error", "squared error: Monte Carlo's over its own"],
        [
            [name, shown(errors, 4), f"{rms(errors):.4f}", f"{(base / rms(errors)) ** 2:.1f}"]
            for name, errors in found.items()
        ],
    )


def gradients(problems: int, texts: int, rng: torch.Generator) -> dict[str, Tensor]:
    """One policy gradient [d] by each baseline, of the same texts.

    A policy chooses one of four answers by a softmax that is linear in a problem's features [6]; how often each answer is right
    differs from problem to problem, and the features show half of it.
    """
    policy = torch.Generator().manual_seed(1)
    theta = 0.3 * torch.randn(6, 4, generator=policy, dtype=torch.float64)
    features = torch.randn(problems, 6, generator=rng, dtype=torch.float64)
    ease = 1.5 * features[:, 0] + 1.5 * torch.randn(problems, generator=rng, dtype=torch.float64)
    probabilities = (features @ theta).softmax(1)
    answers = torch.multinomial(probabilities, texts, replacement=True, generator=rng)
    right = (ease[:, None] + torch.tensor([-1.0, -0.3, 0.3, 1.0])[answers]).sigmoid()
    rewards = (torch.rand(right.shape, generator=rng, dtype=torch.float64) < right).double()
    moved = functional.one_hot(answers, 4).double() - probabilities[:, None]
    scores = torch.einsum("gi,gka->gkia", features, moved).flatten(2)
    others = (rewards.sum(1, keepdim=True) - rewards) / (texts - 1)
    baselines = {
        "none": torch.zeros_like(rewards),
        "mean of the problem's other texts": others,
        "learned": learned_baseline(rewards),
        "learned, with features": learned_baseline(rewards, features),
    }
    return {name: ((rewards - b)[:, :, None] * scores).mean((0, 1)) for name, b in baselines.items()}


def baseline(rounds: int, seeds: int) -> None:
    for problems in (8, 32):
        rows = []
        for texts in (2, 4, 8):
            ratios: dict[str, list[float]] = {}
            for seed in range(seeds):
                rng = torch.Generator().manual_seed(2000 + seed)
                drawn = [gradients(problems, texts, rng) for _ in range(rounds)]
                spread = {n: float(torch.stack([d[n] for d in drawn]).var(0).sum()) for n in drawn[0]}
                for name, value in spread.items():
                    ratios.setdefault(name, []).append(value / spread["mean of the problem's other texts"])
            rows.append([str(texts), *(shown(values, 2) for values in ratios.values())])
        print(
            f"Variance of the policy gradient over that with the mean of the other texts, {problems} problems a round, "
            f"{rounds} rounds for each of {seeds} seeds:\n"
        )
        print_table(["texts a problem", *ratios], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=400, help="of the policy gradient, each of five seeds")
    parser.add_argument("--parts", default="variance,thermodynamic,baseline")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print_versions()
    parts = arguments.parts.split(",")
    if "variance" in parts:
        variances(arguments.repeats)
    if "thermodynamic" in parts:
        thermodynamic(arguments.repeats)
    if "baseline" in parts:
        baseline(arguments.rounds, 5)


if __name__ == "__main__":
    main()
