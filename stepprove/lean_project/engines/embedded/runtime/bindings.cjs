// Which names the interpreter may take for compiled functions: those of the library's own declarations, and no text's.
//
// Lean's interpreter looks a declaration up by its mangled name before it interprets it. A text may choose any name, so the name alone
// must not decide: `@[extern "x"] opaque Lean.loadDynlib …` would else be the compiled function. slim.py has the lookup announce
// itself; the environment then says whether an imported module holds the declaration. Helpers that the compiler made for the library
// are no declarations of the environment, so that a text may declare one of their names: its declaration is not the library's. The other
// that asks for symbols, and announces itself, is what initializes an imported module.
'use strict';

const ENVIRONMENT = 36;                      // of the interpreter's object: a pointer to the environment's
const MODULE_OF = 'l_Lean_Environment_getModuleIdxFor_x3f', IS_IMPORTED = 'l_Lean_Environment_isImportedConst';
const CONTAINS = 'l_Lean_Environment_contains', [WITHOUT_MAKING_IT, YES] = [3, 3];   // boxed truth values
const INITIALIZER = 'initialize_';           // of a module: Lean runs it when the module is imported

module.exports = ({ heap, find, entry }) => {
  let asked = null;                          // { interpreter, name }: the lookup that runs; null where a module is initialized

  const inc = object => {
    if (object & 1) return object;
    const { H32 } = heap.refresh(), count = H32[object >>> 2];
    if (count > 0) H32[object >>> 2] = count + 1; else if (count) Atomics.sub(H32, object >>> 2, 1);   // negative: shared between threads
    return object;
  };
  const drop = object => {
    if (object & 1) return;
    const { H32 } = heap.refresh(), count = H32[object >>> 2];
    if (count > 1) H32[object >>> 2] = count - 1; else if (count) entry(find('lean_dec_ref_cold'))(object);
  };
  // Of the environment where the lookup runs, by a function that owns its arguments.
  const told = (name, ...more) => {
    const { U32 } = heap.refresh();
    const environment = U32[U32[(asked.interpreter + ENVIRONMENT) >>> 2] >>> 2], declaration = U32[asked.name >>> 2];
    const owning = find(`${name}___boxed`);
    return entry(owning >= 0 ? owning : find(name))(inc(environment), inc(declaration), ...more);
  };
  const isOfTheLibrary = () => {
    if (told(IS_IMPORTED) === YES) return true;
    const place = told(MODULE_OF);                               // none is a scalar
    drop(place);
    return !(place & 1) && told(CONTAINS, WITHOUT_MAKING_IT) !== YES;
  };

  const functions = {
    stepprove_lookup: (_, interpreter, name) => { asked = { interpreter, name }; },
    stepprove_initializing: () => { asked = null; },
    _dlsym_js: (_, symbolAt) => {
      const symbol = heap.text(symbolAt), found = find(symbol);
      if (found < 0) return 0;
      return (asked === null ? symbol.startsWith(INITIALIZER) : isOfTheLibrary()) ? found : 0;
    },
  };
  return { find: name => Object.hasOwn(functions, name) ? functions[name] : null };
};
