"""Make Lean's WebAssembly build start in seconds, and tell what its interpreter does: two small files out of a big one.

The stock build exports 201,000 functions; every thread of Node then makes a JavaScript object for each of
them, which costs minutes and gigabytes. Here nearly all exports are dropped, every function that was exported
is put in the table of functions instead (an array inside the module), and a sorted table of symbols says
where: the engine calls Lean's compiled functions by name through it. The package's own JavaScript is not used:
what the module may call is in `runtime/`.

Written to the target folder:
  lean.wasm   the module with few exports, in which whatever is added to Lean's environment is checked, in
              which the interpreter says that it interprets and what it looks up, and which may grow to 4 GB
  symtab.bin  u32 n | n times (u32 offset of the name, i32 value), sorted by name | u32 end offset | names;
              little-endian; the value is an entry of the function table, or an address of data
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stepprove.lean_project.engines.embedded import wasm

EXPORTED = frozenset(
    [
        *(b"__wasm_call_ctors", b"malloc", b"free"),
        *(b"pthread_create", b"pthread_attr_init", b"pthread_attr_setstacksize"),
        *(b"_emscripten_thread_init", b"_emscripten_thread_exit", b"_emscripten_thread_free_data"),
        *(b"_emscripten_tls_init", b"_emscripten_tempret_set", b"setThrew"),
        *(b"emscripten_stack_get_current", b"emscripten_stack_set_limits", b"_emscripten_stack_restore"),
        *(b"__cxa_can_catch", b"__cxa_get_exception_ptr", b"__get_exception_message"),
        *(b"__cxa_increment_exception_refcount", b"__cxa_decrement_exception_refcount"),
    ]
)
"""What `runtime/` calls by its exported name."""
# Each function that adds a declaration without asking the kernel, and the one that asks. By the first comes
# `set_option debug.skipKernelTC true`, and Lean itself when it makes equation lemmas on demand (and checks
# them later). Here the first calls the second, so that nothing enters an environment unchecked:
# f(environment, declaration) becomes g(environment, 0, declaration, none), with no limit and no cancelling.
CHECKING = {
    b"lean_add_decl_without_checking": b"lean_add_decl",
    b"lean_elab_add_decl_without_checking": b"lean_elab_add_decl",
}
# Functions that announce themselves: each begins with a call of an import with its first parameters. The imports are ones that
# Lean never calls (promises of the browser's, dynamic libraries), under a new name.
INTERPRETING, LOOKUP = b"stepprove_interpreting", b"stepprove_lookup"
INITIALIZING = b"stepprove_initializing"
REGIONS = b"stepprove_regions"
RENAMED = {
    b"emscripten_promise_destroy": INTERPRETING,
    b"emscripten_promise_resolve": LOOKUP,
    b"_emscripten_dlsync_threads": INITIALIZING,
    b"uv__io_fork": REGIONS,
}
ANNOUNCED = {
    b"_ZN4lean2ir11interpreter9eval_bodyERKNS_10object_refE": (INTERPRETING, 1),
    b"_ZN4lean2ir11interpreter13lookup_symbolERKNS_4nameE": (LOOKUP, 3),
    b"lean_run_mod_init_core": (INITIALIZING, 0),
}
# Functions of one parameter that ask an import first: its answer, unless it is 0, is what they return. It keeps the modules that
# were read once, so that the next import takes them from memory.
ASKING = {b"lean_read_module_data_parts": REGIONS}
MOST_PAGES = 65536
"""The most memory that the module takes, in pages of 64 KiB: all that 32 bits address. The launcher decides how much it gets."""
# Entries left free in the function table for functions that the engine adds while it runs.
FREE_TABLE_ENTRIES = 8192


@dataclass(frozen=True, slots=True)
class Slimmed:
    """What slimming did: counts, for the record that is kept beside the files."""

    exports_before: int
    exports_after: int
    symbols: int
    checked: int


def slim(package: Path, target: Path) -> Slimmed:
    """Read `lean.wasm` in `package`; write the two files into the folder `target`.

    Raises `WasmError` when the package is not the build that this code knows.
    """
    result, symbols = slim_module(package / "lean.wasm", target / "lean.wasm")
    (target / "symtab.bin").write_bytes(symbol_table(symbols))
    return result


def slim_module(
    source: Path, target: Path, keep: frozenset[bytes] = EXPORTED
) -> tuple[Slimmed, list[tuple[bytes, int]]]:
    """Write the module at `source` to `target` with the exports `keep` and its table.

    Returns the counts, and all that was exported: (name, entry of the function table or address of data).
    Raises `WasmError` when the module is not the build that this code knows.
    """
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as module:
        return _slim_module(module, target, keep)


def _slim_module(
    module: mmap.mmap, target: Path, keep: frozenset[bytes]
) -> tuple[Slimmed, list[tuple[bytes, int]]]:
    found = wasm.sections(module)
    imports = wasm.count_imports(module, wasm.only(found, wasm.SectionId.IMPORT))
    exports = wasm.read_exports(module, wasm.only(found, wasm.SectionId.EXPORT))
    values = wasm.read_globals(module, wasm.only(found, wasm.SectionId.GLOBAL))
    functions = wasm.read_elements(module, wasm.only(found, wasm.SectionId.ELEMENT))
    table = wasm.read_table(module, wasm.only(found, wasm.SectionId.TABLE))

    symbols = _place_in_table(exports, functions, values, imports[wasm.Kind.GLOBAL])
    kept = [export for export in exports if export.name in keep or export.kind == wasm.Kind.TABLE]
    entries = max(len(functions) + 1, table.minimum)
    index = {e.name: e.index for e in exports if e.kind == wasm.Kind.FUNCTION}
    for name in (*CHECKING, *CHECKING.values(), *ANNOUNCED, *ASKING):
        if name not in index:
            raise wasm.WasmError(f"the module lacks {name.decode()}, which is to be changed")
    imported = wasm.only(found, wasm.SectionId.IMPORT)
    called = [item.name for item in wasm.read_imports(module, imported) if item.kind == wasm.Kind.FUNCTION]
    hooks = {new: called.index(old) for old, new in RENAMED.items() if old in called}
    first_defined = imports[wasm.Kind.FUNCTION]
    changes: dict[int, Callable[[bytes], bytes]] = {}
    for unchecked, checked in CHECKING.items():
        changes[index[unchecked] - first_defined] = partial(_forward, function=index[checked])
    for name, hook in ASKING.items():
        changes[index[name] - first_defined] = partial(wasm.asking_body, function=hooks[hook])
    replaced: dict[int, bytes] = {
        wasm.SectionId.IMPORT: wasm.changed_imports(module, imported, RENAMED, MOST_PAGES),
        wasm.SectionId.TABLE: wasm.write_table(wasm.Table(entries, entries + FREE_TABLE_ENTRIES)),
        wasm.SectionId.EXPORT: wasm.write_exports(kept),
        wasm.SectionId.ELEMENT: wasm.write_elements(functions),
    }
    for name, (hook, parameters) in ANNOUNCED.items():
        announcing = partial(wasm.announcing_body, function=hooks[hook], parameters=parameters)
        changes[index[name] - first_defined] = announcing
    with target.open("wb") as out:
        out.write(wasm.HEADER)
        for section in found:
            payload = replaced.get(section.id)
            edits = _new_bodies(module, section, changes) if section.id == wasm.SectionId.CODE else []
            grown = sum(len(body) - (end - start) for start, end, body in edits)
            size = section.end - section.start + grown if payload is None else len(payload)
            out.write(wasm.section_header(section.id, size))
            if payload is not None:
                out.write(payload)
                continue
            written = section.start
            for start, end, body in edits:
                out.write(module[written:start])
                out.write(body)
                written = end
            out.write(module[written : section.end])
    return Slimmed(len(exports), len(kept), len(symbols), len(CHECKING)), symbols


def _place_in_table(
    exports: list[wasm.Export], functions: list[int], values: list[int | None], imported_globals: int
) -> list[tuple[bytes, int]]:
    """Add every exported function to `functions` (the table from entry 1 on); list all symbols."""
    entry = {function: at for at, function in reversed(list(enumerate(functions, start=1)))}
    symbols: list[tuple[bytes, int]] = []
    for export in exports:
        if export.kind == wasm.Kind.FUNCTION:
            if export.index not in entry:
                functions.append(export.index)
                entry[export.index] = len(functions)
            symbols.append((export.name, entry[export.index]))
        elif export.kind == wasm.Kind.GLOBAL and export.index >= imported_globals:
            address = values[export.index - imported_globals]
            if address is not None:
                symbols.append((export.name, address))
    return symbols


def _forward(body: bytes, function: int) -> bytes:
    return wasm.forwarding_body(len(body), function)


def _new_bodies(
    module: mmap.mmap, code: wasm.Section, changes: dict[int, Callable[[bytes], bytes]]
) -> list[tuple[int, int, bytes]]:
    """What `changes` makes of some functions (counted from the first defined): (start, end, bytes), sizes included."""
    edits = []
    _, before = wasm.read_unsigned(module, code.start)
    for number, (start, end) in enumerate(wasm.function_bodies(module, code)):
        if number in changes:
            body = changes[number](module[start:end])
            edits.append((before, end, wasm.write_unsigned(len(body)) + body))
        before = end
    return edits


def symbol_table(symbols: list[tuple[bytes, int]]) -> bytes:
    """The bytes of `symtab.bin` (see the top of this file)."""
    ordered = sorted(symbols)
    entries = bytearray(struct.pack("<I", len(ordered)))
    names = bytearray()
    for name, value in ordered:
        entries += struct.pack("<Ii", len(names), value)
        names += name
    return bytes(entries + struct.pack("<I", len(names)) + names)
