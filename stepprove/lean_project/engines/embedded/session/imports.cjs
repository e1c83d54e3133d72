// Environments of imports, with all that Lean's compiler and interpreter need of them.
//
// This build's own import leaves two things out: the names of the compiled helpers (`_redArg`, `_lam_1`, specialisations), of which
// the compiler then says that they are unknown, and the interpreter's tables of each module. Here the modules are read by Lean, both are
// put in, and Lean's own code brings the extensions about from them.
'use strict';

const { isOfTheLibrary } = require('../runtime/library.cjs');

// Fields of Lean's structures, by position.
const ENVIRONMENT = { base: 0, checked: 2, realization: 5, scalars: 1 };
const BASE = { private: 0, public: 1 };
const KERNEL = { moduleOf: 2, extensions: 3, irBaseExts: 4, header: 5, scalars: 1 };
const HEADER = { moduleData: 5 };
const MODULE_DATA = { extraConstNames: 3 };
const REALIZATION = { env: 0, options: 1, constants: 2 };
// At the private level the environment is no `module`: proofs are elaborated and `#print axioms` answers as in a plain file.
const [LEVEL_EXPORTED, LEVEL_PRIVATE] = [0, 2];
const INIT = 'Init';
const NAMES_PER_REFRESH = 1024;            // the memory may grow while names are put in

const SET_ENTRIES = 'l___private_Lean_Environment_0__Lean_setImportedEntries';
const FINALIZE = 'l___private_Lean_Environment_0__Lean_finalizePersistentExtensions';
const IMPORTING = 'l___private_Lean_ImportingFlag_0__Lean_importingRef';
const INSERT = 'l_Std_DHashMap_Internal_Raw_u2080_insertIfNew___at___00Lean_finalizeImport_spec__4___redArg';

