// Declarations as plain data and back: how an environment that a hostile text may have shaped is looked at in another process.
//
// The data: { names, levels, terms, declarations }. Each of the first three is a table whose entries name earlier ones by their place,
// so that what Lean shares stays shared. Annotations (mdata) are left out: they mean nothing to the kernel.
'use strict';

const [SUCC, MAX, IMAX, PARAM] = [1, 2, 3, 4];                                       // Lean.Level's constructors; zero is 0
const [BVAR, , , SORT, CONST, APP, LAM, FORALL, LET, LIT, MDATA, PROJ] = Array(12).keys();   // Lean.Expr's
const [AXIOM_DECL, DEFN_DECL, THM_DECL, OPAQUE_DECL, , , INDUCT_DECL] = Array(7).keys();     // Lean.Declaration's
const NUM = 2;                                                                        // Lean.Name's
const REGULAR = 2;                                                                    // ReducibilityHints'
const SAFE = 1;                                                                       // DefinitionSafety's

class Malformed extends Error {}

module.exports = lean => {
  const { call, raw, box, unbox, isSc, inc, dec, tag, fld, scalar, mkCtor, mkList, list, mkStr, str, takeStr, constant, heap } = lean;

  const digits = nat => isSc(nat) ? String(nat >>> 1) : takeStr(call('l_Nat_reprFast', inc(nat)));
  const natural = text => {
    if (!/^[0-9]+$/.test(text)) throw new Malformed('a number is due');
    return call('l_String_toNat_x21', mkStr(text));
  };
  // The scalars of lam and forallE begin with the cached data (8 bytes); those of letE too.
  const FLAG = 8;

  // ---- writing

  const writer = () => {
    const tables = { names: [], levels: [], terms: [] };
    const seen = new Map();                                     // address -> place; the objects are alive as long as this is
    const place = (table, entry) => tables[table].push(entry) - 1;
    const name = o => {
      if (isSc(o)) return -1;
      if (!seen.has(o)) {
        const prefix = name(fld(o, 0));
        seen.set(o, place('names', tag(o) === NUM ? [prefix, digits(fld(o, 1)), 1] : [prefix, str(fld(o, 1))]));
      }
      return seen.get(o);
    };
    const level = o => {
      if (isSc(o)) return place('levels', [0]);
      if (!seen.has(o)) {
        const kind = tag(o);
        const parts = kind === PARAM ? [name(fld(o, 0))] : kind === SUCC ? [level(fld(o, 0))]
          : kind === MAX || kind === IMAX ? [level(fld(o, 0)), level(fld(o, 1))] : [];
        seen.set(o, place('levels', [kind, ...parts]));
      }
      return seen.get(o);
    };
    const PARTS = { [APP]: [0, 1], [LAM]: [1, 2], [FORALL]: [1, 2], [LET]: [1, 2, 3], [PROJ]: [2], [MDATA]: [1] };
    const entry = o => {
      const at = i => seen.get(fld(o, i)), kind = tag(o);
      switch (kind) {
        case BVAR: return [kind, digits(fld(o, 0))];
        case SORT: return [kind, level(fld(o, 0))];
        case CONST: return [kind, name(fld(o, 0)), list(fld(o, 1)).map(level)];
        case APP: return [kind, at(0), at(1)];
        case LAM: case FORALL: return [kind, name(fld(o, 0)), at(1), at(2), scalar(o, FLAG)];
        case LET: return [kind, name(fld(o, 0)), at(1), at(2), at(3), scalar(o, FLAG)];
        case LIT: { const literal = fld(o, 0); return tag(literal) === 0 ? [kind, digits(fld(literal, 0))] : [kind, str(fld(literal, 0)), 1]; }
        case PROJ: return [kind, name(fld(o, 0)), digits(fld(o, 1)), at(2)];
        default: throw new Malformed(`a term of kind ${kind} is left`);
      }
    };
    const term = root => {                                      // with a stack of our own: terms are deep
      const stack = [root];
      while (stack.length) {
        const o = stack[stack.length - 1];
        if (seen.has(o)) { stack.pop(); continue; }
        const due = (PARTS[tag(o)] || []).map(i => fld(o, i)).filter(part => !seen.has(part));
        if (due.length) { stack.push(...due); continue; }
        seen.set(o, tag(o) === MDATA ? seen.get(fld(o, 1)) : place('terms', entry(o)));
        stack.pop();
      }
      return seen.get(root);
    };
    return { tables, name, term };
  };

  // ---- reading

  /** The objects of a table set, owned by the reader until `release`. */
  const reader = ({ names, levels, terms }) => {
    const made = { names: [], levels: [], terms: [] };
    const get = (kind, i) => {
      const found = Number.isInteger(i) ? made[kind][i] : undefined;
      if (found === undefined) throw new Malformed(`${kind}: there is no earlier entry ${i}`);
      return inc(found);
    };
    const text = value => { if (typeof value !== 'string') throw new Malformed('a text is due'); return value; };
    const flag = value => { if (![0, 1, 2, 3].includes(value)) throw new Malformed('a flag is due'); return box(value); };
    const name = i => i === -1 ? box(0) : get('names', i);
    const level = i => get('levels', i), term = i => get('terms', i);
    for (const [prefix, part, number] of names) {
      made.names.push(number ? call('l_Lean_Name_num___override', name(prefix), natural(part)) : call('l_Lean_Name_str___override', name(prefix), mkStr(text(part))));
    }
    const LEVELS = {
      0: () => constant('l_Lean_Level_zero___override'),
      [SUCC]: a => call('l_Lean_Level_succ___override', level(a)),
      [MAX]: (a, b) => call('l_Lean_Level_max___override', level(a), level(b)),
      [IMAX]: (a, b) => call('l_Lean_Level_imax___override', level(a), level(b)),
      [PARAM]: a => call('l_Lean_Level_param___override', name(a)),
    };
    const TERMS = {
      [BVAR]: n => call('l_Lean_Expr_bvar___override', natural(n)),
      [SORT]: u => call('l_Lean_Expr_sort___override', level(u)),
      [CONST]: (n, us) => call('l_Lean_Expr_const___override', name(n), mkList(us.map(level))),
      [APP]: (f, a) => call('l_Lean_Expr_app___override', term(f), term(a)),
      [LAM]: (n, t, b, info) => call('l_Lean_Expr_lam___override', name(n), term(t), term(b), flag(info)),
      [FORALL]: (n, t, b, info) => call('l_Lean_Expr_forallE___override', name(n), term(t), term(b), flag(info)),
      [LET]: (n, t, v, b, dependent) => call('l_Lean_Expr_letE___override', name(n), term(t), term(v), term(b), flag(dependent)),
      [LIT]: (value, isText) => call('l_Lean_Expr_lit___override', mkCtor(isText ? 1 : 0, [isText ? mkStr(text(value)) : natural(value)])),
      [PROJ]: (n, i, of) => call('l_Lean_Expr_proj___override', name(n), natural(i), term(of)),
    };
    const fill = (table, entries, makers) => {
      for (const [kind, ...parts] of entries) {
        if (!makers[kind]) throw new Malformed(`${table}: there is no kind ${kind}`);
        made[table].push(makers[kind](...parts));
      }
    };
    fill('levels', levels, LEVELS);
    fill('terms', terms, TERMS);
    return { name, term, release: () => Object.values(made).flat().forEach(dec) };
  };

  // ---- declarations

  const constantVal = info => fld(fld(info, 0), 0);
  const KINDS = { 0: 'axiom', 1: 'definition', 2: 'theorem', 3: 'opaque' };                 // of ConstantInfo
  const INDUCTIVE = 5;
  const hintsOf = hints => isSc(hints) ? -1 - unbox(hints) : lean.H32[(hints + 8) >>> 2];    // -1 opaque, -2 abbrev, else the height

  /** What the kernel has to be told to have the constants again; `ordered`: [text, info], each after what it uses. */
  const write = (constants, ordered) => {
    const { tables, name, term } = writer();
    const base = value => ({ name: name(fld(value, 0)), levels: list(fld(value, 1)).map(name), type: term(fld(value, 2)) });
    const declarations = [];
    for (const info of ordered) {
      const kind = KINDS[tag(info)], val = fld(info, 0);
      if (kind === 'axiom') declarations.push({ kind, ...base(constantVal(info)) });
      else if (kind) declarations.push({ kind, ...base(constantVal(info)), value: term(fld(val, 1)), ...(kind === 'definition' ? { hints: hintsOf(fld(val, 2)) } : {}) });
      else if (tag(info) === INDUCTIVE) {
        const types = list(fld(val, 3)).map(member => {
          const type = constants(member);
          const ctors = list(fld(fld(type, 0), 4)).map(ctor => ({ name: name(ctor), type: term(fld(constantVal(constants(ctor)), 2)) }));
          return { name: name(fld(constantVal(type), 0)), type: term(fld(constantVal(type), 2)), ctors };
        });
        declarations.push({ kind: 'inductive', levels: list(fld(constantVal(info), 1)).map(name), params: digits(fld(val, 1)), types });
      }
    }
    return { ...tables, declarations };
  };

  /**
   * Have the kernel check data from `write`, one declaration after the other, from environment `env` (taken) on. Gives the
   * environment (owned) and the first refusal in words, or null. Throws Malformed for what is no such data.
   */
  const read = (data, env) => {
    const { name, term, release } = reader(data);
    const base = d => mkCtor(0, [name(d.name), mkList(d.levels.map(name)), term(d.type)]);
    const hints = height => height < 0 ? box(height === -1 ? 0 : 1) : mkCtor(REGULAR, [], [...new Uint8Array(new Uint32Array([height]).buffer)]);
    const MAKERS = {
      axiom: d => mkCtor(AXIOM_DECL, [mkCtor(0, [base(d)], [0])]),
      definition: d => mkCtor(DEFN_DECL, [mkCtor(0, [base(d), term(d.value), hints(d.hints), mkList([name(d.name)])], [SAFE])]),
      theorem: d => mkCtor(THM_DECL, [mkCtor(0, [base(d), term(d.value), mkList([name(d.name)])])]),
      opaque: d => mkCtor(OPAQUE_DECL, [mkCtor(0, [base(d), term(d.value), mkList([name(d.name)])], [0])]),
      inductive: d => mkCtor(INDUCT_DECL, [mkList(d.levels.map(name)), natural(d.params),
        mkList(d.types.map(t => mkCtor(0, [name(t.name), term(t.type), mkList(t.ctors.map(c => mkCtor(0, [name(c.name), term(c.type)])))])))], [0]),
    };
    let refusal = null;
    for (const d of data.declarations) {
      if (!Object.hasOwn(MAKERS, d.kind)) throw new Malformed(`there is no kind ${d.kind} of declaration`);
      const declaration = MAKERS[d.kind](d);
      const result = raw('lean_add_decl')(env, 0, declaration, box(0)); heap();
      dec(declaration);
      if (tag(result) !== 1) {
        const first = name(d.name ?? d.types[0].name);
        refusal = `the kernel refuses ${lean.nameStr(first)}`;
        dec(first); dec(result);
        env = 0;
        break;
      }
      env = lean.take(result, 0);
    }
    release();
    return { env, refusal };
  };

  return { write, read, Malformed };
};
