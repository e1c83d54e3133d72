"""Recipes: YAML files that describe a training run."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from stepprove.serving.planning.hardware import parse_gpus
from stepprove.settings import BadSettings, parse_yaml, read_text, resolve_paths, validate
from stepprove.train.methods.options import RlvrMethods, SftMethods
from stepprove.train.rl.options import RlvrOptions

KINDS = ("sft", "rlvr")
"""The kinds of recipes, each a command of `stepprove train`."""
NEW = "new"
"""The name of a model with fresh weights."""


class BadRecipe(BadSettings):
    """The recipe cannot be used; the message is one sentence."""


class Hardware(BaseModel):
    """The machines that a recipe needs, beyond one CPU."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gpus: str
    """GPUs of each training machine, such as `8xA800`: one process each. `2xCPU:8`: two CPU processes of 8 GB."""
    nodes: int = Field(default=1, ge=1)
    """Training machines."""
    rollout_gpus: str | None = None
    """GPUs of each machine that samples texts."""
    rollout_nodes: int = Field(default=1, ge=1)
    """Machines that sample texts."""
    lean_cores: int | None = Field(default=None, ge=1)
    """Lean processes on other machines."""

    @field_validator("gpus", "rollout_gpus")
    @classmethod
    def _known(cls, gpus: str | None) -> str | None:
        if gpus is not None:
            parse_gpus(gpus)
        return gpus

    @property
    def processes(self) -> int:
        """Number of training processes."""
        return self.nodes * len(parse_gpus(self.gpus))

    @property
    def on_processors(self) -> bool:
        """Whether the processes train on CPUs."""
        return parse_gpus(self.gpus)[0].name.upper() == "CPU"


