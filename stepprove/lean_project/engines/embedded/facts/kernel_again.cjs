// The kernel's own products, typed again: it makes the recursors and their rules without looking at them, and takes a constructor's
// type for checked once it has taken it apart. Each question goes to a type checker of its own, which remembers nothing of another.
'use strict';

const [, , , SORT, CONST, APP, LAM, FORALL, , , MDATA] = Array(12).keys();    // Lean.Expr's constructors
const [INDUCTIVE, CONSTRUCTOR, RECURSOR] = [5, 6, 7];                        // of Lean.ConstantInfo

module.exports = lean => {
  const { call, raw, box, isSc, inc, dec, tag, fld, take, list, mkList, constant, heap } = lean;
  const nameOf = lean.nameStr;
  const constantVal = info => fld(fld(info, 0), 0);
  const typeOf = info => fld(constantVal(info), 2);
  const nat = o => o >>> 1;

  class Wrong extends Error {}
  const must = (condition, words) => { if (!condition) throw new Wrong(words); };

  // The kernel's word on a closed term (taken): its type (owned), or null. It is asked by way of an elaboration environment.
  const elaboration = kernel => { const env = raw('lean_elab_environment_of_kernel_env')(inc(kernel)); heap(); return env; };
  const typed = (kernel, term) => {
    const result = raw('lean_kernel_check')(elaboration(kernel), constant('l_Lean_LocalContext_empty'), term); heap();
    if (tag(result) === 1) return take(result, 0);
    dec(result);
    return null;
  };
  const alike = (kernel, a, b) => {            // takes both
    const result = raw('lean_kernel_is_def_eq')(elaboration(kernel), constant('l_Lean_LocalContext_empty'), a, b); heap();
    const same = tag(result) === 1 && fld(result, 0) >> 1 === 1;
    dec(result);
    return same;
  };
  const isType = (kernel, type) => {
    const sort = typed(kernel, inc(type));
    const fine = sort !== null && tag(sort) === SORT;
    if (sort !== null) dec(sort);
    return fine;
  };

  const bare = e => { while (tag(e) === MDATA) e = fld(e, 1); return e; };
  /** The domains of the first `most` binders and what is under them; borrowed. */
  const binders = (e, kind, most = Infinity) => {
    const found = [];
    for (e = bare(e); tag(e) === kind && found.length < most; e = bare(fld(e, 2))) found.push(e);
    return { found, body: e };
  };
  const spine = e => {
    const args = [];
    for (e = bare(e); tag(e) === APP; e = bare(fld(e, 0))) args.push(fld(e, 1));
    return { head: e, args: args.reverse() };
  };
  const find = (kernel, name, kind) => {
    const found = raw('lean_environment_find')(inc(kernel), inc(name)); heap();
    if (isSc(found)) return null;
    const info = take(found, 0);
    if (tag(info) === kind) return info;
    dec(info);
    return null;
  };

  const apply = (f, args) => args.reduce((made, arg) => call('l_Lean_Expr_app___override', made, arg), f);   // takes all
  const variable = n => call('l_Lean_Expr_bvar___override', box(n));
  const variables = (count, above) => Array.from({ length: count }, (_, i) => variable(above + count - 1 - i));
  const lift = (e, from, by) => call('l_Lean_Expr_liftLooseBVars', inc(e), box(from), box(by));
  const lower = (e, by) => call('l_Lean_Expr_lowerLooseBVars', inc(e), box(by), box(by));

  // fun parameters motives minors fields => rec parameters motives minors indices (constructor fields), with the binders of the
  // rule's right side: what the rule says this is equal to. `shape`: of the recursor, of the type that it takes apart, of the constructor.
  const leftSide = (kernel, rec, rule, { outer, indices, major }, ctor) => {
    const fields = nat(fld(rule, 1)), { found } = binders(fld(rule, 2), LAM, outer + fields);
    must(found.length === outer + fields, 'its rules do not fit');
    const { head, args } = spine(major), over = find(kernel, fld(head, 0), INDUCTIVE);
    must(over !== null, 'it takes apart what is no inductive type');
    const params = nat(fld(fld(over, 0), 1));
    dec(over);
    must(args.length >= params, 'it takes apart what is no type');
    // The type's parameters do not depend on the indices; here they stand below the fields in their place.
    const here = args.slice(0, params).map(arg => { const lowered = lower(arg, indices), lifted = lift(lowered, 0, fields); dec(lowered); return lifted; });
    let ctorType = call('l_Lean_Expr_instantiateLevelParams', inc(typeOf(ctor)), inc(fld(constantVal(ctor), 1)), inc(fld(head, 1)));
    const given = [...here.map(inc), ...variables(fields, 0)];
    for (const arg of given) {
      must(tag(bare(ctorType)) === FORALL, 'its constructors do not fit');
      const body = inc(fld(bare(ctorType), 2));
      dec(ctorType);
      ctorType = call('l_Lean_Expr_instantiate1', body, arg);
    }
    const ends = spine(ctorType).args.slice(params).map(inc);
    must(ends.length === indices, 'its constructors do not fit');
    dec(ctorType);
    const built = apply(call('l_Lean_Expr_const___override', inc(fld(constantVal(ctor), 0)), inc(fld(head, 1))), [...here, ...variables(fields, 0)]);
    const levels = mkList(list(fld(constantVal(rec), 1)).map(level => call('l_Lean_Level_param___override', inc(level))));
    const itself = call('l_Lean_Expr_const___override', inc(fld(constantVal(rec), 0)), levels);
    const body = apply(itself, [...variables(outer, fields), ...ends, built]);
    return found.reduceRight((inner, binder) => call('l_Lean_Expr_lam___override', inc(fld(binder, 0)), inc(fld(binder, 1)), inner, box(0)), body);
  };

  const checkRule = (kernel, rec, rule, shape, ctorName) => {
    must(nameOf(fld(rule, 0)) === nameOf(ctorName), 'its rules are not one for each constructor');
    const ctor = find(kernel, ctorName, CONSTRUCTOR);
    must(ctor !== null && nat(fld(fld(ctor, 0), 4)) === nat(fld(rule, 1)), 'a rule counts other fields than the constructor');
    const left = leftSide(kernel, rec, rule, shape, ctor);
    dec(ctor);
    const a = typed(kernel, left), b = typed(kernel, inc(fld(rule, 2)));
    must(a !== null && b !== null, 'a rule has no type');
    must(alike(kernel, a, b), 'a rule has another type than what it stands for');
  };

  const checkRecursor = (kernel, info) => {
    const value = fld(info, 0), [params, indices, motives, minors] = [2, 3, 4, 5].map(i => nat(fld(value, i)));
    const outer = params + motives + minors;
    must(isType(kernel, typeOf(info)), 'its type is none');
    const { found } = binders(typeOf(info), FORALL, outer + indices + 1);
    must(found.length === outer + indices + 1, 'its numbers do not fit its type');
    const major = fld(found[outer + indices], 1), { head } = spine(major);
    const over = tag(head) === CONST ? find(kernel, fld(head, 0), INDUCTIVE) : null;
    must(over !== null, 'it takes apart what is no inductive type');
    const ctors = list(fld(fld(over, 0), 4)), rules = list(fld(value, 6));
    const fits = nat(fld(fld(over, 0), 2)) === indices && rules.length === ctors.length;
    if (fits) rules.forEach((rule, i) => checkRule(kernel, info, rule, { outer, indices, major }, ctors[i]));
    dec(over);
    must(fits, 'its rules are not one for each constructor');
    for (const name of list(fld(value, 1))) {
      const type = find(kernel, name, INDUCTIVE);
      must(type !== null && nat(fld(fld(type, 0), 1)) === params, 'it counts other parameters than its type');
      dec(type);
    }
  };

  const checkConstructor = (kernel, info) => {
    const value = fld(info, 0), [params, fields] = [3, 4].map(i => nat(fld(value, i)));
    must(isType(kernel, typeOf(info)), 'its type is none');
    must(binders(typeOf(info), FORALL).found.length === params + fields, 'its numbers do not fit its type');
    const type = find(kernel, fld(value, 1), INDUCTIVE);
    must(type !== null && nat(fld(fld(type, 0), 1)) === params, 'it counts other parameters than its type');
    const listed = list(fld(fld(type, 0), 4)).map(nameOf)[nat(fld(value, 2))];
    dec(type);
    must(listed === nameOf(fld(constantVal(info), 0)), 'its type does not list it in that place');
  };

  const checkInductive = (kernel, info) => {
    const value = fld(info, 0), [params, indices] = [1, 2].map(i => nat(fld(value, i)));
    must(isType(kernel, typeOf(info)), 'its type is none');
    for (const name of list(fld(value, 4))) {
      const ctor = find(kernel, name, CONSTRUCTOR);
      must(ctor !== null, 'a constructor of it is missing');
      dec(ctor);
    }
    const written = binders(typeOf(info), FORALL).found.length;
    must(written <= params + indices, 'its numbers do not fit its type');
  };

  const CHECKS = { [INDUCTIVE]: [checkInductive, 'inductive type'], [CONSTRUCTOR]: [checkConstructor, 'constructor'], [RECURSOR]: [checkRecursor, 'recursor'] };
  /** Why an inductive type, constructor or recursor (borrowed, its name as text) of a kernel environment is ill-formed, in words; or null. */
  return (kernel, text, info) => {
    if (!CHECKS[tag(info)]) return null;
    const [check, kind] = CHECKS[tag(info)];
    try { check(kernel, info); } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      return `the ${kind} \`${text}\` is ill-formed: ${error.message}`;
    }
    return null;
  };
};
