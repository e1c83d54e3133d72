// Whether a term of the candidate is the original's, where the two environments may differ in what has no meaning: which number the
// elaborator gave to what it made (`f._proof_2`, `f.match_1`), and which proof stands where any proof of the same proposition would do.
//
// The kernel takes two proofs of one proposition for the same (proof irrelevance). So a proof may be replaced where its type is known to
// be the same on both sides: as an argument of equal functions, as the value of a definition of equal type. Elsewhere (`known` is false:
// the head of an application, the type of a binder, what a projection is of) terms are compared part by part.
'use strict';

const [BVAR, , , SORT, CONST, APP, LAM, FORALL, LET, LIT, MDATA, PROJ] = Array(12).keys();   // Lean.Expr's constructors
const [ZERO, SUCC, MAX, IMAX, PARAM] = Array(5).keys();                                      // Lean.Level's
const [DEFINITION, THEOREM, OPAQUE] = [1, 2, 3];                                             // Lean.ConstantInfo's
const SORRY = 'sorryAx', AUTO_PARAM = 'autoParam';
const HINTS = new Map([['outParam', 1], ['semiOutParam', 1], ['optParam', 2], [AUTO_PARAM, 2]]);   // and how many arguments they take
const FLAG = 8;                                             // after the cached data: the binder's kind, or a `let`'s flag

