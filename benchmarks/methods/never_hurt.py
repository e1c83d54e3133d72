"""DTNH in small: the effect of a good and of a bad source model on a task with few examples.

    python benchmarks/methods/never_hurt.py [--seeds N] [--steps N]

A small convolutional network learns glyphs (toy_images.py) from 12 pictures a class. It starts from a source trained on many
other glyphs of the same strokes (good), or on such glyphs with random labels (bad). The methods are plain SGD, L2-SP, which pulls
weights back to the source, and L2-SP in both forms of DTNH, at three weights of the regulariser, in batches of 16 and with all 96
pictures in each step. Differences are paired: same seed, same source, same batches.

The second part fine-tunes a small StepMoE on sixteen toy texts (toy_recall.py) with AdamW, from a source with or without recall.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import random
from functools import partial

import torch
import toy_images
from report import interval, plot, print_table, print_versions, shown
from torch import Tensor, nn
from torch.nn import functional
from toy_recall import endless, look_ups

from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM
from stepprove.train.methods.never_hurt import Form, NeverHurt, l2_sp
from stepprove.train.methods.step_moe_search import step

CLASSES, EACH, NOISE = 8, 12, 0.35
BATCHES = (16, CLASSES * EACH)
SOURCE_CLASSES = 32
WEIGHTS = (0.03, 0.1, 0.3)
NAMES = {"L2-SP": "L2-SP", "conditional": "DTNH, conditional", "unconditional": "DTNH, unconditional"}


def network(classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(288, 64), nn.ReLU(), nn.Linear(64, classes),
    )  # fmt: skip


def learn(
    model: nn.Sequential, x: Tensor, labels: Tensor, steps: int, batch: int, method: str, weight: float
) -> None:
    """SGD with momentum; `method` is `SGD`, `L2-SP`, or a form of DTNH. The last layer is new and never drawn anywhere."""
    sgd = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    body = [p for layer in model[:-1] for p in layer.parameters()]
    pulls = [(p, l2_sp(p)) for p in body]
    if method in ("conditional", "unconditional"):
        form: Form = "conditional" if method == "conditional" else "unconditional"
        NeverHurt(sgd, pulls, weight=weight, decay=1.0, form=form)
    for _ in range(steps):
        drawn = torch.randperm(len(x))[:batch]
        loss = functional.cross_entropy(model(x[drawn]), labels[drawn])
        sgd.zero_grad()
        loss.backward()
        if method == "L2-SP":
            for parameter, gradient in pulls:
                assert parameter.grad is not None
                parameter.grad += weight * gradient(parameter)
        sgd.step()


@torch.no_grad()
def accuracy(model: nn.Sequential, x: Tensor, labels: Tensor) -> float:
    return float((model.eval()(x).argmax(1) == labels).float().mean())


Case = tuple[str, int, str, float]
"""Source, pictures in a step, method, weight."""


def one_seed(seed: int, source_steps: int, steps: int) -> dict[Case, tuple[float, float]]:
    """Test accuracy and what is left of the training loss."""
    rng = torch.Generator().manual_seed(seed)
    strokes = toy_images.strokes(rng)
    own, others = toy_images.classes(CLASSES, rng), toy_images.classes(SOURCE_CLASSES, rng)
    x, labels = toy_images.draw(CLASSES * EACH, strokes, own, rng, NOISE)
    test = toy_images.draw(2000, strokes, own, rng, NOISE)
    good = toy_images.draw(4000, strokes, others, rng, NOISE)
    bad_x, _ = toy_images.draw(500, strokes, others, rng, NOISE)
    bad = bad_x, torch.randint(SOURCE_CLASSES, (500,), generator=rng)
    found = {}
    torch.manual_seed(seed)
    fresh = network(SOURCE_CLASSES)
    for name, source in (("none", None), ("good", good), ("bad", bad)):
        start = copy.deepcopy(fresh)
        cases = [("SGD", 0.0)]
        if source is not None:
            learn(start, *source, source_steps, 32, "SGD", 0.0)
            cases += [(method, weight) for method in NAMES for weight in WEIGHTS]
        torch.manual_seed(seed + 1)
        start[-1] = nn.Linear(64, CLASSES)
        for batch in BATCHES:
            for method, weight in cases:
                model = copy.deepcopy(start)
                torch.manual_seed(seed + 2)
                learn(model, x, labels, steps, batch, method, weight)
                with torch.no_grad():
                    left = float(functional.cross_entropy(model(x), labels))
                found[name, batch, method, weight] = accuracy(model, *test), left
    return found


MOE = StepMoeConfig(
    vocab_size=40, hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
    head_dim=12, moe_intermediate_size=24, share_expert_dim=24, num_experts_per_tok=2, n_routed_experts=8, pad_token_id=0,
    sliding_window=16,
)  # fmt: skip
MOE_WEIGHTS = (0.01, 0.1)


def moe_seed(seed: int, source_steps: int, steps: int) -> dict[tuple[str, str, float], tuple[float, float]]:
    """Loss on new texts and on the few, of a StepMoE that is fine-tuned on sixteen look-ups from a source."""
    few = look_ups(random.Random(seed), 16)
    test = look_ups(random.Random(10_000 + seed), 64)
    found = {}
    torch.manual_seed(seed)
    fresh = StepMoeForCausalLM(MOE)
    for name in ("none", "good", "bad"):
        start = copy.deepcopy(fresh)
        if name != "none":
            adam = torch.optim.AdamW(start.parameters(), 3e-3)
            for batch in itertools.islice(endless(20_000 + seed, faithful=name == "good"), source_steps):
                step(start, adam, batch)
        cases = [("SGD", 0.0)]
        if name != "none":
            cases += [(method, weight) for method in NAMES for weight in MOE_WEIGHTS]
        for method, weight in cases:
            model = copy.deepcopy(start)
            adam = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.0)
            # The gradient is clipped before the pull is added, as in the trainer; L2-SP is the pull with nothing taken off.
            pulls = [(p, l2_sp(p)) for p in model.parameters()]
            if method == "L2-SP":
                adam.register_step_pre_hook(partial(add_pulls, pulls=pulls, weight=weight))
            elif method in ("conditional", "unconditional"):
                form: Form = "conditional" if method == "conditional" else "unconditional"
                NeverHurt(adam, pulls, weight=weight, decay=1.0, form=form)
            for _ in range(steps):
                step(model, adam, few)
            with torch.no_grad():
                model.eval()
                found[name, method, weight] = float(model(**test).loss), float(model(**few).loss)
    return found


def add_pulls(optimizer: object, args: object, kwargs: object, *, pulls: list, weight: float) -> None:
    with torch.no_grad():
        for parameter, gradient in pulls:
            if parameter.grad is not None:
                parameter.grad += weight * gradient(parameter)


def step_moe(seeds: int, source_steps: int, steps: int) -> None:
    runs = [moe_seed(seed, source_steps, steps) for seed in range(seeds)]
    rows = [["AdamW", "none", "–", shown([run["none", "SGD", 0.0][0] for run in runs], 3), "–", "–"]]
    for source in ("good", "bad"):
        plain = [run[source, "SGD", 0.0] for run in runs]
        rows.append(
            [
                "AdamW",
                source,
                "–",
                shown([p for p, _ in plain], 3),
                "–",
                shown([left for _, left in plain], 3),
            ]
        )
        for method, word in NAMES.items():
            for weight in MOE_WEIGHTS:
                values = [run[source, method, weight] for run in runs]
                over = [mine - other for (mine, _), (other, _) in zip(values, plain, strict=True)]
                losses = [left for _, left in values]
                cells = [shown([value for value, _ in values], 3), shown(over, 3), shown(losses, 3)]
                rows.append([word, source, f"{weight:g}", *cells])
    print(f"A StepMoE fine-tuned on 16 texts, all in each step, {seeds} seeds: loss on new texts:\n")
    print_table(["method", "source", "weight", "loss", "over AdamW alone", "training loss"], rows)


def pictures(seeds: int, source_steps: int, steps: int) -> None:
    runs = [one_seed(seed, source_steps, steps) for seed in range(seeds)]

    def accuracies(source: str, batch: int, method: str, weight: float) -> str:
        return shown([run[source, batch, method, weight][0] for run in runs], 1, 100)

    series: dict[str, list[tuple[float, float, float]]] = {word: [] for word in NAMES.values()}
    ticks = {}
    for batch in BATCHES:
        print(
            f"Batches of {batch}, {seeds} seeds: test accuracy in %, the same over plain SGD from the same "
            "source in points, and the training loss that is left:\n"
        )
        rows = [["plain SGD", "none", "–", accuracies("none", batch, "SGD", 0.0), "–", "–"]]
        for source in ("good", "bad"):
            losses = [run[source, batch, "SGD", 0.0][1] for run in runs]
            rows.append(
                ["plain SGD", source, "–", accuracies(source, batch, "SGD", 0.0), "–", shown(losses, 3)]
            )
            for weight in WEIGHTS:
                place = float(len(ticks))
                ticks[place] = f"{weight:g}\n{source} {batch}"
                for nudge, (method, word) in enumerate(NAMES.items()):
                    case: Case = (source, batch, method, weight)
                    over = [100 * (run[case][0] - run[source, batch, "SGD", 0.0][0]) for run in runs]
                    losses = [run[case][1] for run in runs]
                    row = [word, source, f"{weight:g}", accuracies(*case), shown(over, 1), shown(losses, 3)]
                    rows.append(row)
                    series[word].append((place + 0.15 * (nudge - 1), *interval(over)))
        print_table(["method", "source", "weight", "accuracy", "over SGD", "training loss"], rows)
    plot(
        "never_hurt",
        f"Accuracy over plain SGD from the same source ({seeds} seeds, 95 % intervals)",
        ("weight of the regulariser; source and pictures in a step", "points"),
        series | {"plain SGD": [(0.0, 0.0, 0.0), (len(ticks) - 1.0, 0.0, 0.0)]},
        ticks=ticks,
        dashed=["plain SGD"],
        joined=False,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--source-steps", type=int, default=800)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--parts", default="pictures,step_moe")
    parser.add_argument("--moe-seeds", type=int, default=3)
    parser.add_argument("--moe-source-steps", type=int, default=250)
    parser.add_argument("--moe-steps", type=int, default=60)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print_versions()
    parts = arguments.parts.split(",")
    if "step_moe" in parts:
        step_moe(arguments.moe_seeds, arguments.moe_source_steps, arguments.moe_steps)
    if "pictures" in parts:
        pictures(arguments.seeds, arguments.source_steps, arguments.steps)


if __name__ == "__main__":
    main()
