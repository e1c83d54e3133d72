"""The few parts of the WebAssembly binary format that slimming reads and writes.

Source: WebAssembly Core Specification 2.0, chapter 5 (binary format). Only what Lean's module uses is read;
anything else raises `WasmError` instead of being guessed at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, overload

HEADER = b"\0asm\x01\0\0\0"
_FUNCREF = 0x70
_OP_GLOBAL_GET, _OP_I32_CONST, _OP_I64_CONST, _OP_END = 0x23, 0x41, 0x42, 0x0B
_OP_NOP, _OP_CALL, _OP_LOCAL_GET, _OP_LOCAL_TEE = 0x01, 0x10, 0x20, 0x22
_OP_IF, _OP_RETURN = 0x04, 0x0F
_I32, _NO_TYPE = 0x7F, 0x40


class WasmError(ValueError):
    """The bytes are not a WebAssembly module of the shape that Lean's build has."""


class Bytes(Protocol):
    """What `bytes` and `mmap` share: an index gives an int, a slice gives bytes."""

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, at: int, /) -> int: ...
    @overload
    def __getitem__(self, at: slice, /) -> bytes: ...


class SectionId(IntEnum):
    """Identifiers of the sections that slimming looks at."""

    IMPORT = 2
    TABLE = 4
    GLOBAL = 6
    EXPORT = 7
    ELEMENT = 9
    CODE = 10


class Kind(IntEnum):
    """What an import or an export is."""

    FUNCTION = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its identifier and the byte range [start, end) of its payload."""

    id: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Export:
    """One exported thing; `index` counts within its kind, imports first."""

    name: bytes
    kind: int
    index: int


@dataclass(frozen=True, slots=True)
class Table:
    """The only table: its least and greatest number of entries (None: no bound)."""

    minimum: int
    maximum: int | None


def read_unsigned(data: Bytes, at: int) -> tuple[int, int]:
    """Read one unsigned LEB128 number; gives the number and the offset after it."""
    byte = data[at]
    if byte < 128:
        return byte, at + 1
    result, shift = byte & 127, 7
    while True:
        at += 1
        byte = data[at]
        result |= (byte & 127) << shift
        if byte < 128:
            return result, at + 1
        shift += 7


def read_signed(data: Bytes, at: int) -> tuple[int, int]:
    """Read one signed LEB128 number; gives the number and the offset after it."""
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return (result - (1 << shift) if byte & 64 else result), at


def write_unsigned(number: int) -> bytes:
    """Write a number >= 0 as unsigned LEB128, in the fewest bytes."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def write_vector(items: list[bytes]) -> bytes:
    """Write a vector: its length, then its items."""
    return write_unsigned(len(items)) + b"".join(items)


def write_name(name: bytes) -> bytes:
    """Write a name: its length in bytes, then the bytes."""
    return write_unsigned(len(name)) + name


def section_header(section_id: int, size: int) -> bytes:
    """The bytes that stand before a payload of `size` bytes."""
    return bytes([section_id]) + write_unsigned(size)


def sections(data: Bytes) -> list[Section]:
    """List the module's sections in their order. Raises `WasmError` when the header or a length is wrong."""
    if data[: len(HEADER)] != HEADER:
        raise WasmError("not a WebAssembly module of version 1")
    found, at = [], len(HEADER)
    while at < len(data):
        section_id = data[at]
        size, start = read_unsigned(data, at + 1)
        at = start + size
        if at > len(data):
            raise WasmError(f"section {section_id} ends after the end of the file")
        found.append(Section(section_id, start, at))
    return found


def only(found: list[Section], section_id: SectionId) -> Section:
    """The one section of that kind. Raises `WasmError` when there is none or more than one."""
    hits = [section for section in found if section.id == section_id]
    if len(hits) != 1:
        raise WasmError(f"expected one {section_id.name.lower()} section, found {len(hits)}")
    return hits[0]


