"""Angle-based search in small: does the angle of a supernet's weights rank architectures by quality?

    python benchmarks/methods/angle_search.py [--seeds N] [--parts pictures,step_moe]

A convolutional space of 64 architectures (three places; convolutions of two sizes, one by channels, nothing) on glyphs
(toy_images.py), and a StepMoE's space of 18 (attention, window, experts) on toy recall texts (toy_recall.py). Every
architecture trains alone and in a supernet. Kendall's tau compares the supernet's angle, weight norm and accuracy with the
accuracy of training alone (of a StepMoE: minus the loss). Each seed has its own data and weights.
"""

from __future__ import annotations

import argparse
import itertools
import random
from collections.abc import Sequence

import torch
import toy_images
from report import plot, print_table, print_versions, shown
from torch import Tensor, nn
from torch.nn import functional
from toy_recall import endless

from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM
from stepprove.train.methods.angle_search import Architecture, Space, Turned, along_paths, search, turned
from stepprove.train.methods.step_moe_search import SearchOptions, Supernet, configuration, step

OPERATORS = ("conv3", "conv1", "depthwise3", "identity")
PICTURES: Space = (OPERATORS,) * 3
CHANNELS, CLASSES, BATCH, NOISE = 12, 8, 32, 0.4


def tau(first: Sequence[float], second: Sequence[float]) -> float:
    """Kendall's tau-b."""
    signs = [
        [(each[i] > each[j]) - (each[i] < each[j]) for each in (first, second)]
        for i, j in itertools.combinations(range(len(first)), 2)
    ]
    apart = [sum(a != 0 for a, _ in signs), sum(b != 0 for _, b in signs)]
    together = sum(a * b for a, b in signs)
    return together / (apart[0] * apart[1]) ** 0.5 if all(apart) else 0.0


def angle_or_0(of: Turned) -> float:
    return 0.0 if of.start == 0 else of.angle


def operator(name: str) -> nn.Module:
    if name == "identity":
        return nn.Identity()
    size, groups = (1, 1) if name == "conv1" else (3, 1 if name == "conv3" else CHANNELS)
    conv = nn.Conv2d(CHANNELS, CHANNELS, size, padding=size // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(CHANNELS), nn.ReLU())


class Net(nn.Module):
    """Three places, each followed by pooling, with several operators, one of them on the path."""

    def __init__(self, space: Space) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, CHANNELS, 3, padding=1, bias=False), nn.BatchNorm2d(CHANNELS), nn.ReLU()
        )
        self.places = nn.ModuleList(nn.ModuleDict({name: operator(name) for name in each}) for each in space)
        self.head = nn.Linear(CHANNELS, CLASSES)

    def forward(self, x: Tensor, path: Architecture) -> Tensor:
        """Return the logits."""
        x = self.stem(x)
        for place, name in zip(self.places, path, strict=True):
            assert isinstance(place, nn.ModuleDict)
            x = functional.max_pool2d(place[name](x), 2)
        found: Tensor = self.head(x.flatten(1))
        return found

    def convolutions(self) -> dict[tuple[int, str], list[Tensor]]:
        """Return a copy of each operator's convolution weights."""
        return {
            (place, name): [m.weight.detach().clone() for m in part.modules() if isinstance(m, nn.Conv2d)]
            for place, operators in enumerate(self.places)
            for name, part in operators.items()  # type: ignore[operator]
        }

    def always(self) -> list[Tensor]:
        """Return the weights shared by all paths."""
        return [self.stem[0].weight.detach().clone(), self.head.weight.detach().clone()]  # type: ignore[operator]


def learn(net: Net, x: Tensor, labels: Tensor, space: Space, steps: int, rng: random.Random) -> None:
    """Train uniformly random single paths."""
    sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, steps)
    for _ in range(steps):
        batch = torch.randint(len(x), (BATCH,))
        loss = functional.cross_entropy(
            net(x[batch], tuple(rng.choice(each) for each in space)), labels[batch]
        )
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        schedule.step()


