"""Neural control variates (arXiv 1806.00159): a network learns a zero-mean term that reduces a Monte Carlo estimate's variance.

By Stein's identity the term has mean 0: where phi p vanishes at infinity, E_p[<phi, grad log p> + div phi] = 0 for any vector
field phi. Cross-fitting trains phi on some samples to minimise the variance of f + h and applies it to others, so the estimate
stays unbiased. Augmentation gives phi a random z beside x, new in each step, which keeps it from memorising few samples; the
identity holds for every z.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

Field = Callable[..., Tensor]
"""Maps one point [d], and further inputs, to a vector [d]."""


def stein(field: Field, x: Tensor, score: Tensor, *beside: Tensor) -> Tensor:
    """Compute <phi(x), score> + div phi(x), which has mean 0 under p.

    Args:
        field: phi.
        x: points, [N, d].
        score: grad log p at the points, [N, d].
        beside: further inputs of the field, [N, ...]; the divergence ignores them.

    Returns:
        [N].

    Source: arXiv 1806.00159.
    """
    values: Tensor = vmap(field)(x, *beside)
    jacobian: Tensor = vmap(jacrev(field))(x, *beside)
    return (values * score).sum(1) + jacobian.diagonal(dim1=1, dim2=2).sum(1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated expectation."""

    value: float
    variance: float
    """Variance of the value: that of the corrected samples, divided by their number."""


def plain(f: Tensor) -> Estimate:
    """Return the plain Monte Carlo estimate of [N] values."""
    return Estimate(float(f.mean()), float(f.var() / len(f)))


def polynomial(f: Tensor, x: Tensor, score: Tensor, order: int = 1) -> Estimate:
    """Estimate with polynomial zero-variance control variates, fitted by least squares on the same samples (bias O(1 / N)).

    Args:
        f: values, [N].
        x: points, [N, d].
        score: grad log p at the points, [N, d].
        order: 1 for a constant phi, 2 for phi linear in x.

    Raises:
        ValueError: another order.

    Source: Mira et al. 2013.
    """
    if order not in (1, 2):
        raise ValueError(f"polynomials of order {order} are not offered: 1 or 2")
    columns = [score]
    if order == 2:
        dimensions = x.shape[1]
        products = x[:, :, None] * score[:, None, :] + torch.eye(dimensions, dtype=x.dtype)
        columns.append(products.flatten(1))
    design = torch.cat([torch.ones(len(f), 1, dtype=x.dtype), *columns], 1)
    fitted = torch.linalg.lstsq(design, f[:, None], driver="gelsd").solution[:, 0]
    rest = f - design[:, 1:] @ fitted[1:]
    return Estimate(float(rest.mean()), float(rest.var() / len(f)))


@dataclass(frozen=True, slots=True)
class NeuralOptions:
    """The network and its training."""

    width: int = 32
    steps: int = 300
    learning_rate: float = 1e-2
    weight_decay: float = 1e-3
    folds: int = 5
    """Folds of cross-fitting: a network trained on the others corrects each."""
    augmented: int = 0
    """Dimensions of the random z that the network sees beside x; 0: none."""
    noise: float = 1.0
    """Standard deviation of z."""
    seed: int = 0


def neural(f: Tensor, x: Tensor, score: Tensor, options: NeuralOptions = NeuralOptions()) -> Estimate:
    """Estimate with neural control variates, cross-fitted over folds.

    Args:
        f: values, [N].
        x: points, [N, d].
        score: grad log p at the points, [N, d].
        options: the network and its training.

    Raises:
        ValueError: there are fewer samples than folds, or fewer than two folds.

    Source: arXiv 1806.00159.
    """
    if len(f) < options.folds or options.folds < 2:
        raise ValueError(
            f"{len(f)} samples cannot be split into {options.folds} folds of which one is kept aside"
        )
    rng = torch.Generator().manual_seed(options.seed)
    fold_of = torch.randperm(len(f), generator=rng) % options.folds
    rest = torch.empty_like(f)
    for fold in range(options.folds):
        train, test = fold_of != fold, fold_of == fold
        network = fit(f[train], x[train], score[train], options, rng)
        z = _noise(int(test.sum()), options, x, rng)
        rest[test] = f[test] + stein(_beside(network), x[test], score[test], z).detach()
    return Estimate(float(rest.mean()), float(rest.var() / len(f)))