def _skip_limits(data: Bytes, at: int) -> int:
    has_maximum = data[at] & 1
    _, at = read_unsigned(data, at + 1)
    return read_unsigned(data, at)[1] if has_maximum else at


@dataclass(frozen=True, slots=True)
class Import:
    """One imported thing: its name, its kind, and the byte range [start, end) of the name with its length."""

    name: bytes
    kind: Kind
    start: int
    end: int


def read_imports(data: Bytes, section: Section) -> Iterator[Import]:
    """List what the module imports, in its order."""
    number, at = read_unsigned(data, section.start)
    for _ in range(number):
        length, at = read_unsigned(data, at)
        start = at + length
        length, at = read_unsigned(data, start)
        name, end = data[at : at + length], at + length
        kind = Kind(data[end])
        at = end + 1
        if kind is Kind.FUNCTION:
            _, at = read_unsigned(data, at)
        elif kind is Kind.TABLE:
            at = _skip_limits(data, at + 1)
        elif kind is Kind.MEMORY:
            at = _skip_limits(data, at)
        elif kind is Kind.GLOBAL:
            at += 2
        else:
            _, at = read_unsigned(data, at + 1)
        yield Import(name, kind, start, end)


def count_imports(data: Bytes, section: Section) -> dict[Kind, int]:
    """Count the imports of each kind: they take the first indices of that kind's index space."""
    counts = dict.fromkeys(Kind, 0)
    for item in read_imports(data, section):
        counts[item.kind] += 1
    return counts


def changed_imports(
    data: Bytes, section: Section, names: Mapping[bytes, bytes], most_pages: int | None = None
) -> bytes:
    """The payload of the import section with new names for some imports, and another bound for the memory's size.

    Raises `WasmError` when one of them is not there.
    """
    out, written, missing = bytearray(), section.start, set(names)
    for item in read_imports(data, section):
        if item.name in names:
            out += data[written : item.start] + write_name(names[item.name])
            written = item.end
            missing.discard(item.name)
        if item.kind is Kind.MEMORY and most_pages is not None:
            limits = item.end + 1
            if not data[limits] & 1:
                raise WasmError("the module's memory has no bound")
            initial, at = read_unsigned(data, limits + 1)
            out += data[written : limits + 1] + write_unsigned(initial) + write_unsigned(most_pages)
            written = read_unsigned(data, at)[1]
    if missing:
        raise WasmError(f"the module does not import {min(missing).decode()}")
    return bytes(out + data[written : section.end])


def read_table(data: Bytes, section: Section) -> Table:
    """Read the only table, which must hold functions."""
    number, at = read_unsigned(data, section.start)
    if number != 1 or data[at] != _FUNCREF:
        raise WasmError("expected one table of functions")
    bounded = data[at + 1] & 1
    minimum, at = read_unsigned(data, at + 2)
    return Table(minimum, read_unsigned(data, at)[0] if bounded else None)


def write_table(table: Table) -> bytes:
    """The payload of a table section with one table of functions."""
    limits = write_unsigned(table.minimum)
    if table.maximum is None:
        return b"\x01" + bytes([_FUNCREF, 0]) + limits
    return b"\x01" + bytes([_FUNCREF, 1]) + limits + write_unsigned(table.maximum)


def read_globals(data: Bytes, section: Section) -> list[int | None]:
    """The constant that each defined global starts with; None where it copies another global."""
    values: list[int | None] = []
    number, at = read_unsigned(data, section.start)
    for _ in range(number):
        opcode = data[at + 2]
        if opcode in (_OP_I32_CONST, _OP_I64_CONST):
            value, at = read_signed(data, at + 3)
            values.append(value)
        elif opcode == _OP_GLOBAL_GET:
            _, at = read_unsigned(data, at + 3)
            values.append(None)
        else:
            raise WasmError(f"a global starts with the unknown opcode {opcode:#x}")
        if data[at] != _OP_END:
            raise WasmError("a global's start value is more than one instruction")
        at += 1
    return values


