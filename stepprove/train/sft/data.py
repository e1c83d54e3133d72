"""The texts of a fine-tuning stage: read from files in three formats, or generated.

A line of a file is `{"pieces": [[text, learned], …]}`, as `trajectories.py` writes it; `{"prompt", "completion"}`, where the
model learns the completion; or `{"messages": [{"role", "content"}, …]}`, where it learns the assistant's turns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stepprove.agent.models.stepfun import THINK_END
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.train.data.formalizer_texts import knowledge_text, reasoning_text
from stepprove.train.data.informal import generate
from stepprove.train.recipe import BadRecipe, GeneratedTexts
from stepprove.train.sft.trajectories import TextProgress, TrainingText, make, read


class _Answered(BaseModel):
    """A prompt and its completion."""

    model_config = ConfigDict(frozen=True)

    prompt: str
    completion: str = Field(min_length=1)


class _ChatTurn(BaseModel):
    """A turn of a chat."""

    model_config = ConfigDict(frozen=True)

    role: str
    content: str


class _Pieces(BaseModel):
    """A text in pieces."""

    model_config = ConfigDict(frozen=True)

    pieces: tuple[tuple[str, bool], ...]


class _Chat(BaseModel):
    """A chat."""

    model_config = ConfigDict(frozen=True)

    messages: tuple[_ChatTurn, ...] = Field(min_length=1)


def read_file(path: Path, tokenizer: Any) -> list[TrainingText]:
    """Read a JSONL file of texts, in its order.

    Args:
        path: the file.
        tokenizer: the model's, for its chat template and end token.

    Raises:
        BadRecipe: a line has none of the formats, or the file holds no text.
        OSError: the file cannot be read.
    """
    texts = []
    for place, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            pieces = _pieces(orjson.loads(line), tokenizer)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadRecipe(f"{path}, line {place}: {where}: {first['msg']}.") from None
        except ValueError as wrong:
            raise BadRecipe(f"{path}, line {place}: {wrong}.") from None
        if not any(learned and piece for piece, learned in pieces):
            raise BadRecipe(f"{path}, line {place}: nothing in the text is to be learned.")
        texts.append(TrainingText(index=place, family="", rejected=0, pieces=pieces))
    if not texts:
        raise BadRecipe(f"{path} holds no text.")
    return texts


def _pieces(record: Any, tokenizer: Any) -> tuple[tuple[str, bool], ...]:
    if isinstance(record, dict) and "pieces" in record:
        return _Pieces.model_validate(record).pieces
    if isinstance(record, dict) and "messages" in record:
        return _chat(_Chat.model_validate(record).messages, tokenizer)
    if isinstance(record, dict) and "prompt" in record:
        answered = _Answered.model_validate(record)
        end = "" if answered.completion.endswith(tokenizer.eos_token) else tokenizer.eos_token
        return ((answered.prompt, False), (answered.completion + end, True))
    raise ValueError("a text is an object with pieces, with prompt and completion, or with messages")


def _chat(messages: Sequence[_ChatTurn], tokenizer: Any) -> tuple[tuple[str, bool], ...]:
    """Apply the chat template, and split the text where the assistant's turns begin and end. Raises ValueError."""
    if tokenizer.chat_template is None:
        raise ValueError("the model's tokenizer has no chat template")
    turns = [message.model_dump() for message in messages]

    def rendered(count: int, prompt: bool = False) -> str:
        return str(tokenizer.apply_chat_template(turns[:count], tokenize=False, add_generation_prompt=prompt))

    pieces: list[tuple[str, bool]] = []
    text = ""
    for place, message in enumerate(messages):
        if message.role != "assistant":
            continue
        before, after = rendered(place, prompt=True), rendered(place + 1)
        if not after.startswith(before):
            before = _without_thought(before)  # the template opens a thought that the answer opens itself
        if not (before.startswith(text) and after.startswith(before)):
            raise ValueError("the chat template changes earlier turns, so that they cannot be told apart")
        pieces += [(before[len(text) :], False), (after[len(before) :], True)]
        text = after
    return tuple(pieces)


def _without_thought(prompt: str) -> str:
    return prompt.rstrip().removesuffix("<think>")


def made(
    wanted: GeneratedTexts,
    tokenizer: Any,
    folder: Path,
    engine: Callable[[], Engine],
    seed: int,
    *,
    jobs: int | None = None,
    listen: Callable[[int, int], None] = lambda done, total: None,
) -> list[TrainingText]:
    """Generate a stage's texts from a seed; each verified proof goes to `folder` at once, so a killed run resumes.

    Args:
        wanted: kind and number of texts.
        tokenizer: its chat template formats the formalizer's prompts.
        folder: holds `trajectories-SEED.jsonl`.
        engine: starts Lean, which only proofs need.
        seed: of all texts.
        jobs: Lean processes; None: one for each core.
        listen: called with (proofs made, proofs wanted).

    Raises:
        ReplFailure: Lean is not available.
        OSError: a file cannot be read or written.
    """
    if wanted.generated in ("statements", "reasoning"):
        text = knowledge_text if wanted.generated == "statements" else reasoning_text
        problems = islice(generate(seed), wanted.skip, wanted.skip + wanted.texts)
        return [text(tokenizer, one, index) for index, one in enumerate(problems)]
    path = folder / f"trajectories-{seed}.jsonl"
    count = wanted.skip + wanted.texts

    def report(progress: TextProgress) -> None:
        listen(progress.kept, progress.wanted)

    if not path.exists() or len(read(path)) < count:
        with SyncPool(engine(), size=jobs) as pool:
            make(pool, count, seed, path, listen=report)
    texts = read(path)[wanted.skip : count]
    return [completion(text) for text in texts] if wanted.generated == "completions" else texts


def completion(text: TrainingText) -> TrainingText:
    """Return the text with its whole proof after an empty thought, without sketches and feedback."""
    proof = text.pieces[-1][0].partition(THINK_END)[2]
    return text.model_copy(update={"rejected": 0, "pieces": (text.pieces[0], (f"{THINK_END}{proof}", True))})


def digest(texts: Sequence[TrainingText]) -> str:
    """Return the SHA-256 of the texts, a run's identity of its data."""
    sha256 = hashlib.sha256()
    for text in texts:
        sha256.update(orjson.dumps(text.pieces))
    return sha256.hexdigest()