def fit(f: Tensor, x: Tensor, score: Tensor, options: NeuralOptions, rng: torch.Generator) -> nn.Module:
    """Train a network phi, from x and z [d + augmented] to [d], that minimises the variance of f + h on the samples."""
    dimensions = x.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=rng)))
        network = nn.Sequential(
            nn.Linear(dimensions + options.augmented, options.width),
            nn.Tanh(),
            nn.Linear(options.width, options.width),
            nn.Tanh(),
            nn.Linear(options.width, dimensions),
        ).to(x.dtype)
    last = network[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    optimizer = torch.optim.AdamW(
        network.parameters(), options.learning_rate, weight_decay=options.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    for _ in range(options.steps):
        z = _noise(len(f), options, x, rng)
        loss = (f + stein(_beside(network), x, score, z)).var()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network


def _noise(count: int, options: NeuralOptions, like: Tensor, rng: torch.Generator) -> Tensor:
    return options.noise * torch.randn(count, options.augmented, generator=rng, dtype=like.dtype)


def _beside(network: nn.Module) -> Field:
    """Return the network as a field of x with z as a further input."""

    def field(point: Tensor, z: Tensor) -> Tensor:
        value: Tensor = network(torch.cat([point, z]))
        return value

    return field


def learned_baseline(rewards: Tensor, features: Tensor | None = None, ridge: float = 4.0) -> Tensor:
    """Learn a baseline for each text's reward in a policy gradient from the other problems (cross-fitting).

    -b grad log pi is the control variate of a policy: it has mean 0 for any b that does not depend on the text itself. Here b is
    linear in the mean reward of the problem's other texts, and in the problem's features, by ridge regression on the texts of
    all other problems, so estimates stay unbiased. The ridge shrinks b towards Laplace's rule of succession for n other texts:
    n / (n + 2) of their mean's distance from the overall mean, without features.

    Args:
        rewards: [problems, texts]; NaN where unknown.
        features: [problems, d], known before sampling.
        ridge: strength of the shrinkage, in problems.

    Returns:
        [problems, texts]; 0 where no other reward is known.
    """
    known = ~rewards.isnan()
    values = rewards.double().nan_to_num(0.0)
    others = known.sum(1, keepdim=True) - known.long()
    mean_of_others = (values.sum(1, keepdim=True) - values) / others.clamp(min=1)
    baseline = torch.zeros_like(values)
    for problem in range(len(rewards)):
        rest = torch.arange(len(rewards)) != problem
        mask = known[rest]
        if not bool(mask.any()):
            baseline[problem] = mean_of_others[problem]
            continue
        mean = values[rest][mask].mean()
        prior = (mean_of_others - mean) * others / (others + 2)
        columns = prior[:, :, None]
        if features is not None:
            seen = features.double()
            scaled = (seen - seen[rest].mean(0)) / seen[rest].std(0).clamp(min=1e-8)
            columns = torch.cat([columns, scaled[:, None].expand(-1, rewards.shape[1], -1)], 2)
        design = columns[rest][mask]
        penalty = ridge * rewards.shape[1] * torch.eye(design.shape[1], dtype=design.dtype)
        penalty[0, 0] *= prior[rest][mask].square().mean()
        target = values[rest][mask] - mean - prior[rest][mask]
        fitted = torch.linalg.solve(
            design.T @ design + penalty + 1e-9 * torch.eye(len(penalty)), design.T @ target
        )
        baseline[problem] = mean + prior[problem] + columns[problem] @ fitted
    return baseline.to(rewards.dtype)
