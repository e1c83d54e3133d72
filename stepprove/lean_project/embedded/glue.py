"""The JavaScript half of slimming: the emscripten glue without its 201,000 assignments.

emscripten writes one assignment for every export; they make 89 MB of script that Node needs seconds to read
in every thread. Only those that the rest of the glue names are kept, and a few places are edited so that
symbols are found in `symtab.bin`. Every edit must match once: another build is refused, not half edited.
"""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass
from pathlib import Path

_ASSIGN = b"function assignWasmExports(wasmExports){"
_AFTER_ASSIGN = b"}var wasmImports;function assignWasmImports"
_STATEMENT = re.compile(rb"([\w$]+)=([^;]*)")
_IDENTIFIER = re.compile(rb"[A-Za-z_$][\w$]*")
_WASM_EXPORT = re.compile(rb'wasmExports\["([^"]+)"\]')
_MODULE_PROPERTY = re.compile(rb'Module\["[^"]+"\]=')
_DEBUG_PRINT = re.compile(rb'console\.log\("\[DEBUG:(?!ASSERT)')
_TABLE = b"wasmTable"
_MODULE = b'var Module=typeof Module!="undefined"?Module:{};'

# (text in the emscripten glue, text that replaces it). LeanCfg, LeanSym and LeanDriver come from hook.js.
_EDITS: tuple[tuple[bytes, bytes], ...] = (
    # Imports that the module itself satisfies are found through the prototype chain, not copied one by one.
    (b'mergeLibSymbols(wasmExports,"main");', b"Object.setPrototypeOf(wasmImports,wasmExports);"),
    # Only the few symbols that the module asks for by address get a table entry, and theirs is known already.
    (
        b"var updateGOT=(exports,replace)=>{",
        b"var updateGOT=(exports,replace)=>{if(replace)return;for(const name in GOT){"
        b"const value=LeanSym.lookup(name);if(value>=0)GOT[name].value=value}return;",
    ),
    # The map from function to table entry starts empty: filling it would make a JavaScript object per entry.
    (
        b"functionsInTableMap=new WeakMap;updateTableMap(0,wasmTable.length)",
        b"functionsInTableMap=new WeakMap",
    ),
    (b"var pthreadPoolSize=4;", b"var pthreadPoolSize=LeanCfg.pool;"),
    (
        b'new Worker(pthreadMainJs,{workerData:"em-pthread",name:"em-pthread"})',
        b'new Worker(pthreadMainJs,{workerData:"em-pthread",name:"em-pthread",'
        b"env:worker_threads.SHARE_ENV,resourceLimits:LeanCfg.limits})",
    ),
    # A thread started with the marker as its argument runs our driver, not a compiled function.
    (
        b"try{invokeEntryPoint(msgData.start_routine,msgData.arg)}",
        b"try{if(msgData.arg===LeanCfg.DRIVER){LeanDriver()}"
        b"else invokeEntryPoint(msgData.start_routine,msgData.arg)}",
    ),
    # The symbol table is read once and shared with every thread.
    (b'cmd:"load",handlers,', b'cmd:"load",leanSym:LeanSym.sab,handlers,'),
    (
        b"dynamicLibraries=msgData.dynamicLibraries;",
        b"LeanSym.sab=msgData.leanSym;dynamicLibraries=msgData.dynamicLibraries;",
    ),
    (b'resolveGlobalSymbol("main").sym', b'resolveGlobalSymbol("__main_argc_argv").sym'),
    # Atomics.waitAsync does not reliably wake an idle event loop of Node; emscripten's other way does.
    (
        b"__emscripten_thread_mailbox_await=pthread_ptr=>{if(!waitAsyncPolyfilled)",
        b"__emscripten_thread_mailbox_await=pthread_ptr=>{if(false)",
    ),
)
_DLSYM_FROM, _DLSYM_TO = b"var __dlsym_js=", b"__dlsym_js.sig="
# Table entries are the same in every thread, so a symbol found needs no exchange between threads.
_DLSYM = (
    b"var __dlsym_js=(handle,symbol,symbolIndex)=>{const value=LeanSym.lookupPtr(symbol);"
    b'if(value<0){dlSetError("unknown symbol");return 0}return value};'
)


class GlueError(ValueError):
    """The script is not the emscripten glue of the Lean build that this package knows."""


@dataclass(frozen=True, slots=True)
class Glue:
    """The small glue, and the names of the exports that it uses."""

    script: bytes
    exports: frozenset[bytes]


def slim_glue(source: Path, hook: bytes) -> Glue:
    """Cut the per-export assignments from the glue at `source` and paste `hook` in at its start.

    Raises `GlueError` when the script differs from the build that the edits were written for.
    """
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        assign = text.find(_ASSIGN)
        after = text.find(_AFTER_ASSIGN, assign)
        names = text.rfind(b"var ", 0, max(assign, 0))
        if min(assign, after, names) < 0:
            raise GlueError(f"{source.name} has no list of exports")
        before, behind = text[:names], text[after:]
        used = frozenset(_IDENTIFIER.findall(before)) | frozenset(_IDENTIFIER.findall(behind))
        kept: list[bytes] = []
        assignments: list[bytes] = []
        for statement in _STATEMENT.finditer(text, assign + len(_ASSIGN), after):
            if statement[1] in used or _TABLE in statement[2]:
                kept.append(statement[1])
                assignments.append(_MODULE_PROPERTY.sub(b"", statement[0], count=1))
    exports = frozenset(_WASM_EXPORT.findall(b";".join([before, behind, *assignments])))
    declared = dict.fromkeys([*kept, _TABLE])
    script = before + b"var " + b",".join(declared) + b";" + _ASSIGN + b";".join(assignments) + behind
    return Glue(_edit(script, hook), exports)


def _edit(script: bytes, hook: bytes) -> bytes:
    for old, new in (*_EDITS, (_MODULE, b"var Module={};" + hook)):
        if script.count(old) != 1:
            raise GlueError(f"the glue has {script.count(old)} places like {old.decode()!r}, not one")
        script = script.replace(old, new)
    start, end = script.find(_DLSYM_FROM), script.find(_DLSYM_TO)
    if not 0 <= start < end:
        raise GlueError("the glue has no dlsym")
    script = script[:start] + _DLSYM + script[end:]
    # The build prints its way through start-up; standard output is the protocol's.
    return _DEBUG_PRINT.sub(b'void("[DEBUG:', script)