@torch.no_grad()
def accuracy(net: Net, x: Tensor, labels: Tensor, path: Architecture) -> float:
    """Measure with the test pictures' own statistics: a supernet's running statistics mix all paths."""
    return float((net.train()(x, path).argmax(1) == labels).float().mean())


def pictures(seed: int, alone_steps: int, net_steps: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return all architectures' scores by each measure, and the mean accuracy of the whole and the shrunk space."""
    rng = torch.Generator().manual_seed(seed)
    strokes, classes = toy_images.strokes(rng), toy_images.classes(CLASSES, rng)
    x, labels = toy_images.draw(2000, strokes, classes, rng, NOISE)
    test = toy_images.draw(1000, strokes, classes, rng, NOISE)
    every = list(itertools.product(*PICTURES))
    alone = []
    for path in every:
        torch.manual_seed(seed)
        single: Space = tuple((name,) for name in path)
        net = Net(single)
        learn(net, x, labels, single, alone_steps, random.Random(seed))
        alone.append(accuracy(net, *test, path))
    torch.manual_seed(seed)
    draws = random.Random(seed)
    net = Net(PICTURES)
    start, start_always = net.convolutions(), net.always()

    def parts() -> tuple[dict[tuple[int, str], Turned | None], Turned]:
        now = net.convolutions()
        return {key: turned(start[key], now[key]) for key in start}, turned(start_always, net.always())

    learn(net, x, labels, PICTURES, net_steps, draws)
    operators, always = parts()
    found = [along_paths(path, operators, always=always) for path in every]
    measures = {
        "angle": [each.angle for each in found],
        "angle of the operators alone": [angle_or_0(along_paths(path, operators)) for path in every],
        "magnitude": [each.magnitude for each in found],
        "supernet accuracy": [accuracy(net, *test, path) for path in every],
        "alone": alone,
    }

    def train(space: Space, stage: int) -> None:
        if stage:  # the first stage is what the measures were taken after
            learn(net, x, labels, space, net_steps // 4, draws)

    def score(path: Architecture) -> float:
        operators, always = parts()
        return along_paths(path, operators, always=always).angle

    stages = search(PICTURES, train, score, draws, target=8, samples=20)
    within = [
        value for path, value in zip(every, alone, strict=True) if path in set(itertools.product(*stages[-1]))
    ]
    return measures, {
        "all": sum(alone) / len(alone),
        "left": sum(within) / len(within),
        "best": max(alone),
        "best left": max(within),
    }


MOE = StepMoeConfig(
    vocab_size=40, hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
    head_dim=12, moe_intermediate_size=24, share_expert_dim=24, num_experts_per_tok=2, pad_token_id=0,
    layer_types=["sliding_attention"] * 3,
)  # fmt: skip
MOE_SPACE = SearchOptions(parameters=10**9, windows=(4, 16, 64), experts=(2, 8, 16))
BUDGET = 110_000


@torch.no_grad()
def loss_of(model: StepMoeForCausalLM, seed: int) -> float:
    batches = list(itertools.islice(endless(seed), 8))
    return sum(float(model.eval()(**batch).loss) for batch in batches) / len(batches)


def step_moe(seed: int, alone_steps: int, net_steps: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return all architectures' scores by each measure; losses alone for those within the budget."""
    every = list(itertools.product(*MOE_SPACE.space))
    alone = []
    for path in every:
        torch.manual_seed(seed)
        model = StepMoeForCausalLM(configuration(MOE, path))
        adam = torch.optim.AdamW(model.parameters(), 3e-3)
        for batch in itertools.islice(endless(seed), alone_steps):
            step(model, adam, batch)
        alone.append(-loss_of(model, 10_000 + seed))
    torch.manual_seed(seed)
    net, draws = Supernet(MOE, MOE_SPACE.space), random.Random(seed)
    adam = torch.optim.AdamW(net.parameters(), 3e-3)
    for batch in itertools.islice(endless(seed), net_steps):
        step(net.models[draws.choice(every)], adam, batch)
    found = net.turned()
    measures = {
        "angle": [found[path].angle for path in every],
        "magnitude": [found[path].magnitude for path in every],
        "supernet loss": [-loss_of(net.models[path], 10_000 + seed) for path in every],
        "parameters": [float(net.size(path)) for path in every],
        "alone": alone,
    }
    within = {path: -value for path, value in zip(every, alone, strict=True) if net.size(path) <= BUDGET}
    stages = search(
        MOE_SPACE.space,
        lambda space, stage: None,
        lambda path: found[path].angle,
        draws,
        target=1,
        samples=20,
        fits=lambda path: path in within,
    )
    (chosen,) = itertools.product(*stages[-1])
    by_loss = max(within, key=lambda path: measures["supernet loss"][every.index(path)])
    return measures, {
        "chosen by angle": within[chosen],
        "chosen by the supernet's loss": within[by_loss],
        "mean of those within the budget": sum(within.values()) / len(within),
        "best within the budget": min(within.values()),
    }


def taus(runs: Sequence[dict[str, list[float]]]) -> list[list[str]]:
    return [
        [name, shown([tau(run[name], run["alone"]) for run in runs], 2)]
        for name in runs[0]
        if name != "alone"
    ]


def draw_points(run: dict[str, list[float]]) -> None:
    """Plot one seed's architectures by angle and accuracy."""
    points = sorted(zip(run["angle"], run["alone"], strict=True))
    plot(
        "angle_search",
        "The 64 convolutional architectures of one seed (seed 0)",
        ("angle in the supernet (rad)", "accuracy alone, %"),
        {"architecture": [(angle, 100 * value, 0.0) for angle, value in points]},
        joined=False,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--parts", default="pictures,step_moe")
    parser.add_argument("--alone-steps", type=int, default=120)
    parser.add_argument("--supernet-steps", type=int, default=1200)
    parser.add_argument("--moe-seeds", type=int, default=3)
    parser.add_argument("--moe-alone-steps", type=int, default=120)
    parser.add_argument("--moe-supernet-steps", type=int, default=600)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print_versions()
    if "pictures" in arguments.parts.split(","):
        found = [
            pictures(seed, arguments.alone_steps, arguments.supernet_steps) for seed in range(arguments.seeds)
        ]
        runs = [run for run, _ in found]
        print(
            f"64 convolutional architectures, {arguments.seeds} seeds; Kendall's tau against the accuracy alone:\n"
        )
        print_table(["measure", "tau"], taus(runs))
        print("Accuracy alone, in %, of the architectures that the search by angles leaves (at most 8):\n")
        labels_of = {"all": "mean of all 64", "left": "mean of those left", "best": "best of all"}
        labels_of |= {"best left": "best of those left"}
        rows = [[word, shown([run[key] for _, run in found], 1, 100)] for key, word in labels_of.items()]
        print_table(["", "accuracy"], rows)
        draw_points(runs[0])
    if "step_moe" in arguments.parts.split(","):
        moe = [
            step_moe(seed, arguments.moe_alone_steps, arguments.moe_supernet_steps)
            for seed in range(arguments.moe_seeds)
        ]
        print(f"18 StepMoEs, {arguments.moe_seeds} seeds; Kendall's tau against minus the loss alone:\n")
        print_table(["measure", "tau"], taus([run for run, _ in moe]))
        print(f"Loss alone of what is chosen among the StepMoEs of at most {BUDGET:,} parameters:\n")
        print_table(["", "loss"], [[word, shown([run[word] for _, run in moe], 3)] for word in moe[0][1]])
        every = list(itertools.product(*MOE_SPACE.space))
        columns = ["angle", "supernet loss", "alone"]
        rows = [
            [
                *path,
                f"{moe[0][0]['parameters'][place]:,.0f}",
                *(shown([abs(run[c][place]) for run, _ in moe], 3) for c in columns),
            ]
            for place, path in enumerate(every)
        ]
        print_table(
            ["attention", "window", "experts", "parameters", "angle", "loss in the supernet", "loss alone"],
            rows,
        )


if __name__ == "__main__":
    main()
