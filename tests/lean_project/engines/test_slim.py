"""Slimming: a small module runs in Node before and after, and the installed engine has what it promises."""

from __future__ import annotations

import json
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.embedded import wasm
from stepprove.lean_project.engines.embedded.install import Installation, install
from stepprove.lean_project.engines.embedded.node import node_binary
from stepprove.lean_project.engines.embedded.slim import (
    ANNOUNCED,
    ASKING,
    CHECKING,
    EXPORTED,
    FREE_TABLE_ENTRIES,
    MOST_PAGES,
    RENAMED,
    slim_module,
    symbol_table,
)
from stepprove.lean_project.repl.protocol import CommandResponse

TYPES = {0: 0, 2: 1, 4: 2, 1: 3, 3: 4}
"""The small module's types of functions, by how many i32s they take; all return one."""
HOOKS = dict(ANNOUNCED.values())
SILENT = {count: len(TYPES) + place for place, count in enumerate(sorted(set(HOOKS.values())))}
"""Types of functions that return nothing."""
HOOK_TYPES = {
    **{hook: SILENT[count] for hook, count in HOOKS.items()},
    **dict.fromkeys(ASKING.values(), TYPES[1]),
}
FEW_PAGES = 256


def returning(number: int) -> bytes:
    """The body of a function that returns a number below 64, with room to spare."""
    code = bytes([0, *[0x01] * 20, 0x41, number, 0x0B])
    return wasm.write_unsigned(len(code)) + code


def small_module(names: list[bytes], parameters: dict[bytes, int] | None = None) -> bytes:
    """A module whose function number n, exported under names[n], returns n; only function 0 is in its table.

    Functions have no parameters but those that `parameters` names, which have 2 or 4.

    It imports one function, those to be renamed, one global and a memory, so that indices count imports first. It exports two
    globals.
    """
    hooks = [b"\x01m" + wasm.write_name(old) + bytes([0, HOOK_TYPES[new]]) for old, new in RENAMED.items()]
    imports = wasm.write_vector(
        [
            b"\x01m\x01f\x00\x00",
            *hooks,
            b"\x01m\x01g\x03\x7f\x00",
            b"\x01m\x03mem\x02\x03" + wasm.write_unsigned(FEW_PAGES) + wasm.write_unsigned(2 * FEW_PAGES),
        ]  # m.f: function of type 0; m.g: constant i32; m.mem: shared memory
    )
    first = 1 + len(hooks)
    exports = [wasm.Export(name, wasm.Kind.FUNCTION, n + first) for n, name in enumerate(names)]
    exports.append(wasm.Export(b"table", wasm.Kind.TABLE, 0))
    exports.append(wasm.Export(b"data", wasm.Kind.GLOBAL, 1))
    exports.append(wasm.Export(b"copied", wasm.Kind.GLOBAL, 2))
    payloads = {
        1: wasm.write_vector(
            [b"\x60" + bytes([count, *[0x7F] * count]) + b"\x01\x7f" for count in TYPES]
            + [b"\x60" + bytes([count, *[0x7F] * count]) + b"\x00" for count in SILENT]
        ),
        wasm.SectionId.IMPORT: imports,
        3: wasm.write_vector([bytes([TYPES[(parameters or {}).get(name, 0)]]) for name in names]),
        wasm.SectionId.TABLE: wasm.write_table(wasm.Table(2, 2)),
        wasm.SectionId.GLOBAL: wasm.write_vector([b"\x7f\x00\x41\xc0\x00\x0b", b"\x7f\x00\x23\x00\x0b"]),
        wasm.SectionId.EXPORT: wasm.write_exports(exports),
        wasm.SectionId.ELEMENT: wasm.write_elements([first]),
        wasm.SectionId.CODE: wasm.write_vector([returning(n) for n in range(len(names))]),
    }
    return wasm.HEADER + b"".join(
        wasm.section_header(i, len(payload)) + payload for i, payload in payloads.items()
    )


NAMES = [b"first", b"second", b"third", *CHECKING.keys(), *CHECKING.values(), *ANNOUNCED, *ASKING]
PARAMETERS = (
    dict.fromkeys(CHECKING.keys(), 2)
    | dict.fromkeys(ASKING, 1)
    | dict.fromkeys(CHECKING.values(), 4)
    | {name: parameters for name, (_, parameters) in ANNOUNCED.items()}
)

