// The engine's own thread: starts Lean, then answers requests until standard input ends.
//
// A request is a JSON object, an answer one line of JSON; a blank line follows each. Where a request's first line is `#token T`, that of
// its answer is `#token T N`: T is in no memory that Lean code can reach, and N counts the bodies of code that Lean's interpreter
// has run in this process. Any exception but those that stand for an answer means that compiled code was left half-way (a trap,
// a stack overflow): nothing it touched can be trusted, so the process ends.
'use strict';

const fs = require('fs');
const readline = require('./lines.cjs');

const INITIALIZER_BYTES = 64;
const TASK_THREADS = 1;

const startLean = lean => {
  const { call, raw, box, mkStr, heap, io } = lean;
  raw('_ZN4lean11initializerC1Ev')(lean.malloc(INITIALIZER_BYTES));
  heap();
  io(call('l_Lean_initSearchPath', mkStr('/lean'), lean.mkList(lean.hasModules ? ['/lean/lib/lean', '/modules'].map(mkStr) : [])));
  io(raw('lean_enable_initializer_execution')());
  raw('lean_io_mark_end_initialization')();
  raw('lean_init_task_manager_using')(TASK_THREADS);
  heap();
};

// Writes all of it, however slowly the client reads.
const send = (answer, first = '') => {
  const bytes = Buffer.from(`${first}${JSON.stringify(answer)}\n\n`);
  for (let at = 0; at < bytes.length;) {
    try { at += fs.writeSync(1, bytes, at); } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      readline.pause();
    }
  }
};

const end = signal => process.kill(process.pid, signal);   // process.exit() would end this thread only

module.exports = runtime => {
  const begun = Date.now();
  try {
    const lean = require('../runtime/objects.cjs')(runtime);
    startLean(lean);
    const session = require('./session.cjs')(lean);
    send({ ready: true, milliseconds: Date.now() - begun });
    for (const { token, text } of readline.requests()) {
      const answer = session.answer(text);
      send(answer, token === null ? '' : `#token ${token} ${runtime.control.programs()}\n`);
    }
  } catch (error) {
    if (error.code === 'EPIPE') end('SIGKILL');
    throw error;                             // the thread says how it ended
  }
  end('SIGTERM');
};
