"""Where `stepprove prove` leaves what it found, whatever became of the file meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stepprove.lean_project.source.file import SourceFile, changed_since
from stepprove.output_file import OutputChanged, OutputError, write_output


@dataclass(frozen=True, slots=True)
class ProveOutput:
    """What became of the file to be written."""

    target: Path | None
    """Where the text is; None when it could not be written."""
    changed: bool = True
    remarks: tuple[str, ...] = ()
    code: int | None = None
    """The exit code, when it is not that of the report."""


def write_proved(file: Path, target: Path, source: SourceFile, text: str, *, in_place: bool) -> ProveOutput:
    """Write the text; where that would undo somebody's edits, write it beside the file instead."""
    own = in_place or _same_file(file, target)
    try:
        done = write_output(target, text, follow=in_place, like=file, expected=source.data if own else None)
    except OutputChanged as changed:
        instead = ProveOutput(
            beside(file),
            remarks=(f"{changed} It was left alone: the proofs are in {beside(file)}.",),
            code=2,
        )
        try:
            write_output(beside(file), text, like=file)
        except OutputError as failure:
            return ProveOutput(None, remarks=(str(changed), f"{failure} The proofs are shown above."), code=2)
        return instead
    except OutputError as failure:
        return ProveOutput(
            None, remarks=(f"{failure} The proofs are shown above; name another place with -o OUT.",), code=3
        )
    if not own and changed_since(source):
        stale = f"{file} was changed meanwhile: {target} stands on what it was."
        return ProveOutput(target, done.changed, (*done.remarks, stale))
    return ProveOutput(target, done.changed, done.remarks)


def beside(file: Path) -> Path:
    """Where the file with its proofs goes when nothing else is said: FILE.proved.lean."""
    return file.with_suffix(".proved.lean") if file.suffix == ".lean" else Path(f"{file}.proved.lean")


def _same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file."""
    return other.exists() and one.exists() and one.samefile(other)