RUN = """
const module = new WebAssembly.Module(require('fs').readFileSync(process.argv[1]));
const said = [], [names, answer, initial, maximum] = JSON.parse(process.argv[2]);
const hooks = Object.fromEntries(names.map(name => [name, (...args) => { said.push([name, ...args]); return answer }]));
const mem = new WebAssembly.Memory({ initial, maximum, shared: true });
const e = new WebAssembly.Instance(module, {m: {f: () => 0, g: 7, mem, ...hooks}}).exports;
const call = f => { try { return f(5, 6, 7) } catch (error) { return error.message } };
const table = [];
for (let i = 1; i < e.table.length && e.table.get(i); i++) table.push(call(e.table.get(i)));
console.log(JSON.stringify({exports: Object.keys(e).sort(), table, length: e.table.length,
                            grown: e.table.grow(4096), said}));
"""


@dataclass(frozen=True)
class Small:
    """What Node sees of the slimmed small module, and its symbols."""

    exports: list[str]
    table: list[object]
    """What each entry from 1 on returns, or the message of its trap."""
    length: int
    grown: int
    said: list[list[object]]
    """What functions announced when they were called with 5, 6 and 7: the hook and what it was given."""
    symbols: dict[bytes, int]

    def called(self, name: bytes) -> object:
        return self.table[self.symbols[name] - 1]


def run_small(folder: Path, answer: int) -> Small:
    """What Node sees when every hook gives this answer, and the memory is as large as it may be."""
    (folder / "whole.wasm").write_bytes(small_module(NAMES, PARAMETERS))
    _, symbols = slim_module(folder / "whole.wasm", folder / "slim.wasm", frozenset({b"first"}))
    given = [[hook.decode() for hook in HOOK_TYPES], answer, FEW_PAGES, MOST_PAGES]
    said = subprocess.run(
        [node_binary(), "-e", RUN, folder / "slim.wasm", json.dumps(given)],
        capture_output=True,
        text=True,
        check=True,
    )
    return Small(**json.loads(said.stdout), symbols=dict(symbols))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return run_small(tmp_path_factory.mktemp("small"), 0)


def test_only_the_wanted_exports_stay(small: Small) -> None:
    assert small.exports == ["first", "table"]


def test_functions_announce_themselves_with_their_first_parameters(small: Small) -> None:
    announced = [[hook.decode(), *[5, 6, 7][:parameters]] for hook, parameters in ANNOUNCED.values()]
    assert small.said == [*announced, *[[hook.decode(), 5] for hook in ASKING.values()]]


@pytest.mark.parametrize("answer", [0, 77])
def test_what_a_hook_answers_is_returned_unless_it_is_zero(tmp_path: Path, answer: int) -> None:
    ran = run_small(tmp_path, answer)
    assert {name: ran.called(name) for name in ASKING} == {n: answer or NAMES.index(n) for n in ASKING}
    assert ran.called(b"second") == 1


def test_every_exported_function_is_called_through_its_table_entry(small: Small) -> None:
    assert [small.called(name) for name in (b"first", b"second", b"third")] == [0, 1, 2]


def test_unchecked_additions_call_the_checked_ones(small: Small) -> None:
    for unchecked, checked in CHECKING.items():
        assert small.called(unchecked) == small.called(checked) == NAMES.index(checked)


def test_data_symbols_have_their_address_and_copies_of_imports_none(small: Small) -> None:
    assert small.symbols[b"data"] == 64
    assert b"copied" not in small.symbols


def test_the_table_has_room_to_grow(small: Small) -> None:
    assert small.length == len(NAMES) + 1
    assert small.grown == small.length  # what grow() returns when it succeeds


def test_a_module_without_the_unchecked_functions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "whole.wasm").write_bytes(small_module([b"first"]))
    with pytest.raises(wasm.WasmError, match="which is to be changed"):
        slim_module(tmp_path / "whole.wasm", tmp_path / "slim.wasm", frozenset())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"#!/bin/sh\n" * 3, "not a WebAssembly module"),
        (wasm.HEADER, "expected one import section, found 0"),
        (wasm.HEADER + b"\x02\x7f", "ends after the end of the file"),
    ],
)
def test_what_is_no_such_module_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "whole.wasm").write_bytes(data)
    with pytest.raises(wasm.WasmError, match=why):
        slim_module(tmp_path / "whole.wasm", tmp_path / "slim.wasm", frozenset())


@given(st.integers(0, 2**32 - 1), st.binary(max_size=3))
def test_unsigned_numbers_come_back(number: int, before: bytes) -> None:
    written = wasm.write_unsigned(number)
    assert wasm.read_unsigned(before + written, len(before)) == (number, len(before) + len(written))


@pytest.mark.parametrize(
    ("encoded", "number"),
    [("00", 0), ("7f", -1), ("c0bb78", -123456), ("e58e26", 624485), ("80808080 78", -(2**31))],
)
def test_signed_numbers_are_read_as_the_standard_writes_them(encoded: str, number: int) -> None:
    data = bytes.fromhex(encoded)
    assert wasm.read_signed(data, 0) == (number, len(data))


