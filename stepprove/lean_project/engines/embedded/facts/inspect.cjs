// Facts for the trust gate about one environment held against another: which constants the elaborated text added, whether
// each statement is still the original one, what every theorem rests on, and whether the kernel accepts all of it again.
// Nothing here decides; stepprove/lean_project/gate/gate.py does.
'use strict';

const KINDS = ['axiom', 'definition', 'theorem', 'opaque', 'quotient', 'inductive', 'constructor', 'recursor'];
const [AXIOM, DEFINITION, THEOREM, OPAQUE, QUOTIENT, INDUCTIVE, CONSTRUCTOR, RECURSOR] = KINDS.keys();
const ORIGINAL_KINDS = ['definition', 'theorem', 'axiom', 'opaque', 'quotient', 'inductive', 'constructor', 'recursor'];
const KERNEL_ENV = { extensions: 3, scalars: 1 };   // fields of Lean.Kernel.Environment
const DEFN_DECL = 1, OPAQUE_HINT = 0, SAFE = 1;   // of Lean.Declaration, its ReducibilityHints and DefinitionSafety

// The kernel has the compiler compute these, and believes it. They are imported as opaque: the axiom within is not seen.
const OF_THE_COMPILER = new Set(['Lean.reduceBool', 'Lean.reduceNat', 'Lean.trustCompiler']);
const COMPILER_AXIOMS = new Set([...OF_THE_COMPILER, 'Lean.ofReduceBool', 'Lean.ofReduceNat']);
const EVERYTHING = 'Init';                 // what every text stands on that is no `prelude`

const { isOfTheLibrary } = require('../runtime/library.cjs');

