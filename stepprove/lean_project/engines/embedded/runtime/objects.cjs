// Lean objects seen from JavaScript: reading and making them, and calling the functions that Lean compiled.
//
// A Lean object is an address in wasm memory (even; a number of 32 bits with a sign, as WebAssembly gives it) or a boxed scalar (odd). Unless said otherwise a function here takes
// ownership of the objects it is given, as Lean's own compiled `X___boxed` functions do.
'use strict';

const CLOSURE_TAG = 245, ARRAY_TAG = 246;
const FORMAT_WIDTH = 120;                  // Std.Format.defWidth

module.exports = runtime => {
  const { malloc, free, callback } = runtime;
  let H32, H8;
  const heap = () => { ({ H32, U8: H8 } = runtime.heap.refresh()); };
  heap();

  const symbol = name => {
    const value = runtime.find(name);
    if (value < 0) throw new Error(`this build of Lean has no ${name}`);
    return value;
  };
  const functions = new Map(), owned = new Map();
  const raw = name => {
    let f = functions.get(name);
    if (!f) functions.set(name, f = runtime.entry(symbol(name)));
    return f;
  };
  // The variant of a function that owns all its arguments, all boxed.
  const own = name => {
    let f = owned.get(name);
    if (!f) owned.set(name, f = raw(runtime.find(name + '___boxed') >= 0 ? name + '___boxed' : name));
    return f;
  };
  const call = (name, ...args) => { const result = own(name)(...args); heap(); return result; };

  const box = n => (n << 1) | 1, unbox = o => o >>> 1, isSc = o => (o & 1) === 1;
  const inc = o => {
    if (isSc(o)) return o;
    const count = H32[o >>> 2];
    if (count > 0) H32[o >>> 2] = count + 1; else if (count) Atomics.sub(H32, o >>> 2, 1);   // negative: shared between threads
    return o;
  };
  const dec = o => {
    if (isSc(o)) return;
    const count = H32[o >>> 2];
    if (count > 1) H32[o >>> 2] = count - 1; else if (count) { raw('lean_dec_ref_cold')(o); heap(); }
  };
  const tag = o => H8[(o + 7) >>> 0];
  const fld = (o, i) => H32[(o + 8 + 4 * i) >>> 2];
  const setField = (o, i, x) => { H32[(o + 8 + 4 * i) >>> 2] = x; };   // what was there is not let go
  const take = (o, i) => { const field = inc(fld(o, i)); dec(o); return field; };
  // Scalar fields are bytes after the object fields.
  const fields = o => H8[(o + 6) >>> 0];
  const scalar = (o, offset) => H8[(o + 8 + 4 * fields(o) + offset) >>> 0];
  const setScalar = (o, offset, byte) => { H8[(o + 8 + 4 * fields(o) + offset) >>> 0] = byte; };

  const allocate = size => { const o = raw('lean_alloc_object')((size + 7) & ~7); heap(); return o; };
  const header = (o, tagged, other) => { H32[o >>> 2] = 1; H32[(o + 4) >>> 2] = 0; H8[(o + 7) >>> 0] = tagged; H8[(o + 6) >>> 0] = other; };
  const mkCtor = (tagged, objects, scalars = []) => {
    const size = 8 + 4 * objects.length + scalars.length, o = allocate(size);
    header(o, tagged, objects.length);
    H32[(o + 4) >>> 2] |= (size + 7) & ~7;                        // u16: what Lean copies when the kernel shares equal terms
    objects.forEach((x, i) => { H32[(o + 8 + 4 * i) >>> 2] = x; });
    scalars.forEach((x, i) => { H8[(o + 8 + 4 * objects.length + i) >>> 0] = x; });
    return o;
  };
  // A copy of a constructor object with some fields replaced; `scalars` bytes follow its object fields.
  const withFields = (o, replaced, scalars = 0) => {
    const count = fields(o);
    const copied = Array.from({ length: count }, (_, i) => i in replaced ? replaced[i] : inc(fld(o, i)));
    const copy = mkCtor(tag(o), copied, Array.from({ length: scalars }, (_, i) => scalar(o, i)));
    dec(o);
    return copy;
  };
  const mkArr = items => {
    const room = Math.max(1, items.length), o = allocate(16 + 4 * room);
    header(o, ARRAY_TAG, 0);
    H32[(o + 8) >>> 2] = items.length; H32[(o + 12) >>> 2] = room;
    items.forEach((x, i) => { H32[(o + 16 + 4 * i) >>> 2] = x; });
    return o;
  };
  const arrSize = o => H32[(o + 8) >>> 2], arrGet = (o, i) => H32[(o + 16 + 4 * i) >>> 2];
  const array = o => Array.from({ length: arrSize(o) }, (_, i) => arrGet(o, i));
  const list = o => { const out = []; for (; !isSc(o); o = fld(o, 1)) out.push(fld(o, 0)); return out; };
  const mkList = items => items.reduceRight((tail, head) => mkCtor(1, [head, tail]), box(0));
  const some = x => mkCtor(1, [x]), none = box(0);
  const pair = (a, b) => mkCtor(0, [a, b]);

  const mkStr = text => {
    const bytes = Buffer.from(text, 'utf8'), p = malloc(bytes.length + 1) >>> 0;
    heap(); H8.set(bytes, p); H8[p + bytes.length] = 0;
    const o = raw('lean_mk_string_from_bytes')(p, bytes.length);
    free(p); heap();
    return o;
  };
  const str = o => { const size = H32[(o + 8) >>> 2], at = (o + 20) >>> 0; return Buffer.from(H8.slice(at, at + size - 1)).toString('utf8'); };
  const takeStr = o => { const text = str(o); dec(o); return text; };
  const name = text => call('l_String_toName', mkStr(text));
  const truth = o => o === box(1);
  const pretty = format => takeStr(call('l_Std_Format_pretty', format, box(FORMAT_WIDTH), box(0), box(0)));
  const persistentArray = o => call('l_Lean_PersistentArray_toArray___redArg', inc(o));   // an owned array; `o` is borrowed
  const nameStr = o => takeStr(call('l_Lean_Name_toString', inc(o), box(1)));
  const constant = symbolName => inc(H32[symbol(symbolName) >>> 2]);   // a compiled top-level value

  class LeanError extends Error {}
  // The value of an EIO/IO result, or a LeanError with Lean's words.
  const io = result => {
    if (tag(result) === 0) return take(result, 0);
    throw new LeanError(takeStr(call('lean_io_error_to_string', take(result, 0))));
  };
  const ok = value => mkCtor(0, [value]);
  const newRef = value => { const ref = raw('lean_st_mk_ref')(value); heap(); return ref; };
  const readRef = ref => { const value = raw('lean_st_ref_get')(ref); heap(); return value; };

  // JavaScript functions as Lean closures: each arity has one compiled function, which calls back by number.
  const callbacks = new Map();
  let next = 0;
  const places = new Map();
  const placeFor = arity => {
    const dispatch = (id, ...args) => { heap(); return callbacks.get(unbox(id))(...args); };
    if (!places.has(arity)) places.set(arity, callback(arity, dispatch));
    return places.get(arity);
  };
  const makeClosure = (arity, id) => {
    const o = allocate(20);
    header(o, CLOSURE_TAG, 0);
    H32[(o + 8) >>> 2] = placeFor(arity + 1);
    H32[(o + 12) >>> 2] = (arity + 1) | (1 << 16);                // u16 arity, u16 number of arguments already there
    H32[(o + 16) >>> 2] = box(id);
    return o;
  };
  /** A Lean closure of `arity` owned arguments that calls `f`, for as long as the process lives. */
  const closure = (arity, f) => { callbacks.set(next, f); return makeClosure(arity, next++); };
  /** Run `body` with a Lean closure that calls `f` and must not outlive it. */
  const withClosure = (arity, f, body) => {
    const id = next++;
    callbacks.set(id, f);
    try { return body(makeClosure(arity, id)); } finally { callbacks.delete(id); }
  };

  return {
    heap, symbol, raw, own, call, malloc, regions: runtime.regions, hasModules: runtime.hasModules, collect: runtime.collect,
    box, unbox, isSc, truth, inc, dec, tag, fld, setField, take, scalar, setScalar, mkCtor, withFields,
    mkArr, arrSize, arrGet, array, persistentArray, list, mkList, some, none, pair, mkStr, str, takeStr, name, nameStr, pretty,
    constant, io, ok, newRef, readRef, closure, withClosure, LeanError,
    get H32() { return H32; }, get H8() { return H8; },
  };
};
