// One thread's instance of Lean's module. What the module may call is listed here and in the files named here; all else that it
// imports (sockets, processes, dynamic libraries, JavaScript text) does not exist and traps.
'use strict';

const trampoline = require('./trampoline.cjs');
const controls = require('./control.cjs');
const symbols = require('./symbols.cjs');

const ENOSYS = 52;
// Imports whose address the module takes: [parameters].
const ADDRESSED = { exit: 1, __cxa_throw: 3, __cxa_end_catch: 0, __cxa_rethrow: 0 };

const absent = name => name.startsWith('__syscall_')
  ? () => -ENOSYS
  : () => { throw new WebAssembly.RuntimeError(`${name} does not exist here`); };

/**
 * shared: { module, memory, symbols, control, root, modules, maximum }, the same for every thread; `threads` finds the imports that start and
 * end threads; `end(words)` ends the process for what Lean code did.
 */
module.exports = (shared, threads, end) => {
  const { module, memory, root, modules, maximum } = shared;
  const heap = require('./heap.cjs')(memory), control = controls.open(shared.control), find = symbols.finder(shared.symbols);
  let exports = null, table = null;
  const exported = name => exports[name];
  const entries = [];
  const entry = index => entries[index] ??= table.get(index);

  const exceptions = require('./exceptions.cjs')({ heap, entry, exported });
  const files = require('./files.cjs')({ heap, root, modules });
  const system = require('./system.cjs')({ heap, memory, maximum, control, end });
  const bindings = require('./bindings.cjs')({ heap, find, entry, hasModules: Boolean(modules) });
  let regions = () => 0;
  const own = { stepprove_interpreting: control.interpreted, stepprove_regions: files => regions(files) };
  const parts = [exceptions, files, system, bindings, threads, { find: name => own[name] ?? null }];
  const provided = name => {
    for (const part of parts) { const found = part.find(name); if (found) return found; }
    return absent(name);
  };

  const imports = {}, addresses = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    if (kind === 'memory') imports[from][name] = memory;
    else if (kind === 'global') {
      const address = Math.max(0, find(name));                   // 0: calling it traps
      imports[from][name] = addresses[name] = new WebAssembly.Global({ value: 'i32', mutable: true }, address);
    } else imports[from][name] = provided(name);
  }
  exports = new WebAssembly.Instance(module, imports).exports;
  table = exports.__indirect_function_table;
  for (const [name, arity] of Object.entries(ADDRESSED)) {
    addresses[name].value = table.grow(1);
    table.set(addresses[name].value, trampoline(arity, false, provided(name)));
  }

  return {
    heap, control, exports, table, entry, find, malloc: exports.malloc, free: exports.free, describe: exceptions.describe, say: files.say,
    hasModules: Boolean(modules), collect: files.collect,
    /** `answer(files)` is asked before the files of a module are read: Lean's result, or 0 to have them read. */
    regions: answer => { regions = answer; },
    /** A closure's place in the table: a function of `arity` objects that calls `f`. */
    callback: (arity, f) => { const index = table.grow(1); table.set(index, trampoline(arity, true, f)); return index; },
  };
};
