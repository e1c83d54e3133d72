// A thread of the engine, as a worker of Node: it waits until it is told to run a thread of Lean's, or the driver.
'use strict';

const { parentPort, workerData } = require('worker_threads');
const ended = require('./ended.cjs');

const UNWIND = Symbol('back to the event loop');
const [STACK_END, STACK_SIZE] = [52, 56];    // of emscripten's struct pthread
const TRY_AGAIN = 6;
const MOST_THREADS = 32;

const say = message => parentPort.postMessage(message);
const functions = {
  __pthread_create_js: (pointer, _, start, argument) => {
    if (!lean.control.threadBegins(MOST_THREADS)) return TRY_AGAIN;
    say({ spawn: { pointer, start, argument } });
    return 0;
  },
  _emscripten_thread_cleanup: pointer => say({ cleanup: pointer }),
  _emscripten_thread_exit_joinable: () => {},
  _emscripten_thread_set_strongref: () => {},
  _emscripten_thread_mailbox_await: () => {},
  _emscripten_notify_mailbox_postmessage: () => {},
  _emscripten_runtime_keepalive_clear: () => {},
  emscripten_check_blocking_allowed: () => {},
  emscripten_unwind_to_js_event_loop: () => { throw UNWIND; },
  emscripten_exit_with_live_runtime: () => { throw UNWIND; },
};
const lean = require('./instance.cjs')(
  workerData, { find: name => Object.hasOwn(functions, name) ? functions[name] : null }, words => ended.byLean(lean, words));

const enter = pointer => {
  const { U32 } = lean.heap.refresh(), end = U32[(pointer + STACK_END) >>> 2], size = U32[(pointer + STACK_SIZE) >>> 2];
  lean.exports.emscripten_stack_set_limits(end, end - size);
  lean.exports._emscripten_stack_restore(end);
  lean.exports._emscripten_thread_init(pointer, 0, 0, 1, 0, 0);
  lean.exports._emscripten_tls_init();
};

parentPort.on('message', ({ pointer, start, argument, driver }) => {
  enter(pointer);
  try {
    if (driver) require(driver)(lean);
    else lean.exports._emscripten_thread_exit(lean.entry(start)(argument));
  } catch (error) {
    if (error !== UNWIND) ended.byTrap(lean, error);
  }
  lean.control.threadEnds();
});