def test_the_symbol_table_is_sorted_by_name() -> None:
    data = symbol_table([(b"b", 2), (b"ab", -1), (b"a", 1)])
    assert data == struct.pack("<IIiIiIiI", 3, 0, 1, 1, -1, 3, 2, 4) + b"aabb"


# The engine that is installed on this machine.


@pytest.fixture(scope="module")
def installed() -> Installation:
    return install()


@pytest.fixture(scope="module")
def module(installed: Installation) -> bytes:
    return (installed.runtime / "lean.wasm").read_bytes()


@pytest.fixture(scope="module")
def symbols(installed: Installation) -> dict[bytes, int]:
    data = (installed.runtime / "symtab.bin").read_bytes()
    (count,) = struct.unpack_from("<I", data)
    numbers = struct.unpack_from(f"<{2 * count + 1}I", data, 4)
    names = data[4 + 4 * len(numbers) :]
    found = [(names[numbers[2 * i] : numbers[2 * i + 2]], numbers[2 * i + 1]) for i in range(count)]
    assert found == sorted(found)
    return dict(found)


def section(module: bytes, section_id: wasm.SectionId) -> wasm.Section:
    return wasm.only(wasm.sections(module), section_id)


def test_lean_keeps_the_exports_that_its_runtime_and_launcher_use(module: bytes) -> None:
    exports = [e.name for e in wasm.read_exports(module, section(module, wasm.SectionId.EXPORT))]
    assert set(exports) - {b"__indirect_function_table"} == EXPORTED


def test_every_compiled_function_of_lean_has_a_symbol(module: bytes, symbols: dict[bytes, int]) -> None:
    assert len(symbols) > 200_000
    table = wasm.read_table(module, section(module, wasm.SectionId.TABLE))
    for name in (b"lean_mk_string", b"l_Lean_Elab_Command_elabCommandTopLevel___boxed", b"lean_add_decl"):
        assert 0 < symbols[name] < table.minimum


def test_the_function_table_of_lean_has_free_entries(module: bytes) -> None:
    table = wasm.read_table(module, section(module, wasm.SectionId.TABLE))
    elements = wasm.read_elements(module, section(module, wasm.SectionId.ELEMENT))
    assert table.minimum == len(elements) + 1
    assert table.maximum == table.minimum + FREE_TABLE_ENTRIES >= table.minimum + 4096


def test_leans_unchecked_additions_call_the_checked_ones(module: bytes, symbols: dict[bytes, int]) -> None:
    elements = wasm.read_elements(module, section(module, wasm.SectionId.ELEMENT))
    imported = wasm.count_imports(module, section(module, wasm.SectionId.IMPORT))[wasm.Kind.FUNCTION]
    bodies = list(wasm.function_bodies(module, section(module, wasm.SectionId.CODE)))
    for unchecked, checked in CHECKING.items():
        start, end = bodies[elements[symbols[unchecked] - 1] - imported]
        assert module[start:end] == wasm.forwarding_body(end - start, elements[symbols[checked] - 1])


def test_an_option_that_switches_the_kernel_off_proves_nothing(repl: Repl) -> None:
    unchecked = "set_option debug.skipKernelTC true\ntheorem one_is_two : 1 = 2 := by decide +kernel"
    answer = repl.command(unchecked)
    assert isinstance(answer, CommandResponse)
    assert answer.errors


def test_equation_lemmas_that_lean_adds_unchecked_can_be_used(repl: Repl) -> None:
    twice = "def twice : Nat → Nat\n  | 0 => 0\n  | n + 1 => twice n + 2\n"
    answer = repl.command(twice + "example : twice 0 = 0 := by rw [twice]")
    assert isinstance(answer, CommandResponse)
    assert not answer.messages


def test_the_locals_of_a_function_that_asks_stay_as_they_were() -> None:
    body = bytes([1, 3, 0x7F, 0x20, 1, 0x0B])  # one parameter, three locals; returns the first local
    asks = bytes([2, 3, 0x7F, 1, 0x7F, 0x20, 0, 0x10, 9, 0x22, 4, 0x04, 0x40, 0x20, 4, 0x0F, 0x0B])
    assert wasm.asking_body(body, 9) == asks + bytes([0x20, 1, 0x0B])


def test_the_memory_of_lean_may_be_all_that_32_bits_address(module: bytes) -> None:
    imports = section(module, wasm.SectionId.IMPORT)
    (memory,) = [i for i in wasm.read_imports(module, imports) if i.kind is wasm.Kind.MEMORY]
    initial, at = wasm.read_unsigned(module, memory.end + 2)
    assert (initial, wasm.read_unsigned(module, at)[0]) == (256, MOST_PAGES)
    assert MOST_PAGES * 65536 == 2**32
