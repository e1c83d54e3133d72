// The engine's main thread: compiles Lean's module, starts the driver on a thread of its own, and starts further threads when Lean asks.
//
//   STEPPROVE_LEAN_ROOT     the folder that holds lib/lean and nothing else: all that Lean code can see, read-only
//   STEPPROVE_LEAN_RUNTIME  the folder with lean.wasm and symtab.bin (made by slim.py)
//   STEPPROVE_LEAN_MODULES  a folder with the user's own modules, compiled; there may be none
//   STEPPROVE_LEAN_PAGES    the most memory that the module may have, in pages of 64 KiB (see memory.py); 2 GiB unless given
'use strict';

const fs = require('fs');
const path = require('path');
const { Worker } = require('worker_threads');
const controls = require('./runtime/control.cjs');
const ended = require('./runtime/ended.cjs');
const instantiate = require('./runtime/instance.cjs');
const symbols = require('./runtime/symbols.cjs');

const STACK_BYTES = 64 << 20;
const PARENT_CHECK_MS = 500;
const [FIRST_PAGES, USUAL_PAGES, MOST_PAGES, PAGE] = [256, 32768, 65535, 65536];   // at the last page, sizes would not fit 32 bits
const DRIVER = 0x1ea4d00d;                   // as a thread's argument: it runs our driver, not a compiled function
const ANY_ENTRY = 1;                         // that thread's start routine: never called
const THREAD = path.join(__dirname, 'runtime', 'thread.cjs');
const LIMITS = { maxOldGenerationSizeMb: 1024, stackSizeMb: 256 };   // Lean recurses deeply; a worker's own stack is 4 MB

/** The threads of Lean: workers, each used again for the next thread when its own has ended. */
const pool = shared => {
  const idle = [], running = new Map();      // by the address of the thread
  let lean = null;
  const add = () => {
    const worker = new Worker(THREAD, { workerData: shared, resourceLimits: LIMITS });
    worker.on('message', ({ spawn, cleanup }) => { if (spawn) run(spawn); else free(cleanup); });
    worker.on('error', error => ended.byTrap(lean, error));
    return worker;
  };
  const run = ({ pointer, start, argument }) => {
    const worker = idle.pop() ?? add();
    running.set(pointer, worker);
    worker.postMessage({ pointer, start, argument, driver: argument === DRIVER ? path.join(__dirname, 'session', 'driver.cjs') : null });
  };
  const free = pointer => {
    const worker = running.get(pointer);
    if (!worker) return;
    running.delete(pointer);
    lean.exports._emscripten_thread_free_data(pointer);
    idle.push(worker);
  };
  const functions = {
    __pthread_create_js: (pointer, _, start, argument) => { run({ pointer, start, argument }); return 0; },
    _emscripten_thread_cleanup: free,
    _emscripten_thread_exit_joinable: () => {},
    _emscripten_thread_set_strongref: () => {},
    _emscripten_thread_mailbox_await: () => {},
    _emscripten_notify_mailbox_postmessage: () => {},
    _emscripten_init_main_thread_js: pointer => {
      lean.exports._emscripten_thread_init(pointer, 1, 1, 1, PAGE, 0);
      lean.exports._emscripten_tls_init();
    },
    emscripten_check_blocking_allowed: () => {},
  };
  return {
    find: name => Object.hasOwn(functions, name) ? functions[name] : null,
    serve: instance => { lean = instance; idle.push(add()); },   // one worker ready before it is asked for
  };
};

const start = async () => {
  const runtime = process.env.STEPPROVE_LEAN_RUNTIME, pages = Math.min(MOST_PAGES, Number(process.env.STEPPROVE_LEAN_PAGES ?? USUAL_PAGES));
  const shared = {
    module: await WebAssembly.compile(fs.readFileSync(path.join(runtime, 'lean.wasm'))),
    memory: new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: pages, shared: true }),
    symbols: symbols.load(path.join(runtime, 'symtab.bin')),
    control: controls.create(),
    root: process.env.STEPPROVE_LEAN_ROOT,
    modules: process.env.STEPPROVE_LEAN_MODULES,
    maximum: pages * PAGE,
  };
  const threads = pool(shared);
  const lean = instantiate(shared, threads, words => ended.byLean(lean, words));
  threads.serve(lean);
  lean.exports.__wasm_call_ctors();
  const [thread, attributes] = [lean.malloc(4), lean.malloc(64)];
  lean.exports.pthread_attr_init(attributes);
  lean.exports.pthread_attr_setstacksize(attributes, STACK_BYTES);
  lean.exports.pthread_create(thread, attributes, ANY_ENTRY, DRIVER);
};

const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, PARENT_CHECK_MS);
start().catch(error => { fs.writeSync(2, `Lean cannot start: ${error && error.stack || error}\n`); process.exit(1); });
