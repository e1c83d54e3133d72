"""Write the result of `stepprove prove`, even if the file has changed meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stepprove.files.output_file import OutputChanged, OutputError, write_output
from stepprove.lean_project.source.file import SourceFile, changed_since


@dataclass(frozen=True, slots=True)
class ProveOutput:
    """The result of writing the file."""

    target: Path | None
    """The path of the text; None if it was not writable."""
    changed: bool = True
    remarks: tuple[str, ...] = ()
    code: int | None = None
    """The exit code, if it differs from the report's."""


def write_proved(file: Path, target: Path, source: SourceFile, text: str, *, in_place: bool) -> ProveOutput:
    """Write the text, but beside the file if it would overwrite somebody's edits."""
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
    """The default path of the file with its proofs: FILE.proved.lean."""
    return file.with_suffix(".proved.lean") if file.suffix == ".lean" else Path(f"{file}.proved.lean")


def _same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file."""
    return other.exists() and one.exists() and one.samefile(other)
