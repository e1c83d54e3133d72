// Lean's compiled symbols by name: what symtab.bin (written by slim.py) holds, shared by all threads.
//
// symtab.bin: u32 n | n * (u32 offset of the name, i32 value) sorted by name | u32 end offset | names. The value is an entry of the
// table of functions, or an address of data.
'use strict';

const fs = require('fs');

/** The bytes of the file in memory that threads share. */
const load = file => {
  const bytes = fs.readFileSync(file), shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  return shared;
};

/** A function from a name to its value, or -1. */
const finder = shared => {
  const count = new Uint32Array(shared, 0, 1)[0];
  const entries = new Int32Array(shared, 4, 2 * count + 1), names = new Uint8Array(shared, 8 + 8 * count);
  const compare = (place, wanted) => {
    const start = entries[2 * place], size = entries[2 * place + 2] - start, both = Math.min(size, wanted.length);
    for (let i = 0; i < both; i++) { const order = names[start + i] - wanted[i]; if (order) return order; }
    return size - wanted.length;
  };
  return name => {
    const wanted = Buffer.from(name, 'latin1');
    let low = 0, high = count - 1;
    while (low <= high) {
      const middle = (low + high) >> 1, order = compare(middle, wanted);
      if (!order) return entries[2 * middle + 1];
      if (order < 0) low = middle + 1; else high = middle - 1;
    }
    return -1;
  };
};

module.exports = { load, finder };
