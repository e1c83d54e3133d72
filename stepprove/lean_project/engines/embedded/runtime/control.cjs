// What the threads of one engine share beside the module's memory, where no compiled code can write: a few counters.
'use strict';

const [PROGRAMS, THREADS, STARVED] = [0, 1, 2];
const COUNT = 3;

/** Fresh counters. */
const create = () => new SharedArrayBuffer(4 * COUNT);

module.exports = {
  create,
  /** The counters of an engine: how many bodies of code were interpreted, the threads that run, whether memory was refused. */
  open: shared => {
    const cells = new Int32Array(shared);
    return {
      interpreted: () => { Atomics.add(cells, PROGRAMS, 1); },
      programs: () => Atomics.load(cells, PROGRAMS),
      threadBegins: most => Atomics.add(cells, THREADS, 1) < most || (Atomics.sub(cells, THREADS, 1), false),
      threadEnds: () => { Atomics.sub(cells, THREADS, 1); },
      starve: () => { Atomics.store(cells, STARVED, 1); },
      starved: () => Atomics.load(cells, STARVED) === 1,
    };
  },
};