class GeneratedTexts(BaseModel):
    """Texts that the run generates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generated: Literal["completions", "trajectories", "statements", "reasoning"]
    """Whole proofs; tool-integrated proofs; statements of informal problems; statements after eight parts of reasoning."""
    texts: int = Field(ge=1)
    skip: int = Field(default=0, ge=0)
    """The first `skip` texts of the seed, left to other stages."""


class SftStage(BaseModel):
    """One set of texts and the options for learning it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    data: GeneratedTexts | tuple[Path, ...] = Field(union_mode="left_to_right")
    """Generated texts, or files in the formats of `sft/data.py`."""
    epochs: float = Field(default=2.0, gt=0)
    learning_rate: float = Field(default=2e-5, gt=0)
    batch_tokens: int = Field(default=2048, ge=1)
    """About this many tokens in a process's batch, padding included."""
    batch_texts: int | None = Field(default=None, ge=1)
    """Most texts in a batch."""
    accumulate: int = Field(default=1, ge=1)
    """Batches in one optimiser step."""
    warmup_share: float = Field(default=0.05, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    renamed_share: float = Field(default=0.0, ge=0, le=1)
    """Share of an epoch's texts whose theorem gets a new name; `SftOptions` says which definitions do and which texts get a
    docstring."""

    @field_validator("data", mode="before")
    @classmethod
    def _one(cls, data: Any) -> Any:
        return [data] if isinstance(data, str) else data


class SftRecipe(BaseModel):
    """Fine-tuning in stages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sft"] = "sft"
    model: str = "tiny"
    """`tiny`, a folder, a name on the hub, or `new`: a fresh StepMoE of two million parameters with its own tokenizer."""
    stages: tuple[SftStage, ...] = Field(min_length=1)
    context: int | None = Field(default=None, ge=16)
    """Most tokens of a text, longer ones are left out; None: the model's limit."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """The compute precision; the trained weights stay in FP32."""
    recompute: bool = False
    """Activation checkpointing: less memory, a third more compute."""
    save_every: int = Field(default=100, ge=1)
    """Steps between checkpoints."""
    jobs: int | None = Field(default=None, ge=1)
    """Lean processes; None: one for each core."""
    hardware: Hardware | None = None
    """None: one process."""
    seed: int = 0
    methods: SftMethods = SftMethods()

    @model_validator(mode="after")
    def _apart(self) -> SftRecipe:
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError("two stages bear the same name")
        return self


class RlvrRecipe(BaseModel):
    """Reinforcement learning with Lean as the judge."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["rlvr"] = "rlvr"
    model: str = "tiny"
    """`tiny`, a folder with a model and its tokenizer, or a model's name on the hub."""
    reward: Literal["gate", "beq"] = "gate"
    """`gate`: proofs, verified by the trust gate. `beq`: statements, compared with the true ones by BEq."""
    problems: Literal["generated"] | Path = "generated"
    """Generated problems outside the test set, or a JSONL file with a `formal_statement` in each line, used in turn; for `beq`
    each line also has a `problem`."""
    skip: int = Field(default=0, ge=0)
    """The first `skip` generated problems, left out."""
    rare_share: float | None = Field(default=None, gt=0, lt=1)
    """Keep the correct texts of problems with at most this share of correct texts for fine-tuning (`rare.jsonl`)."""
    rollouts: Literal["here", "vllm"] = "here"
    """Sample texts in the training processes, or on vLLM servers (`--model-server`)."""
    hardware: Hardware | None = None
    """None: one process."""
    jobs: int | None = Field(default=None, ge=1)
    """Lean processes for each training process, here or on servers; None: from the machine's cores, or the servers' number."""
    rlvr: RlvrOptions = RlvrOptions()
    methods: RlvrMethods = RlvrMethods()

    @model_validator(mode="after")
    def _of_proofs(self) -> RlvrRecipe:
        if self.rare_share is not None and self.reward != "gate":
            raise ValueError("rare_share is for proofs, not for `reward: beq`")
        return self

    @model_validator(mode="after")
    def _shared(self) -> RlvrRecipe:
        processes = 1 if self.hardware is None else self.hardware.processes
        if self.rlvr.problems % processes:
            raise ValueError(
                f"{processes} processes cannot have equal parts of {self.rlvr.problems} problems (`rlvr: problems`)"
            )
        refusal = self.methods.refusal(processes, sharded=self.hardware is not None)
        if refusal is not None:
            raise ValueError(refusal)
        if self.reward == "beq" and self.hardware is not None and self.hardware.lean_cores is not None:
            raise ValueError(
                "`reward: beq` has Lean beside each process that trains (`jobs`), not on lean_cores"
            )
        return self


Recipe = TypeVar("Recipe", SftRecipe, RlvrRecipe)


def built_in() -> tuple[str, ...]:
    """Return the names of the package's own recipes."""
    folder = resources.files("stepprove.train.recipes")
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def read_rlvr(source: str) -> tuple[RlvrRecipe, str]:
    """Read a recipe for reinforcement learning; see `read_recipe`."""
    return read_recipe(source, RlvrRecipe)


def read_sft(source: str) -> tuple[SftRecipe, str]:
    """Read a recipe for fine-tuning; see `read_recipe`."""
    return read_recipe(source, SftRecipe)


def read_recipe(source: str, kind: type[Recipe]) -> tuple[Recipe, str]:
    """Read a recipe; relative paths in it are taken from its folder.

    Args:
        source: a YAML file, or the name of one of the package's recipes.
        kind: the kind of recipe.

    Returns:
        The recipe, and its YAML text.

    Raises:
        BadRecipe: the file is missing, is no YAML, or is no recipe of this kind.
        OSError: the file cannot be read.
    """
    path = Path(source)
    text = _text(source, path)
    data = parse_yaml(text, source, BadRecipe)
    expected = str(kind.model_fields["kind"].default)
    if isinstance(data, dict) and (actual := kind_of(data)) in KINDS and actual != expected:
        raise BadRecipe(f"{source} is a recipe for `stepprove train {actual}`, not for {expected}.")
    recipe: Recipe = resolve_paths(validate(data, kind, source, BadRecipe, "the recipe"), path.parent)
    return recipe, text


def kind_of(data: dict[str, Any]) -> Any:
    """Return a recipe's kind, from its `kind` key or from its other keys; None when neither tells."""
    return data.get("kind") or ("sft" if "stages" in data else "rlvr" if "rlvr" in data else None)


def _text(source: str, path: Path) -> str:
    if source in built_in() and not path.exists():
        return (resources.files("stepprove.train.recipes") / f"{source}.yaml").read_text()
    if not path.is_file():
        raise BadRecipe(f"{source} is neither a file nor a recipe; there are {', '.join(built_in())}.")
    return read_text(path, source, "recipe", BadRecipe)
