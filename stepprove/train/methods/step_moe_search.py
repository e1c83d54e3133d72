"""Search a StepMoE's attention, window and number of experts with a supernet, under a parameter budget.

In every layer the supernet has an attention for each kind and window, and a mixture for each number of experts; embeddings,
norms and dense layers are shared. Each architecture is an ordinary StepMoE of these parts, so it computes the same as the
chosen model.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product

import torch
from torch import Tensor, nn

from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM, update_router_biases
from stepprove.train.methods.angle_search import Architecture, Space, Turned, search, turned
from stepprove.train.methods.options import SearchOptions as SearchOptions

ATTENTION, WINDOW, EXPERTS = range(3)
"""Indices of an architecture's choices."""
_BATCHES = 8
"""Batches that compare losses."""


def configuration(base: StepMoeConfig, architecture: Architecture) -> StepMoeConfig:
    """Return the base configuration with the architecture's attention, window and number of experts.

    Raises ValueError for sizes that do not fit together.
    """
    chosen = base.to_dict() | {
        "attention": architecture[ATTENTION],
        "sliding_window": int(architecture[WINDOW]),
        "n_routed_experts": int(architecture[EXPERTS]),
    }
    if architecture[ATTENTION] != base.attention:
        chosen["query_rank"] = None
    return StepMoeConfig(**chosen)


class Supernet:
    """A model for each architecture, built from shared parts, without MTP heads."""

    def __init__(self, base: StepMoeConfig, space: Space) -> None:
        no_heads = {"num_nextn_predict_layers": 0, "mtp_layer_types": None, "mtp_mlp_layer_types": None}
        base = StepMoeConfig(**base.to_dict() | no_heads)
        self.models: dict[Architecture, StepMoeForCausalLM] = {}
        parts: dict[tuple[object, ...], nn.Module] = {}
        for architecture in product(*space):
            model = StepMoeForCausalLM(configuration(base, architecture))
            inner = model.model
            inner.embed_tokens = parts.setdefault(("embed",), inner.embed_tokens)
            inner.norm = parts.setdefault(("norm",), inner.norm)
            model.lm_head = parts.setdefault(("head",), model.lm_head)
            for place, layer in enumerate(inner.layers):
                attention = ("attention", place, architecture[ATTENTION], architecture[WINDOW])
                mixture = ("mixture", place, architecture[EXPERTS] if layer.is_sparse else None)
                layer.self_attn = parts.setdefault(attention, layer.self_attn)
                layer.mlp = parts.setdefault(mixture, layer.mlp)
                for name in ("input_layernorm", "post_attention_layernorm"):
                    setattr(layer, name, parts.setdefault((name, place), getattr(layer, name)))
            self.models[architecture] = model
        self._parts = parts
        self._start = {
            key: [weight.detach().clone() for weight in part.parameters()] for key, part in parts.items()
        }

    def parameters(self) -> list[nn.Parameter]:
        """Return the parameters of all parts, each once."""
        return list({id(p): p for part in self._parts.values() for p in part.parameters()}.values())

    def size(self, architecture: Architecture) -> int:
        """Return the number of an architecture's parameters."""
        return sum(parameter.numel() for parameter in self.models[architecture].parameters())

    def turned(self) -> dict[Architecture, Turned]:
        """Return the angle sums of each architecture's weights since construction, shared weights included."""
        moved = {key: turned(self._start[key], part.parameters()) for key, part in self._parts.items()}
        names = {id(part): key for key, part in self._parts.items()}
        sums = {}
        for architecture, model in self.models.items():
            keys = {names[id(part)] for part in model.modules() if id(part) in names}
            if model.config.tie_word_embeddings:
                keys.discard(("head",))
            sums[architecture] = sum((moved[key] for key in sorted(keys, key=str)), Turned())
        return sums


@dataclass(frozen=True, slots=True)
class Choice:
    """The result of a search."""

    config: StepMoeConfig
    parameters: int
    stages: tuple[Space, ...]
    """The spaces of each stage, the whole one first, the choice alone last."""


def choose(
    base: StepMoeConfig,
    options: SearchOptions,
    batches: Iterator[Mapping[str, Tensor]],
    *,
    listen: Callable[[int, Space], None] = lambda stage, space: None,
) -> Choice:
    """Search by dropping the operator of the highest loss, or smallest angle, in each stage.

    Args:
        base: the configuration of everything outside the search.
        options: the space, the budget and the steps.
        batches: model inputs with labels: one for each step, and eight in each stage for losses.
        listen: called with each stage and its space before training.

    Raises:
        ValueError: nothing fits the budget, or sizes do not fit together.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        net = Supernet(base, options.space)
    rng = random.Random(options.seed)
    optimizer = torch.optim.AdamW(net.parameters(), options.learning_rate, weight_decay=0.01)
    scores: dict[Architecture, float] = {}
    sizes = {architecture: net.size(architecture) for architecture in net.models}

    def fits(architecture: Architecture) -> bool:
        return sizes[architecture] <= options.parameters

    def train(space: Space, stage: int) -> None:
        listen(stage, space)
        within = [architecture for architecture in product(*space) if fits(architecture)]
        for _ in range(options.later_steps if stage else options.first_steps):
            step(net.models[rng.choice(within)], optimizer, next(batches))
        if options.by == "angle":
            scores.update({architecture: figures.angle for architecture, figures in net.turned().items()})
        else:
            seen = list(islice(batches, _BATCHES))
            scores.update(
                {architecture: -mean_loss(net.models[architecture], seen) for architecture in within}
            )

    stages = search(
        options.space, train, lambda each: scores[each], rng, target=1, samples=options.samples, fits=fits
    )
    (last,) = product(*stages[-1])
    return Choice(configuration(base, last), sizes[last], tuple(stages))


def step(model: StepMoeForCausalLM, optimizer: torch.optim.Optimizer, batch: Mapping[str, Tensor]) -> float:
    """Take one training step, router balancing included; return the loss."""
    model.train()
    loss = model(**batch).loss
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    update_router_biases(model)
    return float(loss.detach())


@torch.no_grad()
def mean_loss(model: StepMoeForCausalLM, batches: Sequence[Mapping[str, Tensor]]) -> float:
    """Return the mean loss over batches, each with equal weight."""
    model.train(False)
    return sum(float(model(**batch).loss) for batch in batches) / len(batches)
