"""What a lakefile says about sources: where the modules are, and with which options Lean compiles them.

`lakefile.toml` is read as it is defined. `lakefile.lean` is a program; its common forms are read from the text, and what cannot
be read is reported. Source: https://lean-lang.org/doc/reference/latest/Build-Tools-and-Distribution/Lake/ (4.28).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

__all__ = ["LAKEFILES", "BadLakefile", "Lakefile", "Library", "OptionValue", "read_lakefile"]

LAKEFILES = ("lakefile.lean", "lakefile.toml")
"""In Lake's own order: if both are there, the first is used."""

OptionValue = bool | int | str


class BadLakefile(Exception):
    """A lakefile that cannot be read at all; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Library:
    """A `lean_lib` or `lean_exe`."""

    name: str
    folder: PurePosixPath
    """Its sources' folder, relative to the lakefile's."""
    options: Mapping[str, OptionValue]
    """Lean's options for its modules, the package's among them."""


@dataclass(frozen=True, slots=True)
class Lakefile:
    """The package that a lakefile describes."""

    name: str
    libraries: tuple[Library, ...]
    unread: tuple[str, ...] = ()
    """What was not understood, a phrase each."""


def read_lakefile(path: Path) -> Lakefile:
    """Read a `lakefile.toml` or `lakefile.lean`.

    Raises:
        BadLakefile: the file cannot be read, or is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadLakefile(f"{path} is not UTF-8.") from None
    except OSError as error:
        raise BadLakefile(f"{path} cannot be read: {error.strerror or error}.") from None
    if path.suffix == ".lean":
        return _of_program(text, path)
    try:
        return _of_table(tomllib.loads(text), path)
    except tomllib.TOMLDecodeError as error:
        raise BadLakefile(f"{path} is no TOML: {error}.") from None
    except RecursionError:
        raise BadLakefile(f"{path} is nested too deeply.") from None


# lakefile.toml


def _of_table(table: Mapping[str, object], path: Path) -> Lakefile:
    unread: list[str] = []
    package = _folder(table.get("srcDir", "."), "srcDir", unread)
    shared = _options(table, unread)
    libraries = []
    for kind in ("lean_lib", "lean_exe"):
        entries = table.get(kind, [])
        for entry in entries if isinstance(entries, list) else []:
            if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
                unread.append(f"a {kind} without a name")
                continue
            folder = package / _folder(entry.get("srcDir", "."), f"srcDir of {entry['name']}", unread)
            libraries.append(Library(entry["name"], folder, {**shared, **_options(entry, unread)}))
    name = table.get("name")
    return Lakefile(name if isinstance(name, str) else path.parent.name, tuple(libraries), tuple(unread))


def _folder(value: object, what: str, unread: list[str]) -> PurePosixPath:
    if isinstance(value, str):
        return PurePosixPath(value)
    unread.append(what)
    return PurePosixPath()


def _options(table: Mapping[str, object], unread: list[str]) -> dict[str, OptionValue]:
    """`leanOptions` and the `-D` of `moreLeanArgs`."""
    options: dict[str, OptionValue] = {}
    stated = table.get("leanOptions", {})
    pairs: Iterable[tuple[str, object]]
    if isinstance(stated, Mapping):
        pairs = _flat(stated)
    elif isinstance(stated, list):
        pairs = ((str(item.get("name")), item.get("value")) for item in stated if isinstance(item, Mapping))
    else:
        pairs = (("leanOptions", None),)
    for name, value in pairs:
        if isinstance(value, OptionValue):
            options[name.removeprefix("weak.")] = value
        else:
            unread.append(f"the option {name}")
    arguments = table.get("moreLeanArgs", [])
    options.update(_defined(arguments if isinstance(arguments, list) else [], unread))
    return options


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _defined(arguments: Iterable[object], unread: list[str]) -> dict[str, OptionValue]:
    """The options of `-Dname=value` arguments of Lean."""
    options: dict[str, OptionValue] = {}
    for argument in arguments:
        found = re.fullmatch(r"-D\s*([^=\s]+)=(.*)", argument) if isinstance(argument, str) else None
        if found:
            options[found[1].removeprefix("weak.")] = _literal(found[2].strip())
        else:
            unread.append(f"the argument {argument} of Lean")
    return options


def _literal(text: str) -> OptionValue:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"\d{1,18}", text) else text.strip('"')


# lakefile.lean

_COMMENT = re.compile(r"--[^\n]*|/-(?:(?!-/).)*-/", re.DOTALL)
_NAME = r"(?:«([^»\n]+)»|\"([^\"\n]+)\"|([^\W\d][\w.'!?-]*))"
_TARGET = re.compile(rf"^(?:@\[[^\]\n]*\]\s*)?(package|lean_lib|lean_exe)\s+{_NAME}", re.MULTILINE)
_COMMAND = re.compile(r"^(?:@\[|[a-z_]+\b)", re.MULTILINE)
_FIELD = re.compile(r"(?<![\w.])(srcDir|leanOptions|moreLeanArgs|moreServerOptions)\s*:=\s*")
_STRING = re.compile(r'\s*"([^"\n]*)"')
_ARRAY = re.compile(r"\s*#\[((?:[^\[\]]|\[[^\[\]]*\])*)\]")
_PAIR = re.compile(
    r"⟨\s*`([^\s,]+)\s*,\s*(?:\.ofBool\s+|\.ofNat\s+|\.ofString\s+)?(true|false|\d{1,18}|\"[^\"\n]*\")\s*⟩"
    r"|\{\s*name\s*:=\s*`([^\s,]+)\s*,\s*value\s*:=\s*(true|false|\d{1,18}|\"[^\"\n]*\")\s*\}"
)


def _of_program(text: str, path: Path) -> Lakefile:
    text = _COMMENT.sub("", text)
    unread: list[str] = []
    name, package, shared = path.parent.name, PurePosixPath(), dict[str, OptionValue]()
    libraries = []
    for target in _TARGET.finditer(text):
        named = next(part for part in target.groups()[1:] if part)
        following = _COMMAND.search(text, target.end())
        body = text[target.end() : following.start() if following else len(text)]
        folder, options = _fields(body, named, unread)
        if target[1] == "package":
            name, package, shared = named, folder, options
        else:
            libraries.append(Library(named, package / folder, {**shared, **options}))
    if not libraries:
        unread.append("its libraries")
    return Lakefile(name, tuple(libraries), tuple(unread))


def _fields(body: str, named: str, unread: list[str]) -> tuple[PurePosixPath, dict[str, OptionValue]]:
    folder, options = PurePosixPath(), dict[str, OptionValue]()
    for field in _FIELD.finditer(body):
        string, array = _STRING.match(body, field.end()), _ARRAY.match(body, field.end())
        if field[1] == "srcDir" and string:
            folder = PurePosixPath(string[1])
        elif field[1] == "leanOptions" and array:
            pairs = list(_PAIR.finditer(array[1]))
            for pair in pairs:
                option, value = (pair[1], pair[2]) if pair[1] else (pair[3], pair[4])
                options[option.removeprefix("weak.")] = _literal(value)
            if _PAIR.sub("", array[1]).strip(" \t\r\n,"):
                unread.append(f"some of leanOptions of {named}")
        elif field[1] == "moreLeanArgs" and array:
            options.update(_defined(re.findall(r'"([^"\n]*)"', array[1]), unread))
        elif field[1] != "moreServerOptions":
            unread.append(f"{field[1]} of {named}")
    return folder, options
