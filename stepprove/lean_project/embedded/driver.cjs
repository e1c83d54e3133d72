// The engine's own thread: starts Lean, then answers requests until standard input ends.
//
// A request is a JSON object, an answer one line of JSON; a blank line follows each. Any exception but those that stand for an answer
// means that compiled code was left half-way (a trap, a stack overflow): nothing it touched can be trusted, so the process ends.
'use strict';

const fs = require('fs');
const readline = require('./lines.cjs');

const INITIALIZER_BYTES = 64;
const TASK_THREADS = 1;

const startLean = (evaluate, lean) => {
  const { call, raw, box, mkStr, heap, io } = lean;
  Object.assign(evaluate('ENV'), { LEAN_SYSROOT: '/lean', LEAN_PATH: '/lean/lib/lean' });
  raw('_ZN4lean11initializerC1Ev')(evaluate('_malloc')(INITIALIZER_BYTES));
  heap();
  io(call('l_Lean_initSearchPath', mkStr('/lean'), box(0)));
  io(raw('lean_enable_initializer_execution')());
  raw('lean_io_mark_end_initialization')();
  raw('lean_init_task_manager_using')(TASK_THREADS);
  heap();
};

// Writes all of it, however slowly the client reads.
const send = answer => {
  const bytes = Buffer.from(JSON.stringify(answer) + '\n\n');
  for (let at = 0; at < bytes.length;) {
    try { at += fs.writeSync(1, bytes, at); } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      readline.pause();
    }
  }
};

// C++ exceptions arrive as addresses.
const describe = (evaluate, error) =>
  typeof error === 'number' ? `C++ exception: ${evaluate('getExceptionMessage')(error).join(': ')}` : error && error.stack || error;

const end = signal => process.kill(process.pid, signal);   // process.exit() would end this thread only

module.exports = evaluate => {
  const begun = Date.now();
  try {
    const lean = require('./objects.cjs')(evaluate);
    startLean(evaluate, lean);
    const session = require('./session.cjs')(lean);
    send({ ready: true, milliseconds: Date.now() - begun });
    for (const request of readline.requests()) send(session.answer(request));
  } catch (error) {
    if (error.code !== 'EPIPE') fs.writeSync(2, `Lean's engine stops: ${describe(evaluate, error)}\n`);
    end('SIGKILL');
  }
  end('SIGTERM');
};
