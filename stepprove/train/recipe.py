"""A recipe: what is trained on what, as a YAML file says it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from stepprove.train.rlvr import RlvrOptions

_MOST_BYTES = 1_000_000


class BadRecipe(ValueError):
    """The recipe cannot be used; the message is one sentence."""


class RlvrRecipe(BaseModel):
    """Reinforcement learning with Lean as the judge."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = "tiny"
    """`tiny`, or a folder with a model and its tokenizer."""
    problems: Literal["generated"] | Path = "generated"
    """Generated theorems that are not for tests, or a JSONL file with a `formal_statement` in each line, gone through in turn."""
    jobs: int | None = None
    """Lean processes; None: as many as the machine has cores."""
    rlvr: RlvrOptions = RlvrOptions()


def built_in() -> tuple[str, ...]:
    """The names of the recipes that come with the package."""
    folder = resources.files("stepprove.train.recipes")
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def read_rlvr(source: str) -> tuple[RlvrRecipe, str]:
    """The recipe of a YAML file, or of a name that comes with the package, and its text.

    A file of problems is looked for beside the recipe. Raises BadRecipe and OSError.
    """
    path = Path(source)
    if source in built_in() and not path.exists():
        text = (resources.files("stepprove.train.recipes") / f"{source}.yaml").read_text()
    elif not path.is_file():
        raise BadRecipe(f"{source} is neither a file nor a recipe; there are {', '.join(built_in())}.")
    elif path.stat().st_size > _MOST_BYTES:
        raise BadRecipe(f"{source} is too large for a recipe.")
    else:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise BadRecipe(f"{source} is not UTF-8.") from None
    try:
        recipe = RlvrRecipe.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as wrong:
        raise BadRecipe(f"{source} is not YAML ({' '.join(str(wrong).split())}).") from None
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the recipe"
        raise BadRecipe(f"{source}: {where}: {first['msg']}.") from None
    if isinstance(recipe.problems, Path) and not recipe.problems.is_absolute():
        recipe = recipe.model_copy(update={"problems": path.parent / recipe.problems})
    return recipe, text
