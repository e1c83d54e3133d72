// Which names the interpreter may take for compiled functions: those of the library's own declarations, and no text's.
//
// Lean's interpreter looks a declaration up by its mangled name before it interprets it. A text may choose any name, so the name alone
// must not decide: `@[extern "x"] opaque Lean.loadDynlib …` would else be the compiled function. slim.py has the lookup announce
// itself; the environment then says whether an imported module holds the declaration. Helpers that the compiler made for the library
// are no declarations of the environment, so that a text may declare one of their names: its declaration is not the library's; nor are
// those of a user's own modules. The other that asks for symbols, and announces itself, is what initializes an imported module.
'use strict';

const library = require('./library.cjs');

const ENVIRONMENT = 36;                      // of the interpreter's object: a pointer to the environment's
const MODULE_OF = 'l_Lean_Environment_getModuleIdxFor_x3f', IS_IMPORTED = 'l_Lean_Environment_isImportedConst';
const CONTAINS = 'l_Lean_Environment_contains', [WITHOUT_MAKING_IT, YES] = [3, 3];   // boxed truth values
const MODULES = 'l_Lean_Environment_allImportedModuleNames', NAME_TEXT = 'l_Lean_Name_toString___boxed';
const [FIELDS, ELEMENTS, BYTES] = [8, 16, 20];   // where an object's fields, an array's elements, a string's bytes begin
const INITIALIZER = 'initialize_';           // of a module: Lean runs it when the module is imported

module.exports = ({ heap, find, entry, hasModules }) => {
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
  const at = (object, offset) => heap.refresh().U32[(object + offset) >>> 2];
  const environment = () => inc(at(at(asked.interpreter, ENVIRONMENT), 0));
  // Of the environment where the lookup runs, by a function that owns its arguments.
  const told = (name, ...more) => {
    const owning = find(`${name}___boxed`);
    return entry(owning >= 0 ? owning : find(name))(environment(), inc(at(asked.name, 0)), ...more);
  };
  // The name of the module at a place (`some` number, borrowed).
  const moduleAt = place => {
    const modules = entry(find(MODULES))(environment()), module = inc(at(modules, ELEMENTS + 4 * (at(place, FIELDS) >>> 1)));
    const text = entry(find(NAME_TEXT))(module, YES), words = heap.text(text + BYTES);
    drop(modules); drop(text);
    return words;
  };
  const isOfTheLibrary = () => {
    const place = told(MODULE_OF);                               // none is a scalar
    if (place & 1) return false;
    const own = hasModules && !library.isOfTheLibrary(moduleAt(place));
    drop(place);
    return !own && (told(IS_IMPORTED) === YES || told(CONTAINS, WITHOUT_MAKING_IT) !== YES);
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
