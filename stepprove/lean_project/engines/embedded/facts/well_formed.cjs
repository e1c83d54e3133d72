// What must hold of constants before anything looks into them: closed terms, and types, constructors and recursors that know each other.
// The kernel does not see to all of it: it takes an `opaque` whose value has a free variable.
'use strict';

const [DEFINITION, THEOREM, OPAQUE, QUOTIENT, INDUCTIVE, CONSTRUCTOR, RECURSOR] = [1, 2, 3, 4, 5, 6, 7];   // of Lean.ConstantInfo
// What the kernel computes with by name, or knows the type of by name; and what else makes numbers, characters, texts and quotients.
const OF_NAT = ['zero', 'succ', 'add', 'sub', 'mul', 'div', 'mod', 'pow', 'gcd', 'log2', 'beq', 'ble', 'land', 'lor', 'xor', 'shiftLeft', 'shiftRight', 'rec', 'casesOn'];
const KERNEL_NAMES = new Set([
  'Nat', ...OF_NAT.map(name => `Nat.${name}`), 'Bool', 'Bool.true', 'Bool.false', 'Char', 'Char.mk', 'Char.ofNat',
  'String', 'String.mk', 'String.ofList', 'String.ofByteArray', 'List', 'List.nil', 'List.cons', 'Eq', 'Eq.refl', 'Eq.rec',
  'Quot', 'Quot.mk', 'Quot.lift', 'Quot.ind', 'Quot.sound', 'eagerReduce', 'sorryAx', 'propext', 'Classical.choice',
  'Lean.reduceBool', 'Lean.reduceNat', 'Lean.trustCompiler', 'Lean.ofReduceBool', 'Lean.ofReduceNat',
]);

module.exports = lean => {
  const { call, inc, tag, fld, list } = lean;
  const nameOf = lean.nameStr;
  const constantVal = info => fld(fld(info, 0), 0);
  const truth = result => result >> 1 === 1;

  /** Why a term (borrowed) is no closed term without metavariables, in words; or null. */
  const openTerm = e => truth(call('l_Lean_Expr_hasFVar', inc(e))) ? 'has a free variable'
    : truth(call('l_Lean_Expr_hasMVar', inc(e))) ? 'has a metavariable'
    : call('l_Lean_Expr_looseBVarRange', inc(e)) !== 1 ? 'has a loose bound variable' : null;

  const termsOf = info => {
    const value = fld(info, 0), found = [['type', fld(constantVal(info), 2)]];
    if ([DEFINITION, THEOREM, OPAQUE].includes(tag(info))) found.push(['value', fld(value, 1)]);
    if (tag(info) === RECURSOR) for (const rule of list(fld(value, 6))) found.push(['rule', fld(rule, 2)]);
    return found;
  };
  const isA = (constants, name, kind) => { const found = constants.get(nameOf(name)); return found !== undefined && tag(found.info) === kind; };
  const belongs = (constants, info) => {
    const value = fld(info, 0);
    if (tag(info) === INDUCTIVE) return list(fld(value, 3)).every(type => isA(constants, type, INDUCTIVE)) && list(fld(value, 4)).every(ctor => isA(constants, ctor, CONSTRUCTOR));
    if (tag(info) === CONSTRUCTOR) return isA(constants, fld(value, 1), INDUCTIVE);
    return tag(info) !== RECURSOR || list(fld(value, 1)).every(type => isA(constants, type, INDUCTIVE));
  };

  /** Why one of `constants` (its name as text, its ConstantInfo borrowed) cannot be looked into, in words; or null. */
  const malformed = (constants, text, info) => {
    for (const [part, term] of termsOf(info)) {
      const how = openTerm(term);
      if (how !== null) return `the ${part} of \`${text}\` ${how}`;
    }
    return belongs(constants, info) ? null : `\`${text}\` stands without the type or the constructors that it belongs to`;
  };

  /** Why a text must not declare a constant of that name and kind at all, in words; or null. */
  const reserved = (text, info) => tag(info) === QUOTIENT ? 'the quotient is declared again'
    : KERNEL_NAMES.has(text) ? `\`${text}\` is a name that the kernel computes with: it cannot be declared` : null;

  return { malformed, reserved, openTerm };
};