def read_exports(data: Bytes, section: Section) -> list[Export]:
    """Read all exports."""
    exports = []
    number, at = read_unsigned(data, section.start)
    for _ in range(number):
        length, at = read_unsigned(data, at)
        name, at = data[at : at + length], at + length
        index, after = read_unsigned(data, at + 1)
        exports.append(Export(name, data[at], index))
        at = after
    return exports


def write_exports(exports: list[Export]) -> bytes:
    """The payload of an export section."""
    return write_vector(
        [write_name(export.name) + bytes([export.kind]) + write_unsigned(export.index) for export in exports]
    )


def read_elements(data: Bytes, section: Section) -> list[int]:
    """The functions in the table from entry 1 on. Raises `WasmError` for any other kind of section."""
    number, at = read_unsigned(data, section.start)
    if number != 1 or data[at] != 0 or data[at + 1] != _OP_I32_CONST:
        raise WasmError("expected one active element segment")
    offset, at = read_signed(data, at + 2)
    if offset != 1 or data[at] != _OP_END:
        raise WasmError("expected the element segment to start at table entry 1")
    functions = []
    number, at = read_unsigned(data, at + 1)
    for _ in range(number):
        function, at = read_unsigned(data, at)
        functions.append(function)
    return functions


def write_elements(functions: list[int]) -> bytes:
    """The payload of an element section that fills the table from entry 1 on."""
    head = b"\x01\x00" + bytes([_OP_I32_CONST, 1, _OP_END])
    return head + write_vector([write_unsigned(function) for function in functions])


def function_bodies(data: Bytes, section: Section) -> Iterator[tuple[int, int]]:
    """The byte range [start, end) of each defined function's body, in order."""
    number, at = read_unsigned(data, section.start)
    for _ in range(number):
        size, at = read_unsigned(data, at)
        yield at, at + size
        at += size


def forwarding_body(size: int, function: int) -> bytes:
    """A body of exactly `size` bytes for a function f(a, b) of i32s: it returns function(a, 0, b, 1).

    Raises `WasmError` when it does not fit.
    """
    code = bytes([_OP_LOCAL_GET, 0, _OP_I32_CONST, 0, _OP_LOCAL_GET, 1, _OP_I32_CONST, 1, _OP_CALL])
    code += write_unsigned(function) + bytes([_OP_END])
    padding = size - 1 - len(code)
    if padding < 0:
        raise WasmError(f"a body of {size} bytes has no room for a call")
    return b"\0" + bytes([_OP_NOP]) * padding + code


def announcing_body(body: bytes, function: int, parameters: int) -> bytes:
    """The same function body, but `function`, which returns nothing, is first called with the first parameters."""
    arguments = b"".join(bytes([_OP_LOCAL_GET]) + write_unsigned(number) for number in range(parameters))
    return _begun_with(body, arguments + bytes([_OP_CALL]) + write_unsigned(function))


def asking_body(body: bytes, function: int) -> bytes:
    """The same body of a function from i32 to i32, but what `function` gives for its parameter is returned, unless it is 0."""
    groups, at = read_unsigned(body, 0)
    first, answer = at, 1
    for _ in range(groups):
        count, at = read_unsigned(body, at)
        answer += count
        at += 1  # the type of these locals
    added = bytes([1, _I32])  # a local for the answer, after all others
    local = write_unsigned(answer)
    ask = bytes([_OP_LOCAL_GET, 0, _OP_CALL]) + write_unsigned(function) + bytes([_OP_LOCAL_TEE]) + local
    give = bytes([_OP_IF, _NO_TYPE, _OP_LOCAL_GET]) + local + bytes([_OP_RETURN, _OP_END])
    return write_unsigned(groups + 1) + body[first:at] + added + ask + give + body[at:]


def _begun_with(body: bytes, code: bytes) -> bytes:
    groups, at = read_unsigned(body, 0)
    for _ in range(groups):
        _, at = read_unsigned(body, at)
        at += 1  # the type of these locals
    return body[:at] + code + body[at:]
