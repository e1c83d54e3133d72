// Which names the interpreter may take for compiled functions: those of the library's own declarations, and no text's.
//
// Lean's interpreter looks a declaration up by its mangled name before it interprets it. A text may choose any name, so the name alone
// must not decide: `@[extern "x"] opaque Lean.loadDynlib …` would else be the compiled function. slim.py has the lookup announce
// itself; the environment then says whether an imported module holds the declaration.
'use strict';

const ENVIRONMENT = 36;                      // of the interpreter's object: a pointer to the environment's
const MODULE_OF = 'l_Lean_Environment_getModuleIdxFor_x3f___boxed', MODULE_OF_OWNED = 'l_Lean_Environment_getModuleIdxFor_x3f';
const STEM = 'lean_get_symbol_stem';
const INITIALIZER = 'initialize_';           // of a module: Lean runs it when the module is imported

module.exports = ({ heap, find, entry }) => {
  let asked = null;                          // { interpreter, name }: the lookup that runs

  const inc = object => {
    if (object & 1) return object;
    const { H32 } = heap.refresh(), count = H32[object >> 2];
    if (count > 0) H32[object >> 2] = count + 1; else if (count) Atomics.sub(H32, object >> 2, 1);   // negative: shared between threads
    return object;
  };
  const call = (name, ...args) => entry(find(name))(...args);
  const moduleOf = (environment, name) => call(find(MODULE_OF) >= 0 ? MODULE_OF : MODULE_OF_OWNED, inc(environment), inc(name));
  const stringOf = object => heap.text(object + 20);

  const functions = {
    stepprove_lookup: (_, interpreter, name) => { asked = { interpreter, name }; },
    _dlsym_js: (_, symbolAt) => {
      const symbol = heap.text(symbolAt);
      const found = find(symbol);
      if (found < 0) return 0;
      if (asked !== null) {
        const { U32 } = heap.refresh();
        const environment = U32[U32[(asked.interpreter + ENVIRONMENT) >> 2] >> 2], name = U32[asked.name >> 2];
        const stem = stringOf(call(STEM, inc(environment), inc(name)));
        if (symbol === stem || symbol === `${stem}___boxed`) return moduleOf(environment, name) & 1 ? 0 : found;
      }
      return symbol.startsWith(INITIALIZER) ? found : 0;
    },
  };
  return { find: name => Object.hasOwn(functions, name) ? functions[name] : null };
};
