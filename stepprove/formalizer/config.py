"""The configuration of the ThinkingF stages, a YAML file."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from stepprove.formalizer.equivalence.methods import Method
from stepprove.settings import BadSettings, parse_yaml, read_text, resolve_paths, validate


class BadConfig(BadSettings):
    """The file cannot be used; the message is one sentence."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LeanPart(_Part):
    """The Lean that checks statements."""

    jobs: int | None = Field(default=None, ge=1)
    """Processes on this machine; None: one for each core."""
    timeout: float = Field(default=60.0, gt=0)
    """Seconds for each text."""
    server: str | None = Field(default=None, pattern=r"^https?://")
    """A Lean server in place of local engines; its key comes from STEPPROVE_API_KEY or LEAN_SERVER_API_KEY."""


class KnowledgePart(_Part):
    """The stage from problems to pairs."""

    problems: Path
    """JSONL: `problem`, and optionally `name`, `header` and `candidates`."""
    model: str | None = None
    """The formalizer; None: every problem has its candidates."""
    judge: str | None = None
    """A model that rejects oversimplified or contradictory statements; None: no judge."""
    header: str = "import Mathlib"
    samples: int = Field(default=16, ge=1)
    method: Method = "beq"
    at_once: int = Field(default=16, ge=1)
    """Problems in parallel."""


class ReasoningPart(_Part):
    """The stage from pairs to trajectories."""

    pairs: Path | None = None
    """JSONL: `problem`, `formal_statement`, and optionally `name` and `header`; None: the pairs of the knowledge stage."""
    model: str
    tries: int = Field(default=2, ge=1)
    temperature: float = Field(default=0.6, ge=0)
    method: Method = "beq"
    at_once: int = Field(default=16, ge=1)


class BuildPart(_Part):
    """The stage from pairs and trajectories to a dataset."""

    sources: tuple[Path, ...] = ()
    """JSONL files; empty: the records of the two stages."""
    benchmarks: dict[str, str | None] = {"minif2f": None, "formalmath_lite": None, "proverbench": None}
    """Benchmarks to keep out of the dataset: a name, and its source (none: its publisher)."""
    ngram: int = Field(default=13, ge=1)
    dev_share: float = Field(default=0.01, ge=0, lt=1)
    title: str = "Informal problems and Lean 4 statements"
    licence: str = "other"
    parquet: bool = True


class FormalizerConfig(_Part):
    """The whole file."""

    output: Path
    """The folder of ledgers, kept records and the dataset."""
    lean: LeanPart = LeanPart()
    knowledge: KnowledgePart | None = None
    reasoning: ReasoningPart | None = None
    build: BuildPart = BuildPart()


def read_config(path: Path) -> FormalizerConfig:
    """Read a configuration file; relative paths in it are taken from its folder. Raises BadConfig."""
    name = str(path)
    try:
        text = read_text(path, name, "configuration", BadConfig)
    except OSError as fault:
        raise BadConfig(f"{path} cannot be read: {fault.strerror}.") from None
    config = validate(parse_yaml(text, name, BadConfig), FormalizerConfig, name, BadConfig)
    resolved: FormalizerConfig = resolve_paths(config, path.parent)
    return resolved
