// Time, chance, memory and the end of the process: what compiled code may ask of the machine.
'use strict';

const crypto = require('crypto');

const EINVAL = 28;
const [REALTIME, CLOCKS] = [0, 4];
const PAGE = 65536, MOST_GROWTH = 96 << 20;
const now = () => performance.timeOrigin + performance.now();   // the same in every thread

module.exports = ({ heap, memory, maximum, control, end }) => {
  const calendar = (seconds, address, utc) => {
    const date = new Date(Number(seconds) * 1000), { H32 } = heap.refresh();
    const start = Date.UTC(date.getUTCFullYear(), 0, 1);
    const fields = [date.getUTCSeconds(), date.getUTCMinutes(), date.getUTCHours(), date.getUTCDate(), date.getUTCMonth(),
      date.getUTCFullYear() - 1900, date.getUTCDay(), Math.floor((date.getTime() - start) / 86_400_000), 0, 0];
    fields.forEach((value, i) => { H32[(address + 4 * i) >>> 2] = value; });
    return utc;
  };
  const functions = {
    emscripten_get_now: now,
    emscripten_date_now: () => Date.now(),
    clock_time_get: (clock, _, address) => {
      if (clock < 0 || clock >= CLOCKS) return EINVAL;
      heap.refresh().H64[address >>> 3] = BigInt(Math.round((clock === REALTIME ? Date.now() : now()) * 1e6));
      return 0;
    },
    clock_res_get: (_, address) => { heap.refresh().H64[address >>> 3] = 1000n; return 0; },
    uv__hrtime: () => process.hrtime.bigint(),
    _tzset_js: (zone, daylight, standard, summer) => {           // UTC: a proof does not depend on where it is checked
      const { H32 } = heap.refresh();
      H32[zone >>> 2] = H32[daylight >>> 2] = 0;
      heap.writeText('UTC', standard, 4);
      heap.writeText('UTC', summer, 4);
    },
    _gmtime_js: (seconds, address) => { calendar(seconds, address); },
    _localtime_js: (seconds, address) => { calendar(seconds, address); },
    random_get: (address, size) => { heap.refresh().U8.set(crypto.randomBytes(size >>> 0), address >>> 0); return 0; },
    emscripten_get_heap_max: () => maximum,
    emscripten_resize_heap: wanted => {
      const size = memory.buffer.byteLength, needed = wanted >>> 0;
      const roomy = Math.min(maximum, Math.max(needed, Math.min(size * 1.2, needed + MOST_GROWTH)));
      for (const goal of [roomy, needed]) {
        if (goal > maximum) continue;
        try { memory.grow(Math.ceil((goal - size) / PAGE)); heap.refresh(); return 1; } catch { /* try for less */ }
      }
      control.starve();
      return 0;
    },
    emscripten_num_logical_cores: () => 2,
    _emscripten_get_progname: (address, size) => { heap.writeText('lean', address, size); },
    emscripten_asm_const_int: () => 0,                           // the build's own debug output
    exit: status => end(`Lean code ended the process with status ${status}`),
    proc_exit: status => end(`Lean code ended the process with status ${status}`),
    _abort_js: () => { throw new WebAssembly.RuntimeError('aborted'); },
    __assert_fail: (condition, file, line) => { throw new WebAssembly.RuntimeError(`${heap.text(file)}:${line}: ${heap.text(condition)}`); },
  };
  return { find: name => Object.hasOwn(functions, name) ? functions[name] : null };
};