module.exports = lean => {
  const { call, raw, box, isSc, inc, dec, tag, fld, mkCtor, withFields, mkList, list, array, arrSize, arrGet, heap } = lean;

  const terms = require('./terms.cjs')(lean);
  const { comparison, sameExpr } = require('./alike.cjs')(lean);
  const { uncheckedBy, isUnsafe, isPartial } = require('./unchecked.cjs')(lean);
  const irregularities = require('./irregular.cjs')(lean);
  const nameOf = lean.nameStr;
  const truth = result => { const value = result >> 1; return value === 1; };

  // All pointers below are borrowed from the environment, which the caller keeps alive.
  const constantVal = info => fld(fld(info, 0), 0);
  const typeOf = info => fld(constantVal(info), 2);
  const levelsOf = info => list(fld(constantVal(info), 1)).map(nameOf);
  const valueOf = info => [DEFINITION, THEOREM, OPAQUE].includes(tag(info)) ? fld(fld(info, 0), 1) : null;

  const walkMap = (node, visit) => {          // PersistentHashMap: entries (0) or collision (1)
    const keys = fld(node, 0);
    if (tag(node) === 1) {
      for (let i = 0; i < arrSize(keys); i++) visit(arrGet(keys, i), arrGet(fld(node, 1), i));
      return;
    }
    for (let i = 0; i < arrSize(keys); i++) {
      const entry = arrGet(keys, i);
      if (isSc(entry)) continue;
      if (tag(entry) === 0) visit(fld(entry, 0), fld(entry, 1)); else walkMap(fld(entry, 0), visit);
    }
  };

  const kernelEnv = env => { const k = raw('lean_elab_environment_to_kernel_env')(inc(env)); heap(); return k; };

  // name text -> { name, info }: what the environment holds beyond its imports. Only a program can make two names that print alike.
  const addedConstants = kernel => {
    const out = new Map();
    walkMap(fld(fld(kernel, 0), 1), (name, info) => {
      const text = nameOf(name);
      if (out.has(text)) out.alike = text;
      out.set(text, { name, info });
    });
    return out;
  };
  // What an environment of imports, which lives for good, holds.
  const modulesByImports = new Map();
  const modulesOf = base => {
    if (!modulesByImports.has(base)) {
      const names = call('l_Lean_Environment_allImportedModuleNames', inc(base));
      modulesByImports.set(base, new Set(array(names).map(nameOf)));
      dec(names);
    }
    return modulesByImports.get(base);
  };
  // What a user's own module holds was checked where it was compiled, by a process that no one here knows.
  const ownModules = base => {
    const own = [...modulesOf(base)].find(module => !isOfTheLibrary(module));
    return own === undefined ? null : `it imports \`${own}\`, which is no module of the library: nothing here checks its proofs again`;
  };
  const otherImports = (base, baseOld) => {
    if (base === baseOld) return null;
    const now = modulesOf(base), old = modulesOf(baseOld), foreign = [...now].find(module => !old.has(module));
    if (foreign !== undefined) return `the candidate imports \`${foreign}\`, which the original does not`;
    return now.size < old.size ? 'the candidate does not import all that the original does' : null;
  };

  const usedNames = expr => {
    const names = call('l_Lean_Expr_getUsedConstants', inc(expr));
    const out = array(names).map(nameOf);
    dec(names);
    return out;
  };

  const usedBy = (info, withProof) => {
    const names = usedNames(typeOf(info));
    const value = valueOf(info);
    if (value !== null && (withProof || tag(info) !== THEOREM)) names.push(...usedNames(value));
    if (tag(info) === INDUCTIVE) names.push(...list(fld(fld(info, 0), 4)).map(nameOf), ...list(fld(fld(info, 0), 3)).map(nameOf));
    if (tag(info) === CONSTRUCTOR) names.push(nameOf(fld(fld(info, 0), 1)));
    if (tag(info) === RECURSOR) names.push(...list(fld(fld(info, 0), 1)).map(nameOf));
    return names;
  };

  // What an imported name originally was: this library's exported form stores theorems without proofs.
  const importedKind = (env, text, cache) => {
    if (!cache.has(text)) {
      const kind = call('l_Lean_getOriginalConstKind_x3f', inc(env), lean.name(text));
      cache.set(text, isSc(kind) ? 'unknown' : ORIGINAL_KINDS[fld(kind, 0) >> 1]);
      dec(kind);
    }
    return cache.get(text);
  };

  // What Lean makes only where a proof first asks for it: equations, induction principles, a matcher's splitter. Another proof may not.
  const madeOnDemand = (env, name, text, info) => [DEFINITION, THEOREM].includes(tag(info))
    && (/\.match_[0-9]+\.[^.]+$/.test(text) || truth(call('l_Lean_isReservedName', inc(env), inc(name))));

  // A constant of a user's own module, with its proof; undefined for the library's.
  const ofOwnModule = (env, text) => {
    if (!lean.hasModules) return undefined;
    const name = lean.name(text), place = call('l_Lean_Environment_getModuleIdxFor_x3f', inc(env), inc(name));
    const modules = isSc(place) ? null : call('l_Lean_Environment_allImportedModuleNames', inc(env));
    const own = modules !== null && !isOfTheLibrary(nameOf(arrGet(modules, lean.unbox(fld(place, 0)))));
    const found = own ? call('l_Lean_Environment_find_x3f', inc(env), inc(name), box(1)) : box(0);
    dec(place); if (modules !== null) dec(modules);
    return isSc(found) ? undefined : { name, info: fld(found, 0) };                  // kept for good: few ask
  };

  // The axioms a constant rests on, through all that the text and a user's own modules added; imported theorems of the library count as its own.
  const axiomsOf = (env, constants, start, memo, kinds) => {
    const seen = new Set([start]), todo = [start], axioms = new Set();
    while (todo.length) {
      const text = todo.pop(), constant = constants.get(text) ?? ofOwnModule(env, text);
      if (OF_THE_COMPILER.has(text)) { axioms.add(text); continue; }
      if (!constant) { if (['axiom', 'unknown'].includes(importedKind(env, text, kinds))) axioms.add(text); continue; }
      if (tag(constant.info) === AXIOM) { axioms.add(text); continue; }
      if (!memo.has(text)) memo.set(text, usedBy(constant.info, true));
      for (const next of memo.get(text)) if (!seen.has(next)) { seen.add(next); todo.push(next); }
    }
    return [...axioms].sort();
  };

  const sameInductive = (a, b) => {
    const va = fld(a, 0), vb = fld(b, 0);
    return fld(va, 1) === fld(vb, 1) && fld(va, 2) === fld(vb, 2)
      && list(fld(va, 4)).map(nameOf).join() === list(fld(vb, 4)).map(nameOf).join();
  };

  const sameStatement = (a, b, alike) => tag(a) === tag(b) && levelsOf(a).join() === levelsOf(b).join() && alike.types(a, b)
    && (tag(a) !== INDUCTIVE || sameInductive(a, b)) && isUnsafe(a) === isUnsafe(b) && isPartial(a) === isPartial(b);

  // The constants that the kernel must be told of, each after those that it uses. What is unsafe or partial is not for the kernel.
  const ordered = constants => {
    const out = [], state = new Map();
    const blockOf = info => list(fld(fld(info, 0), 3)).map(nameOf);           // the types of a mutual declaration
    const namesIn = info => tag(info) !== INDUCTIVE ? usedBy(info, true) : blockOf(info).flatMap(t => {
      const type = constants.get(t).info;
      return [...usedNames(typeOf(type)), ...list(fld(fld(type, 0), 4)).flatMap(c => usedNames(typeOf(constants.get(nameOf(c)).info)))];
    });
    for (const root of constants.keys()) {
      const stack = [root];
      while (stack.length) {
        const text = stack[stack.length - 1], info = constants.get(text).info;
        if (state.get(text) === 'done' || isUnsafe(info) || isPartial(info)) { state.set(text, 'done'); stack.pop(); continue; }
        if (!state.has(text)) {
          state.set(text, 'open');
          const needs = namesIn(info).filter(n => constants.has(n) && !state.has(n));
          if (needs.length) { stack.push(...needs); continue; }
        }
        state.set(text, 'done');
        stack.pop();
        if (tag(info) === INDUCTIVE) for (const type of blockOf(info)) state.set(type, 'done');
        if (tag(info) !== CONSTRUCTOR && tag(info) !== RECURSOR) out.push(info);
      }
    }
    return out;
  };
  const written = constants => terms.write(name => constants.get(nameOf(name)).info, ordered(constants));

  // The text's compiled code, which the kernel runs for `Lean.reduceBool` where that counts as proof.
  const withCode = (imports, kernel) => withFields(imports, { [KERNEL_ENV.extensions]: inc(fld(kernel, KERNEL_ENV.extensions)) }, KERNEL_ENV.scalars);
  // The constants that the kernel can check without compiled code; what rests on such an axiom cannot count as proved then.
  const withoutCompiler = (env, constants, memo) => {
    const kinds = new Map();
    return new Map([...constants].filter(([text]) => !axiomsOf(env, constants, text, memo, kinds).some(axiom => COMPILER_AXIOMS.has(axiom))));
  };
  // Send every added constant to the kernel again, on top of the untouched imports. Gives why it refuses, or null, and the environment
  // (owned; 0: none).
  const replay = (imports, constants) => {
    const { env, refusal } = terms.read(written(constants), imports);
    let error = refusal;
    if (!error) for (const [text, { name, info }] of constants) {
      if (tag(info) !== CONSTRUCTOR && tag(info) !== RECURSOR || isUnsafe(info)) continue;
      const found = raw('lean_environment_find')(inc(env), inc(name)); heap();
      const beq = tag(info) === RECURSOR ? 'l_Lean_instBEqRecursorVal_beq' : 'l_Lean_instBEqConstructorVal_beq';
      const same = !isSc(found) && tag(fld(found, 0)) === tag(info)
        && truth(call(beq, inc(fld(fld(found, 0), 0)), inc(fld(info, 0))));
      dec(found);
      if (!same) { error = `${text} is not what its inductive type generates`; break; }
    }
    return { refusal: error, env };
  };

  // As a person named it: without the mangling of `private`.
  const naming = name => {
    const user = call('l_Lean_privateToUserName', inc(name));
    const display = nameOf(user);
    return { display, internal: truth(call('l_Lean_Name_isInternalDetail', user)) };
  };
  // Whether a constant is a proof, so that its value means nothing: the kernel takes its type for a proposition.
  const isProof = (kernel, info) => {
    if (tag(info) === THEOREM) return true;
    if (valueOf(info) === null) return false;
    const constant = constantVal(info);
    const prop = call('l_Lean_Expr_sort___override', lean.constant('l_Lean_Level_zero___override'));
    const val = mkCtor(0, [lean.name('stepprove.proof'), inc(fld(constant, 1)), prop]);
    const definition = mkCtor(DEFN_DECL, [mkCtor(0, [val, inc(fld(constant, 2)), box(OPAQUE_HINT), mkList([])], [SAFE])]);
    const result = raw('lean_add_decl')(inc(kernel), 0, definition, box(0)); heap();
    const found = tag(result) === 1;
    dec(definition); dec(result);
    return found;
  };

  // What `now` holds, compared with `old`, both constants beyond the same imports. `libraries`: an elaboration environment with those
  // imports. `irregular`: why one is not to be relied on, by name. `unchecked(text, name, info, before)`: how a constant is out of the
  // kernel's sight. `memo`: what each of `now` uses, as far as it is known.
  const compare = (now, old, kernelOld, libraries, irregular, unchecked, memo = new Map()) => {
    const memoOld = new Map(), kinds = new Map();
    const rested = text => axiomsOf(libraries, old, text, memoOld, kinds).includes('sorryAx');
    const named = new Map();
    const namingOf = (text, name) => { if (!named.has(text)) named.set(text, naming(name)); return named.get(text); };
    const alike = comparison({
      now, old, kernel: kernelOld, rests: text => old.has(text) && rested(text),
      made: text => old.has(text) && namingOf(text, old.get(text).name).internal,
    });
    // [whether it is a proof, its value held against the original's]
    const valueState = (text, before, after) => {
      if (tag(after) === THEOREM) return [true, null];
      if (!before || valueOf(before) === null || valueOf(after) === null) return [false, null];
      const found = alike.values(before, after);
      if (found === 'same' && sameExpr(valueOf(before), valueOf(after))) return [false, found];
      if (isProof(kernelOld, before)) return [true, null];
      return [false, found ?? (rested(text) ? 'refilled' : 'changed')];
    };
    const declarations = [...now].map(([text, { name, info }]) => {
      const before = old.get(text), [proof, value] = valueState(text, before && before.info, info);
      return {
        name: text,
        kind: KINDS[tag(info)],
        proof,
        ...namingOf(text, name),
        statement: !before ? 'new' : sameStatement(before.info, info, alike) ? 'same' : 'changed',
        value,
        rested: before !== undefined && rested(text),
        irregular: irregular.get(text) ?? null,
        unchecked: unchecked(text, name, info, before),
        uses: usedBy(info, false).filter(n => now.has(n)),
        axioms: axiomsOf(libraries, now, text, memo, kinds),
      };
    });
    const missing = [...old].filter(([text]) => !now.has(text)).map(([text, { name, info }]) => {
      const { display, internal } = namingOf(text, name);
      return { name: text, display, internal: internal || madeOnDemand(libraries, name, text, info) };
    });
    return { declarations, missing };
  };
  const alike = constants => constants.alike === undefined ? null : `two constants print alike: \`${constants.alike}\``;

  const isPrelude = base => modulesOf(base).has(EVERYTHING) ? null : 'it is a `prelude`: the kernel computes with names that only `Init` gives their meaning';

  /**
   * env, against: elaboration environments; base, baseOld: the environments of their imports alone; all borrowed. `withReplay`:
   * whether the kernel looks at everything again. `native`: whether what compiled code computes counts as proof.
   */
  const inspect = (env, against, base, baseOld, withReplay, native) => {
    const kernel = kernelEnv(env), kernelOld = kernelEnv(against);
    const now = addedConstants(kernel), old = addedConstants(kernelOld);
    const breach = otherImports(base, baseOld) ?? isPrelude(base) ?? ownModules(base) ?? alike(now);
    const broken = irregularities.unfit(now);   // then the terms are not for the kernel, nor for us
    const again = broken.size === 0 && withReplay;
    const memo = new Map(), checkable = again && !native ? withoutCompiler(env, now, memo) : now;
    const second = again ? replay(native ? withCode(kernelEnv(base), kernel) : kernelEnv(base), checkable) : { refusal: null, env: 0 };
    const irregular = broken.size ? broken : second.refusal === null ? irregularities.odd(second.env || kernel, checkable) : new Map();
    const facts = compare(now, old, kernelOld, env, irregular, (text, name, info, before) => {
      const how = uncheckedBy(env, name, info, text, now, native);
      if (how === null || !before || uncheckedBy(against, before.name, before.info, text, old, native) !== how) return how;
      return isUnsafe(info) && isProof(kernelOld, before.info) ? how : null;   // no proof, though the original has it so too
    }, memo);
    if (second.env) dec(second.env);
    dec(kernel); dec(kernelOld);
    return { ...facts, replay: second.refusal, breach };
  };

  /** What an environment (borrowed) adds to its imports, as data for `audit` in another process, which has no compiled code. */
  const exported = env => {
    const kernel = kernelEnv(env), data = written(withoutCompiler(env, addedConstants(kernel), new Map()));
    dec(kernel);
    return data;
  };

  /**
   * The facts of `inspect` about exported data, of which this process has run nothing: the kernel checks every declaration on top of
   * the imports (`base`) of the original (`against`).
   */
  const audit = (data, against, base) => {
    const kernelOld = kernelEnv(against);
    const original = terms.read(written(addedConstants(kernelOld)), kernelEnv(base));   // without annotations, as the data are
    dec(kernelOld);
    if (original.refusal) return { declarations: [], missing: [], replay: null, breach: `in the original, ${original.refusal}` };
    const { env, refusal } = terms.read(data, kernelEnv(base));
    if (refusal) { dec(original.env); return { declarations: [], missing: [], replay: refusal, breach: null }; }
    const now = addedConstants(env), unfit = irregularities.unfit(now), irregular = unfit.size ? unfit : irregularities.odd(env, now);
    const facts = compare(now, addedConstants(original.env), original.env, against, irregular, () => null);
    dec(env); dec(original.env);
    return { ...facts, replay: null, breach: isPrelude(base) ?? ownModules(base) ?? alike(now) };
  };

  /** The axioms that a closed term (borrowed) rests on in an environment. */
  const axiomsOfTerm = (term, env) => {
    const kernel = kernelEnv(env), constants = addedConstants(kernel), memo = new Map(), kinds = new Map();
    const out = new Set(usedNames(term).flatMap(text => axiomsOf(env, constants, text, memo, kinds)));
    dec(kernel);
    return [...out].sort();
  };

  return { inspect, exported, audit, axiomsOfTerm, Malformed: terms.Malformed };
};
