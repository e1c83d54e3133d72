"""What a stage of fine-tuning learns from: files of texts in three forms, or texts that are made on this machine.

A line of a file is `{"pieces": [[text, learned], …]}`, as `trajectories.py` writes it; `{"prompt", "completion"}`, of which the
completion is learned and ends the text; or `{"messages": [{"role", "content"}, …]}`, of which the assistant's turns are learned.
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
    """A prompt and what comes after it."""

    model_config = ConfigDict(frozen=True)

    prompt: str
    completion: str = Field(min_length=1)


class _Message(BaseModel):
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

    messages: tuple[_Message, ...] = Field(min_length=1)


def read_file(path: Path, tokenizer: Any) -> list[TrainingText]:
    """The texts of a JSONL file, in its order. Raises BadRecipe naming the first line that is none of the forms; OSError."""
    texts = []
    for place, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = _pieces(orjson.loads(line), tokenizer)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadRecipe(f"{path}, line {place}: {where}: {first['msg']}.") from None
        except ValueError as wrong:
            raise BadRecipe(f"{path}, line {place}: {wrong}.") from None
        if not any(learned and piece for piece, learned in found):
            raise BadRecipe(f"{path}, line {place}: nothing in the text is to be learned.")
        texts.append(TrainingText(index=place, family="", rejected=0, pieces=found))
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


def _chat(messages: Sequence[_Message], tokenizer: Any) -> tuple[tuple[str, bool], ...]:
    """The chat by the tokenizer's template, cut where the assistant's turns begin and end. Raises ValueError."""
    if tokenizer.chat_template is None:
        raise ValueError("the model's tokenizer has no chat template")
    turns = [message.model_dump() for message in messages]

    def rendered(count: int, asked: bool = False) -> str:
        return str(tokenizer.apply_chat_template(turns[:count], tokenize=False, add_generation_prompt=asked))

    pieces: list[tuple[str, bool]] = []
    text = ""
    for place, message in enumerate(messages):
        if message.role != "assistant":
            continue
        before, after = rendered(place, asked=True), rendered(place + 1)
        if not after.startswith(before):
            before = _without_thought(
                before
            )  # a template that opens the thought which the answer opens itself
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
    """Texts that follow from a seed; proofs are kept in `folder` as Lean accepts them, so that a killed run goes on.

    Args:
        wanted: which, and how many.
        tokenizer: whose chat template the formalizer's prompts have.
        folder: for `trajectories-SEED.jsonl`.
        engine: starts Lean, which only proofs need.
        seed: of all texts.
        jobs: Lean processes.
        listen: told (proofs made, wanted).

    Raises OSError, and ReplFailure when Lean cannot be run.
    """
    if wanted.generated in ("statements", "reasoning"):
        text = knowledge_text if wanted.generated == "statements" else reasoning_text
        problems = islice(generate(seed), wanted.skip, wanted.skip + wanted.texts)
        return [text(tokenizer, one, index) for index, one in enumerate(problems)]
    path = folder / f"trajectories-{seed}.jsonl"
    count = wanted.skip + wanted.texts

    def told(progress: TextProgress) -> None:
        listen(progress.kept, progress.wanted)

    if not path.exists() or len(read(path)) < count:
        with SyncPool(engine(), size=jobs) as pool:
            make(pool, count, seed, path, listen=told)
    texts = read(path)[wanted.skip : count]
    return [completion(text) for text in texts] if wanted.generated == "completions" else texts


def completion(text: TrainingText) -> TrainingText:
    """The same problem with its whole proof after an empty thought: no sketch, no word of Lean."""
    proof = text.pieces[-1][0].partition(THINK_END)[2]
    return text.model_copy(update={"rejected": 0, "pieces": (text.pieces[0], (f"{THINK_END}{proof}", True))})


def digest(texts: Sequence[TrainingText]) -> str:
    """SHA-256 of what is learned from, so that a run knows its data again."""
    found = hashlib.sha256()
    for text in texts:
        found.update(orjson.dumps(text.pieces))
    return found.hexdigest()
