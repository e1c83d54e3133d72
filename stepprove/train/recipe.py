"""A recipe: what is trained on what, as a YAML file says it."""

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
"""The commands that recipes are for."""
NEW = "new"
"""The model that is made from nothing."""


class BadRecipe(BadSettings):
    """The recipe cannot be used; the message is one sentence."""


class Hardware(BaseModel):
    """What a recipe is meant for, beyond one machine's processor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gpus: str
    """Of each machine that trains, such as `8xA800`: a process for each. `2xCPU:8` are processes without GPUs, of 8 GB each."""
    nodes: int = Field(default=1, ge=1)
    """Machines that train."""
    rollout_gpus: str | None = None
    """Of each machine that writes texts."""
    rollout_nodes: int = Field(default=1, ge=1)
    """Machines that write texts."""
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
        """That train side by side."""
        return self.nodes * len(parse_gpus(self.gpus))

    @property
    def on_processors(self) -> bool:
        """Whether no GPU is meant."""
        return parse_gpus(self.gpus)[0].name.upper() == "CPU"


class GeneratedTexts(BaseModel):
    """Texts that are made on this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generated: Literal["completions", "trajectories", "statements", "reasoning"]
    """Whole proofs; proofs with Lean as the tool; statements of problems in words; the same after eight parts of reasoning."""
    texts: int = Field(ge=1)
    skip: int = Field(default=0, ge=0)
    """Of those that the seed gives, so many are left to other stages."""


class SftStage(BaseModel):
    """One set of texts, and how it is learned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    data: GeneratedTexts | tuple[Path, ...] = Field(union_mode="left_to_right")
    """Texts that are made, or files in the forms of `sft_data.py`."""
    epochs: float = Field(default=2.0, gt=0)
    learning_rate: float = Field(default=2e-5, gt=0)
    batch_tokens: int = Field(default=2048, ge=1)
    """About so many go through each process's model at once, padding included."""
    batch_texts: int | None = Field(default=None, ge=1)
    """At most so many texts of them."""
    accumulate: int = Field(default=1, ge=1)
    """Batches that make one step."""
    warmup_share: float = Field(default=0.05, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    renamed_share: float = Field(default=0.0, ge=0, le=1)
    """Of the texts of a pass, those whose theorem gets another name; some of them for their definitions too, and some get a
    docstring, as `SftOptions` says."""

    @field_validator("data", mode="before")
    @classmethod
    def _one(cls, data: Any) -> Any:
        return [data] if isinstance(data, str) else data


class SftRecipe(BaseModel):
    """Fine-tuning in stages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sft"] = "sft"
    model: str = "tiny"
    """`tiny`, a folder, a model's name on the hub, or `new`: a StepMoE of two million parameters with a tokenizer of its own."""
    stages: tuple[SftStage, ...] = Field(min_length=1)
    context: int | None = Field(default=None, ge=16)
    """Texts with more tokens are left out; None: what the model takes."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """In which the model computes; the weights that are trained stay in FP32."""
    recompute: bool = False
    """Keep no activations inside a layer: less memory, a third more work."""
    save_every: int = Field(default=100, ge=1)
    """Steps between checkpoints."""
    jobs: int | None = Field(default=None, ge=1)
    """Lean processes; None: as many as the machine has cores."""
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
    """Proofs, which the trust gate judges, or statements of problems in words, which BEq compares with what is meant."""
    problems: Literal["generated"] | Path = "generated"
    """Generated problems that are not for tests, or a JSONL file with a `formal_statement` in each line, gone through in turn;
    for `beq` each line has a `problem` besides."""
    skip: int = Field(default=0, ge=0)
    """Of generated problems, so many are passed over."""
    rare_share: float | None = Field(default=None, gt=0, lt=1)
    """Of problems of which some texts and at most this share are right, those texts are kept for fine-tuning (`rare.jsonl`)."""
    rollouts: Literal["here", "vllm"] = "here"
    """Who writes the texts: the processes that train, or vLLM's servers (`--model-server`)."""
    hardware: Hardware | None = None
    """None: one process."""
    jobs: int | None = Field(default=None, ge=1)
    """Lean processes of each process that trains, here or on servers; None: as the machine's cores allow, or as servers tell."""
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
        if self.hardware is not None and self.methods.angular:
            raise ValueError("`angular` needs whole weights, and `hardware` spreads them over processes")
        if processes > 1 and self.methods.baseline == "learned":
            raise ValueError(
                "`baseline: learned` needs all problems of a round, and several processes have parts of them"
            )
        if self.reward == "beq" and self.hardware is not None and self.hardware.lean_cores is not None:
            raise ValueError(
                "`reward: beq` has Lean beside each process that trains (`jobs`), not on lean_cores"
            )
        return self


Recipe = TypeVar("Recipe", SftRecipe, RlvrRecipe)


def built_in() -> tuple[str, ...]:
    """The names of the recipes that come with the package."""
    folder = resources.files("stepprove.train.recipes")
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def read_rlvr(source: str) -> tuple[RlvrRecipe, str]:
    """A recipe for reinforcement learning, as `read_recipe`."""
    return read_recipe(source, RlvrRecipe)


def read_sft(source: str) -> tuple[SftRecipe, str]:
    """A recipe for fine-tuning, as `read_recipe`."""
    return read_recipe(source, SftRecipe)


def read_recipe(source: str, kind: type[Recipe]) -> tuple[Recipe, str]:
    """The recipe of a YAML file, or of a name that comes with the package, and its text.

    Files that it names are looked for beside the recipe. Raises BadRecipe and OSError.
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
    """For which command a recipe is, as its `kind` or what it speaks of says."""
    return data.get("kind") or ("sft" if "stages" in data else "rlvr" if "rlvr" in data else None)


def _text(source: str, path: Path) -> str:
    if source in built_in() and not path.exists():
        return (resources.files("stepprove.train.recipes") / f"{source}.yaml").read_text()
    if not path.is_file():
        raise BadRecipe(f"{source} is neither a file nor a recipe; there are {', '.join(built_in())}.")
    return read_text(path, source, "recipe", BadRecipe)
