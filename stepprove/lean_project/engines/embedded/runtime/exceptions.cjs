// C++ exceptions: compiled code calls what may throw through `invoke_…`, and a throw is a JavaScript throw of the exception's address.
//
// Source: emscripten's exception handling in JavaScript (system/lib/libcxxabi, src/lib/libexceptions.js): the header of an exception
// lies below its address: type at -20, destructor at -16, caught at -12, rethrown at -11, adjusted pointer at -8.
'use strict';

const TYPE = -20, DESTRUCTOR = -16, CAUGHT = -12, RETHROWN = -11, ADJUSTED = -8;

module.exports = ({ heap, entry, exported }) => {
  const caught = [];                         // addresses, innermost last
  let last = 0, uncaught = 0;

  const thrown = (address, body) => {
    if (typeof address !== 'number') throw address;              // a trap, or our own
    exported('setThrew')(1, 0);
    return body;
  };
  // What a throw leaves behind is cleaned up by the caller: it looks at what `setThrew` was told.
  const guarded = call => {
    const stack = exported('emscripten_stack_get_current')();
    try { return call(); } catch (error) {
      exported('_emscripten_stack_restore')(stack);
      return thrown(error, undefined);
    }
  };
  /** `invoke_…` for one signature: the first letter is what it returns (j: a BigInt), one letter follows for each argument. */
  const invoke = signature => {
    const nothing = signature[0] === 'j' ? 0n : undefined, arity = signature.length - 1;
    const restore = (stack, error) => { exported('_emscripten_stack_restore')(stack); thrown(error); return nothing; };
    const mark = () => exported('emscripten_stack_get_current')();
    switch (arity) {                         // written out, since these are called all the time
      case 0: return f => { const s = mark(); try { return entry(f)(); } catch (e) { return restore(s, e); } };
      case 1: return (f, a) => { const s = mark(); try { return entry(f)(a); } catch (e) { return restore(s, e); } };
      case 2: return (f, a, b) => { const s = mark(); try { return entry(f)(a, b); } catch (e) { return restore(s, e); } };
      case 3: return (f, a, b, c) => { const s = mark(); try { return entry(f)(a, b, c); } catch (e) { return restore(s, e); } };
      case 4: return (f, a, b, c, d) => { const s = mark(); try { return entry(f)(a, b, c, d); } catch (e) { return restore(s, e); } };
      default: return (f, ...args) => { const s = mark(); try { return entry(f)(...args); } catch (e) { return restore(s, e); } };
    }
  };

  const result = (kind, address) => { exported('_emscripten_tempret_set')(kind); return address; };
  const matching = (...types) => {
    if (!last) return result(0, 0);
    const { U32 } = heap.refresh(), address = last, type = U32[(address + TYPE) >>> 2];
    U32[(address + ADJUSTED) >>> 2] = address;
    if (!type) return result(0, address);
    for (const wanted of types) {
      if (wanted === 0 || wanted === type) break;
      if (exported('__cxa_can_catch')(wanted, type, address + ADJUSTED)) return result(wanted, address);
    }
    return result(type, address);
  };

  const begin = address => {
    const { U8 } = heap.refresh();
    if (!U8[(address + CAUGHT) >>> 0]) { U8[(address + CAUGHT) >>> 0] = 1; uncaught--; }
    U8[(address + RETHROWN) >>> 0] = 0;
    caught.push(address);
    exported('__cxa_increment_exception_refcount')(address);
    return exported('__cxa_get_exception_ptr')(address);
  };
  const rethrow = () => {
    const address = caught.pop();
    if (!address) throw new WebAssembly.RuntimeError('there is no exception to throw again');
    const { U8 } = heap.refresh();
    if (!U8[(address + RETHROWN) >>> 0]) {
      caught.push(address);
      U8[(address + RETHROWN) >>> 0] = 1;
      U8[(address + CAUGHT) >>> 0] = 0;
      uncaught++;
    }
    last = address;
    throw address;
  };

  const functions = {
    __cxa_throw(address, type, destructor) {
      const { U32 } = heap.refresh();
      U32[(address + ADJUSTED) >>> 2] = 0;
      U32[(address + TYPE) >>> 2] = type;
      U32[(address + DESTRUCTOR) >>> 2] = destructor;
      last = address;
      uncaught++;
      throw address;
    },
    __cxa_begin_catch: begin,
    __cxa_end_catch() {
      exported('setThrew')(0, 0);
      exported('__cxa_decrement_exception_refcount')(caught.pop());
      last = 0;
    },
    __cxa_rethrow: rethrow,
    __cxa_rethrow_primary_exception(address) {
      if (!address) return;
      caught.push(address);
      heap.refresh().U8[(address + RETHROWN) >>> 0] = 1;
      rethrow();
    },
    __cxa_current_primary_exception() {
      const address = caught.at(-1) ?? 0;
      if (address) exported('__cxa_increment_exception_refcount')(address);
      return address;
    },
    __cxa_uncaught_exceptions: () => uncaught,
    __resumeException(address) { last ||= address; throw last; },
    llvm_eh_typeid_for: type => type,
    _emscripten_throw_longjmp() { throw Infinity; },
  };

  /** The import of this name, if it belongs to exceptions. */
  const find = name => name.startsWith('invoke_') ? invoke(name.slice('invoke_'.length))
    : name.startsWith('__cxa_find_matching_catch_') ? matching
    : Object.hasOwn(functions, name) ? functions[name] : null;

  /** What an exception says, in words. */
  const describe = address => guarded(() => {
    const room = exported('malloc')(8);
    exported('__get_exception_message')(address, room, room + 4);
    const { U32 } = heap.refresh(), [type, message] = [U32[room >>> 2], U32[(room + 4) >>> 2]];
    return message ? `${heap.text(type)}: ${heap.text(message)}` : heap.text(type);
  });

  return { find, describe };
};
