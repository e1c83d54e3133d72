// Whether an inductive type is a plain one: what the kernel checks of inductive types has had bugs, and all that are known need a type
// that a person does not write. Terms are read as they stand; only the sort of the type itself may stand behind abbreviations.
'use strict';

const [BVAR, , , SORT, CONST, APP, LAM, FORALL, LET, , MDATA, PROJ] = Array(12).keys();   // Lean.Expr's constructors
const PARAM = 4;                                                                          // of Lean.Level's
const [DEFINITION, INDUCTIVE] = [1, 5];                                                   // of Lean.ConstantInfo
const PARTS = { [APP]: [0, 1], [LAM]: [1, 2], [FORALL]: [1, 2], [LET]: [1, 2, 3], [MDATA]: [1], [PROJ]: [2] };
// What the elaborator puts around the type of an argument: the type is their first argument.
const WRAPPERS = new Set(['optParam', 'autoParam', 'outParam', 'semiOutParam']);
const MOST_UNFOLDINGS = 64;

module.exports = lean => {
  const { call, raw, inc, dec, tag, fld, isSc, list, heap } = lean;
  const nameOf = lean.nameStr;
  const constantVal = info => fld(fld(info, 0), 0);
  const typeOf = info => fld(constantVal(info), 2);
  const nat = o => o >>> 1;

  const bare = e => { while (tag(e) === MDATA) e = fld(e, 1); return e; };
  /** The head and the arguments of an application. */
  const spine = e => {
    const args = [];
    for (e = bare(e); tag(e) === APP; e = bare(fld(e, 0))) args.push(fld(e, 1));
    return { head: e, args: args.reverse() };
  };

  const find = (kernel, name) => { const found = raw('lean_environment_find')(inc(kernel), inc(name)); heap(); return found; };

  // ---- the sort of a type

  const isNeverProp = level => (call('l_Lean_Level_isNeverZero', inc(level)) >> 1) === 1;
  const isProp = level => isSc(level);
  /** A head that is a definition, unfolded once and beta-reduced (owned), or null. */
  const unfolded = (kernel, e) => {
    const { head } = spine(e);
    if (tag(head) === LAM) return call('l_Lean_Expr_headBeta', inc(e));
    if (tag(head) !== CONST) return null;
    const found = find(kernel, fld(head, 0));
    if (isSc(found) || tag(fld(found, 0)) !== DEFINITION) { dec(found); return null; }
    const info = fld(found, 0), { args } = spine(e);
    let value = call('l_Lean_Expr_instantiateLevelParams', inc(fld(fld(info, 0), 1)), inc(fld(constantVal(info), 1)), inc(fld(head, 1)));
    for (const argument of args) value = call('l_Lean_Expr_app___override', value, inc(argument));
    dec(found);
    return call('l_Lean_Expr_headBeta', value);
  };
  /** 'prop', 'data', 'either' for `Sort u`, or null: a sort of which nothing is certain. */
  const sortOf = (kernel, type) => {
    let e = inc(type);
    try {
      for (let left = MOST_UNFOLDINGS; ;) {
        const at = bare(e);
        if (tag(at) === SORT) {
          const level = fld(at, 0);
          return isProp(level) ? 'prop' : isNeverProp(level) ? 'data' : tag(level) === PARAM ? 'either' : null;
        }
        const next = tag(at) === FORALL ? inc(fld(at, 2)) : left-- > 0 ? unfolded(kernel, at) : null;
        if (next === null) return null;
        dec(e);
        e = next;
      }
    } finally { dec(e); }
  };

  // ---- constructors

  /** A test for terms: whether one of `names` occurs. Its answers are kept, by address. */
  const occurrence = names => {
    const seen = new Map();
    return root => {
      const stack = [root];
      while (stack.length) {
        const e = stack[stack.length - 1];
        if (seen.has(e)) { stack.pop(); continue; }
        const kind = tag(e);
        if (kind === CONST) { seen.set(e, names.has(nameOf(fld(e, 0)))); stack.pop(); continue; }
        const parts = (PARTS[kind] || []).map(i => fld(e, i)), due = parts.filter(part => !seen.has(part));
        if (due.length) { stack.push(...due); continue; }
        seen.set(e, kind === PROJ && names.has(nameOf(fld(e, 0))) || parts.some(part => seen.get(part)));
        stack.pop();
      }
      return seen.get(root);
    };
  };

  const check = (kernel, constants, text, info) => {
    const value = fld(info, 0), params = nat(fld(value, 1));
    const block = new Set(list(fld(value, 3)).map(nameOf)), levels = list(fld(constantVal(info), 1)).map(nameOf).join();
    const occurs = occurrence(block);
    const sorts = new Set([...block].map(name => sortOf(kernel, typeOf(constants.get(name).info))));
    const ctors = list(fld(value, 4)).map(nameOf);
    // `PUnit` and `PEmpty` hold nothing that could be taken out.
    if (sorts.has('either') && block.size === 1 && ctors.every(ctor => nat(fld(fld(constants.get(ctor).info, 0), 4)) === 0 && ctors.length < 2)) sorts.delete('either'), sorts.add('data');
    if (sorts.has(null) || sorts.has('either')) return `the sort of the inductive type \`${text}\` is neither \`Prop\`, literally, nor certain to be no \`Prop\``;
    if (sorts.size > 1) return `\`${text}\` mixes propositions and data in one mutual block`;

    const levelsFit = us => list(us).map(u => !isSc(u) && tag(u) === PARAM ? nameOf(fld(u, 0)) : '').join() === levels;
    // A type of the block, applied to the block's parameters: `depth` binders stand between those and here.
    const itself = (e, depth) => {
      const { head, args } = spine(e);
      return tag(head) === CONST && block.has(nameOf(fld(head, 0))) && levelsFit(fld(head, 1)) && args.length >= params
        && args.slice(0, params).every((arg, i) => tag(bare(arg)) === BVAR && nat(fld(bare(arg), 0)) === depth - 1 - i)
        && !args.slice(params).some(occurs);
    };
    // Why a type in which the block occurs is none that may stand there; null when it may.
    const fault = (e, depth) => {
      e = bare(e);
      if (!occurs(e)) return null;
      if (tag(e) === FORALL) return occurs(fld(e, 1)) ? `\`${text}\` occurs left of an arrow` : fault(fld(e, 2), depth + 1);
      if (itself(e, depth)) return null;
      const { head, args } = spine(e);
      const odd = `\`${text}\` occurs otherwise than applied to its parameters or below an inductive type`;
      if (tag(head) !== CONST || block.has(nameOf(fld(head, 0)))) return odd;
      if (WRAPPERS.has(nameOf(fld(head, 0)))) return args.length ? fault(args[0], depth) : odd;
      const found = find(kernel, fld(head, 0)), over = isSc(found) ? null : fld(found, 0);
      const theirs = over !== null && tag(over) === INDUCTIVE ? nat(fld(fld(over, 0), 1)) : -1;
      dec(found);
      if (theirs < 0 || args.slice(theirs).some(occurs)) return odd;
      for (const argument of args) { const wrong = below(argument, depth); if (wrong) return wrong; }
      return null;
    };
    // The argument of a type constructor: a type, or a function to one.
    const below = (e, depth) => {
      for (e = bare(e); tag(e) === LAM; e = bare(fld(e, 2)), depth++) if (occurs(fld(e, 1))) return `\`${text}\` occurs left of an arrow`;
      return fault(e, depth);
    };

    let type = bare(typeOf(info));
    for (let i = 0; tag(type) === FORALL; type = bare(fld(type, 2)), i++) if (occurs(fld(type, 1))) return `\`${text}\` occurs in its own type`;
    for (const ctor of ctors) {
      let e = bare(typeOf(constants.get(ctor).info)), depth = 0;
      for (; tag(e) === FORALL; e = bare(fld(e, 2)), depth++) {
        const wrong = depth < params ? occurs(fld(e, 1)) ? `\`${text}\` occurs in its own parameters` : null : fault(fld(e, 1), depth);
        if (wrong) return `in the constructor \`${ctor}\`, ${wrong}`;
      }
      const { head } = spine(e);
      if (depth < params || tag(head) !== CONST || nameOf(fld(head, 0)) !== text || !itself(e, depth)) return `the constructor \`${ctor}\` does not end in \`${text}\` applied to its parameters`;
    }
    return null;
  };

  /** Why an inductive type (a borrowed ConstantInfo, its name as text) of `constants` is not plain, in words; null when it is. */
  return check;
};
