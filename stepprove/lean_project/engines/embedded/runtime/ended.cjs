// How an engine ends before its time, and how the client can tell why: by the signal that the process dies of.
//
//   SIGUSR2   Lean code ended it: it asked to exit, or a program of the text's own crashed
//   SIGKILL   compiled code that interpreted no program crashed, or memory was refused: it says nothing about the text
'use strict';

const fs = require('fs');

const die = (signal, words) => {
  try { fs.writeSync(2, `${words}\n`); } catch { /* nobody listens */ }
  process.kill(process.pid, signal);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);   // nothing runs after this
};

const STACK_LINES = 4;
const describe = (lean, error) => typeof error === 'number'
  ? `C++ exception: ${lean.describe(error)}`
  : String(error && error.stack || error).split('\n').slice(0, STACK_LINES).join('\n');

module.exports = {
  /** Lean code asked to exit; when memory was refused, Lean itself did. */
  byLean: (lean, words) => die(lean.control.starved() ? 'SIGKILL' : 'SIGUSR2', lean.control.starved() ? `Lean ran out of memory: ${words}` : words),
  /** An exception that is no answer: compiled code was left half-way, and nothing it touched can be trusted. */
  byTrap: (lean, error) => die(
    lean.control.programs() && !lean.control.starved() ? 'SIGUSR2' : 'SIGKILL', `Lean's engine stops: ${describe(lean, error)}`),
};