module.exports = lean => {
  const { call, raw, isSc, inc, dec, tag, fld, scalar, list, array, str, heap } = lean;

  const nameOf = lean.nameStr;
  const constantVal = info => fld(fld(info, 0), 0);
  const typeOf = info => fld(constantVal(info), 2);
  const levelsOf = info => list(fld(constantVal(info), 1)).map(nameOf);
  const valueOf = info => [DEFINITION, THEOREM, OPAQUE].includes(tag(info)) ? fld(fld(info, 0), 1) : null;
  const sameExpr = (a, b) => a === b || call('l_Lean_Expr_equal', inc(a), inc(b)) >> 1 === 1;
  const usedNames = expr => {
    const names = call('l_Lean_Expr_getUsedConstants', inc(expr)), out = array(names).map(nameOf);
    dec(names);
    return out;
  };
  const spine = term => {
    let head = term, args = 0;
    for (;;) {
      if (tag(head) === APP) { head = fld(head, 0); args++; }
      else if (tag(head) === MDATA) head = fld(head, 1);
      else return { head, args };
    }
  };
  /** A binder's name without what makes it fresh: `x._@.Main.12._hygCtx._hyg.3` depends on where in the file it stands. */
  const binder = name => nameOf(name).split('._@.')[0];
  const levelKind = o => isSc(o) ? ZERO : tag(o);
  /** A universe level in words, its parameters by their place in `names` where they have one. */
  const levelText = (o, names) => {
    const kind = levelKind(o);
    if (kind === ZERO) return '0';
    if (kind === SUCC) return `${levelText(fld(o, 0), names)}+`;
    if (kind !== PARAM) return `${kind === MAX ? 'max' : kind === IMAX ? 'imax' : '?'}(${levelText(fld(o, 0), names)},${levelText(fld(o, 1), names)})`;
    const name = nameOf(fld(o, 0)), at = names.indexOf(name);
    return at < 0 ? `'${name}'` : `#${at}`;
  };
  /** Whether a level is 0 for certain; `scope` holds what its parameters stand for. */
  const isZero = (o, scope) => {
    const kind = levelKind(o);
    if (kind === ZERO) return true;
    if (kind === MAX) return isZero(fld(o, 0), scope) && isZero(fld(o, 1), scope);
    if (kind === IMAX) return isZero(fld(o, 1), scope);
    if (kind !== PARAM || scope === null) return false;
    const given = scope.values.get(nameOf(fld(o, 0)));
    return given !== undefined && isZero(given, scope.outer);
  };
  const scopeOf = (info, levels, outer) => ({ values: new Map(levelsOf(info).map((name, i) => [name, levels[i]])), outer });
  /** A type without the hints around it for those who elaborate it: `outParam α` and its kin are `α`. */
  const bare = type => {
    for (;;) {
      if (tag(type) === MDATA) { type = fld(type, 1); continue; }
      const { head, args } = tag(type) === APP ? spine(type) : { head: type, args: 0 };
      if (args === 0 || tag(head) !== CONST || args !== HINTS.get(nameOf(fld(head, 0)))) return type;
      for (let i = 1; i < args; i++) type = fld(type, 0);
      type = fld(type, 1);
    }
  };
  /** A type below its binders, and theirs. */
  const telescope = type => {
    const binders = [];
    for (type = bare(type); tag(type) === FORALL; type = bare(fld(type, 2))) binders.push(fld(type, 1));
    return { binders, type };
  };
  const makesProp = (type, scope) => { const { type: end } = telescope(type); return tag(end) === SORT && isZero(fld(end, 0), scope); };

  /**
   * A comparison of two environments. `old`, `now`: name text -> { name, info } of what each adds to its imports; `kernel`: the original's
   * environment for the kernel; `made(text)`: whether a constant of the original was made by the elaborator; `rests(text)`: whether one of
   * the original rests on `sorry`. All are borrowed and outlive it.
   */
  const comparison = ({ now, old, kernel, made, rests }) => {
    const find = name => {
      const text = nameOf(name);
      if (old.has(text)) return old.get(text).info;
      const found = raw('lean_environment_find')(inc(kernel), inc(name)); heap();
      if (isSc(found)) return null;
      const info = fld(found, 0);                         // the environment, which outlives us, keeps it alive
      dec(found);
      return info;
    };
    const proofHeads = new Map();
    /** Whether whatever an application of this constant makes is a proof: told from the type of the constant alone. */
    const provesAlways = head => {
      const levels = list(fld(head, 1)), key = `${nameOf(fld(head, 0))} ${levels.map(l => levelText(l, [])).join()}`;
      if (!proofHeads.has(key)) proofHeads.set(key, typeProves(fld(head, 0), levels));
      return proofHeads.get(key);
    };
    const typeProves = (name, levels) => {
      const info = find(name);
      if (info === null) return false;
      const scope = scopeOf(info, levels, null), { binders, type } = telescope(typeOf(info)), { head } = spine(type);
      if (tag(head) === CONST) {                          // `… → And a b`
        const made = find(fld(head, 0));
        return made !== null && makesProp(typeOf(made), scopeOf(made, list(fld(head, 1)), scope));
      }
      if (tag(head) !== BVAR) return false;
      const at = binders.length - 1 - (fld(head, 0) >> 1);   // `{α : Sort u} → … → α`, at u = 0
      return at >= 0 && makesProp(binders[at], scope);
    };
    const isProof = term => {
      for (;;) {
        if (tag(term) === MDATA) term = fld(term, 1);
        else if (tag(term) === LAM) term = fld(term, 2);
        else if (tag(term) === LET) term = fld(term, 3);
        else {
          const { head } = spine(term);
          if (tag(head) === CONST) return provesAlways(head);
          if (tag(head) !== LAM && tag(head) !== LET) return false;
          term = head;                                    // `(fun this => …) x`, as `have` leaves it
        }
      }
    };
    const isOpen = term => usedNames(term).some(text => text === SORRY || rests(text));
    const isSorry = term => { const { head } = spine(term); return tag(head) === CONST && nameOf(fld(head, 0)) === SORRY; };

    const saysSorry = new Map();
    /** Whether a default tactic, which stands in the environment as syntax, has a `sorry` in it. */
    const tacticIsOpen = term => {
      const { head, args } = spine(term);
      if (args || tag(head) !== CONST) return false;
      const text = nameOf(fld(head, 0));
      if (!old.has(text) || tag(old.get(text).info) !== DEFINITION) return false;
      if (!saysSorry.has(text)) saysSorry.set(text, literals(valueOf(old.get(text).info)).some(l => l === 'sorry' || l === 'admit'));
      return saysSorry.get(text);
    };
    const literals = root => {
      const out = [], seen = new Set(), todo = [root];
      while (todo.length) {
        const term = todo.pop();
        if (seen.has(term)) continue;
        seen.add(term);
        if (tag(term) === LIT) { const literal = fld(term, 0); if (tag(literal) === 1) out.push(str(fld(literal, 0))); }
        else todo.push(...(PARTS[tag(term)] || []).map(i => fld(term, i)));
      }
      return out;
    };
    const PARTS = { [APP]: [0, 1], [LAM]: [1, 2], [FORALL]: [1, 2], [LET]: [1, 2, 3], [PROJ]: [2], [MDATA]: [1] };

    const pairs = new Map();
    /** Whether two constants that the elaborator made are the same but for their names. `data`: as in `walk`. */
    const sameMade = (a, b, data, note) => {
      const key = `${a}\n${b}\n${data}`;
      if (!pairs.has(key)) {
        pairs.set(key, { same: true, open: false });
        const found = { open: false };
        pairs.set(key, { same: contentSame(a, b, data, found), open: found.open });
      }
      const { same, open } = pairs.get(key);
      if (open) note.open = true;
      return same;
    };
    const contentSame = (a, b, data, note) => {
      const [before, after] = [old.get(a), now.get(b)];
      if (!before || !after || tag(before.info) !== tag(after.info)) return false;
      const names = [levelsOf(before.info), levelsOf(after.info)];
      return names[0].length === names[1].length && same(typeOf(before.info), typeOf(after.info), { names, known: false, data, unread: true }, note)
        && (tag(before.info) === THEOREM || same(valueOf(before.info), valueOf(after.info), { names, known: true, data, unread: true }, note));
    };
    const named = text => made(text) && [DEFINITION, THEOREM].includes(tag(old.get(text).info));
    const sameConstant = (a, b, { names, data }, note) => {
      const text = nameOf(fld(a, 0)), other = nameOf(fld(b, 0));
      const levels = i => list(fld([a, b][i], 1)).map(l => levelText(l, names[i])).join();
      return levels(0) === levels(1) && (named(text) ? now.has(other) && sameMade(text, other, data, note) : text === other);
    };

    /** Whether two terms are the same; how, as in `walk`. Most are equal to the letter, which Lean itself finds fastest. */
    const same = (a, b, how, note) => {
      const sameNames = how.names[0].join() === how.names[1].join();
      if (sameNames && sameExpr(a, b) && usedNames(a).every(text => !old.has(text) || !named(text) || sameMade(text, text, how.data, note))) return true;
      return walk(a, b, how, note);
    };

    /**
     * Compare part by part. names: the universe parameters of either side; known: whether both sides are known to have one type;
     * data: whether `sorry` may stand for anything, not for proofs alone; unread: whether the elaborator chose the names of binders,
     * which no person reads. `note.open` is set where something stands for a `sorry`.
     */
    const walk = (rootA, rootB, { names, known, data, unread }, note) => {
      const sameBinder = (a, b) => (unread || binder(fld(a, 0)) === binder(fld(b, 0))) && scalar(a, FLAG) === scalar(b, FLAG);
      const seen = new Set(), todo = [[rootA, rootB, known]];
      while (todo.length) {
        let [a, b, checked] = todo.pop();
        while (tag(a) === MDATA) a = fld(a, 1);
        while (tag(b) === MDATA) b = fld(b, 1);
        const key = `${a} ${b} ${checked}`;
        if (seen.has(key)) continue;
        seen.add(key);
        if (checked && isProof(a)) { if (!note.open && isOpen(a)) note.open = true; continue; }
        if (data && isSorry(a)) { note.open = true; continue; }
        const kind = tag(a);
        if (kind !== tag(b)) return false;
        const part = (i, isKnown) => todo.push([fld(a, i), fld(b, i), isKnown]);
        switch (kind) {
          case SORT:
            if (levelText(fld(a, 0), names[0]) !== levelText(fld(b, 0), names[1])) return false;
            break;
          case CONST:
            if (!sameConstant(a, b, { names, data }, note)) return false;
            break;
          case APP: {
            part(0, false);
            const { head, args } = spine(a);
            if (args === 2 && tag(head) === CONST && nameOf(fld(head, 0)) === AUTO_PARAM && tacticIsOpen(fld(a, 1))) note.open = true;
            else part(1, true);
            break;
          }
          case LAM: case FORALL:
            if (!sameBinder(a, b)) return false;
            part(1, false); part(2, kind === LAM && checked);
            break;
          case LET:
            if (!sameBinder(a, b)) return false;
            part(1, false); part(2, true); part(3, checked);
            break;
          case PROJ:
            if (fld(a, 1) !== fld(b, 1) || nameOf(fld(a, 0)) !== nameOf(fld(b, 0))) return false;
            part(2, false);
            break;
          default:
            if (!sameExpr(a, b)) return false;
        }
      }
      return true;
    };

    const pair = (before, after) => [levelsOf(before), levelsOf(after)];
    return {
      /** Whether the types of two constants are the same, but for proofs. */
      types: (before, after) => same(typeOf(before), typeOf(after), { names: pair(before, after), known: false, data: false }, {}),
      /** How the values of two definitions compare: 'same', 'filled' (something stands for a `sorry`), or null where they differ. */
      values: (before, after) => {
        const note = { open: false }, how = { names: pair(before, after), known: true, data: true };
        return !same(valueOf(before), valueOf(after), how, note) ? null : note.open ? 'filled' : 'same';
      },
    };
  };

  return { comparison, sameExpr };
};