module.exports = lean => {
  const { call, raw, box, inc, dec, fld, tag, mkCtor, withFields, mkArr, array, some, mkStr, str, name, nameStr, constant, io, ok, heap, LeanError } = lean;

  // ---- module files: each is read once; Lean cannot give them back

  const parts = new Map();                 // the paths of a module's files -> what Lean made of them
  let reading = false;
  lean.regions(files => {
    if (!reading) return 0;
    heap();
    const key = array(files).map(str).join('\n');
    if (parts.has(key)) return ok(inc(parts.get(key)));
    reading = false;                       // so that the function reads, which asks here first
    const result = raw('lean_read_module_data_parts')(files);
    reading = true;
    heap();
    if (tag(result) === 0) parts.set(key, inc(fld(result, 0)));
    return result;
  });

  const importOf = module => mkCtor(0, [name(module)], [0, 1, 0]);     // importAll, isExported, isMeta
  /** The environment of an array of imports (taken) as Lean itself makes it, its extensions empty. */
  const read = (imports, level) => {
    reading = true;
    try {
      const result = raw('l_Lean_importModules')(
        imports, constant('l_Lean_Options_empty'), 0, mkArr([]), 0, 0, level, box(1));
      heap();
      return io(result);
    } finally { reading = false; }
  };

  // ---- what the import leaves out

  // A user's `module` keeps the code for the interpreter in a file of its own, which Lean reads only where it must.
  const code = new Map();                  // module -> its data (kept for good), or null
  const codeOf = module => {
    if (!code.has(module)) {
      try { code.set(module, lean.take(io(call('l_Lean_readModuleData', mkStr(`/modules/${module.replaceAll('.', '/')}.ir`))), 0)); } catch (error) {
        if (!(error instanceof LeanError)) throw error;
        code.set(module, null);            // a plain file, which has all in one
      }
    }
    return code.get(module);
  };
  const withCode = (env, modules) => {
    if (!lean.hasModules) return modules;
    const names = call('l_Lean_Environment_allImportedModuleNames', inc(env)), texts = array(names).map(nameStr);
    dec(names);
    return modules.map((data, i) => isOfTheLibrary(texts[i]) ? data : codeOf(texts[i]) ?? data);
  };

  const moduleOfHelpers = (known, modules) => {   // `modules`: some data of each, in their order
    const insert = raw(INSERT);
    let map = inc(known), count = 0;
    modules.forEach((data, index) => {
      for (const helper of array(fld(data, MODULE_DATA.extraConstNames))) {
        map = insert(map, inc(helper), box(index));
        if (++count % NAMES_PER_REFRESH === 0) heap();
      }
    });
    heap();
    return map;
  };
  /** The environment (taken) with the helpers' names and the interpreter's tables; its extensions are yet to be brought about. */
  const completed = env => {
    const base = fld(env, ENVIRONMENT.base), kernel = fld(base, BASE.private), modules = array(fld(fld(kernel, KERNEL.header), HEADER.moduleData));
    const interpreted = withCode(env, modules), plain = moduleOfHelpers(fld(kernel, KERNEL.moduleOf), modules);
    const moduleOf = lean.hasModules ? moduleOfHelpers(plain, interpreted) : plain;
    const tables = io(call(SET_ENTRIES, inc(fld(kernel, KERNEL.extensions)), mkArr(interpreted.map(inc)), box(0)));
    const filled = part => withFields(inc(fld(base, BASE[part])), { [KERNEL.moduleOf]: inc(moduleOf), [KERNEL.irBaseExts]: inc(tables) }, KERNEL.scalars);
    const [inside, outside] = [filled('private'), filled('public')];
    dec(moduleOf); dec(tables);
    const checked = raw('lean_task_pure')(inc(inside));
    heap();
    return withFields(env, { [ENVIRONMENT.base]: mkCtor(0, [inside, outside]), [ENVIRONMENT.checked]: checked, [ENVIRONMENT.realization]: box(0) }, ENVIRONMENT.scalars);
  };

  const importing = value => { raw('lean_st_ref_set')(lean.H32[lean.symbol(IMPORTING) >>> 2], box(value)); heap(); };
  /** The environment (taken) with its extensions as the modules left them, as at the start of a file. */
  const withExtensions = (env, modules) => {
    const options = call('l_Lean_KVMap_setBool', constant('l_Lean_Options_empty'), name('Elab.inServer'), box(1));   // all `initialize` now
    importing(1);
    try {
      io(raw('lean_enable_initializer_execution')());            // an import switches it off
      return io(call(FINALIZE, env, modules, options));
    } finally { importing(0); }
  };

  /**
   * The environment (taken) that knows itself as that of the imports: in it Lean makes what is made of imported declarations when it is
   * first asked for. So must the environment within, since `run_tac` and others evaluate in that. It is a circle: it lives for good.
   */
  const knowingItself = (env, options, constants) => {
    const itself = mkCtor(0, [box(0), options, constants]), whole = withFields(env, { [ENVIRONMENT.realization]: some(itself) }, ENVIRONMENT.scalars);
    lean.setField(itself, REALIZATION.env, inc(whole));
    return whole;
  };

  const importModules = (imports, level) => {
    const plain = read(imports, level), realization = fld(fld(plain, ENVIRONMENT.realization), 0);
    const [options, constants] = [REALIZATION.options, REALIZATION.constants].map(field => inc(fld(realization, field)));
    const data = inc(fld(fld(fld(fld(plain, ENVIRONMENT.base), BASE.private), KERNEL.header), HEADER.moduleData));
    return knowingItself(withExtensions(completed(plain), data), options, constants);
  };

  // ---- which environments there are

  const imported = new Map();
  const importOnce = modules => {
    const key = modules.toSorted().join(' ');
    if (!imported.has(key)) imported.set(key, importModules(mkArr(modules.map(importOf)), LEVEL_PRIVATE));
    return imported.get(key);
  };
  // The modules that Init holds: to import them beside it changes nothing.
  let inInit = null;
  const modulesOfInit = () => {
    if (!inInit) {
      const names = call('l_Lean_Environment_allImportedModuleNames', inc(importOnce([INIT])));
      inInit = new Set(array(names).map(nameStr));
      dec(names);
    }
    return inInit;
  };
  /** The environment of an import list (borrowed). It is kept for good: Lean cannot give back what it imported. */
  const environmentOfImports = modules =>
    importOnce(modules.includes(INIT) ? [INIT, ...modules.filter(module => !modulesOfInit().has(module))] : modules);

  /** The environment (owned) of a header's imports (taken), as Lean has it where the text is a `module`, or a plain file. */
  const environmentOfHeader = (imports, isModule) => importModules(imports, isModule ? LEVEL_EXPORTED : LEVEL_PRIVATE);

  return { environmentOfImports, environmentOfHeader };
};
