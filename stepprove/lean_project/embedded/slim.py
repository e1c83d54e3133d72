"""Make Lean's WebAssembly build start in seconds: three small files out of the two in the npm package.

The stock build exports 201,000 functions; every thread of Node then makes a JavaScript object for each of
them, which costs minutes and gigabytes. Here nearly all exports are dropped, every function that was exported
is put in the table of functions instead (an array inside the module), and a sorted table of symbols says
where: the engine calls Lean's compiled functions by name through it.

Written to the target folder:
  lean.wasm   the module with few exports, and in which whatever is added to Lean's environment is checked
  leanrt.cjs  the glue script that starts it
  symtab.bin  u32 n | n times (u32 offset of the name, i32 value), sorted by name | u32 end offset | names;
              little-endian; the value is an entry of the function table, or an address of data
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stepprove.lean_project.embedded import wasm
from stepprove.lean_project.embedded.glue import slim_glue

# What the launcher calls by export although the glue does not name it.
ALWAYS_EXPORTED = frozenset(
    [
        b"__main_argc_argv",
        b"pthread_create",
        b"pthread_attr_init",
        b"pthread_attr_setstacksize",
        b"malloc",
        b"free",
    ]
)
# emscripten's runtime finds its own exports under these prefixes.
RUNTIME_PREFIXES = (b"__wasm", b"_emscripten", b"__tls", b"emscripten")
# Each function that adds a declaration without asking the kernel, and the one that asks. By the first comes
# `set_option debug.skipKernelTC true`, and Lean itself when it makes equation lemmas on demand (and checks
# them later). Here the first calls the second, so that nothing enters an environment unchecked:
# f(environment, declaration) becomes g(environment, 0, declaration, none), with no limit and no cancelling.
CHECKING = {
    b"lean_add_decl_without_checking": b"lean_add_decl",
    b"lean_elab_add_decl_without_checking": b"lean_elab_add_decl",
}
# Entries left free in the function table for functions that the engine adds while it runs.
FREE_TABLE_ENTRIES = 8192


@dataclass(frozen=True, slots=True)
class Slimmed:
    """What slimming did: counts, for the record that is kept beside the files."""

    exports_before: int
    exports_after: int
    symbols: int
    checked: int


def slim(package: Path, target: Path, hook: bytes) -> Slimmed:
    """Read `lean.js` and `lean.wasm` in `package`; write the three files into the folder `target`.

    `hook` is JavaScript pasted at the start of the glue; it must define LeanCfg, LeanSym and LeanDriver.
    Raises `WasmError` or `GlueError` when the package is not the build that this code knows.
    """
    glue = slim_glue(package / "lean.js", hook)
    (target / "leanrt.cjs").write_bytes(glue.script)
    keep = glue.exports | ALWAYS_EXPORTED
    result, symbols = slim_module(package / "lean.wasm", target / "lean.wasm", keep)
    (target / "symtab.bin").write_bytes(symbol_table(symbols))
    return result


def slim_module(
    source: Path, target: Path, keep: frozenset[bytes]
) -> tuple[Slimmed, list[tuple[bytes, int]]]:
    """Write the module at `source` to `target` with the exports `keep` and those of emscripten's runtime.

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
    kept = [
        export
        for export in exports
        if export.name in keep or export.kind == wasm.Kind.TABLE or export.name.startswith(RUNTIME_PREFIXES)
    ]
    entries = max(len(functions) + 1, table.minimum)
    index = {e.name: e.index for e in exports if e.kind == wasm.Kind.FUNCTION}
    if missing := [name for pair in CHECKING.items() for name in pair if name not in index]:
        raise wasm.WasmError(f"the module lacks {missing[0].decode()}, through which Lean checks")
    first_defined = imports[wasm.Kind.FUNCTION]
    calls = {index[unchecked] - first_defined: index[checked] for unchecked, checked in CHECKING.items()}
    replaced: dict[int, bytes] = {
        wasm.SectionId.TABLE: wasm.write_table(wasm.Table(entries, entries + FREE_TABLE_ENTRIES)),
        wasm.SectionId.EXPORT: wasm.write_exports(kept),
        wasm.SectionId.ELEMENT: wasm.write_elements(functions),
    }
    with target.open("wb") as out:
        out.write(wasm.HEADER)
        for section in found:
            payload = replaced.get(section.id)
            size = section.end - section.start if payload is None else len(payload)
            out.write(wasm.section_header(section.id, size))
            if payload is not None:
                out.write(payload)
            elif section.id == wasm.SectionId.CODE:
                out.writelines(_with_calls(module, section, calls))
            else:
                out.write(module[section.start : section.end])
    return Slimmed(len(exports), len(kept), len(symbols), len(calls)), symbols


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


def _with_calls(module: mmap.mmap, code: wasm.Section, calls: dict[int, int]) -> Iterator[bytes]:
    """The code section's bytes; functions in `calls` (counted from the first defined) call others instead."""
    written = code.start
    for number, (start, end) in enumerate(wasm.function_bodies(module, code)):
        if number in calls:
            yield module[written:start]
            yield wasm.forwarding_body(end - start, calls[number])
            written = end
    yield module[written : code.end]


def symbol_table(symbols: list[tuple[bytes, int]]) -> bytes:
    """The bytes of `symtab.bin` (see the top of this file)."""
    ordered = sorted(symbols)
    entries = bytearray(struct.pack("<I", len(ordered)))
    names = bytearray()
    for name, value in ordered:
        entries += struct.pack("<Ii", len(names), value)
        names += name
    return bytes(entries + struct.pack("<I", len(names)) + names)
