// How a constant of a text, or its compiled code, is out of the kernel's sight: facts for the gate.
'use strict';

const [THEOREM, OPAQUE, INDUCTIVE] = [2, 3, 5];         // of Lean.ConstantInfo
const SYNC = 0;                                        // EnvExtension.AsyncMode.sync
const UNSAFE_REC = '_unsafe_rec';                      // Lean's compiler takes the code of `f` from `f._unsafe_rec` where there is one
// An instance that `deriving` makes, and a function of it: a handler makes recursive ones `partial`.
const OF_AN_INSTANCE = /(^|\.)inst[^.]*\.[^.]*$/;

module.exports = lean => {
  const { call, box, inc, dec, isSc, tag, fld, constant } = lean;
  const nameOf = lean.nameStr;
  const truth = result => result >> 1 === 1;

  const isUnsafe = info => truth(call('l_Lean_ConstantInfo_isUnsafe', inc(info)));
  const isPartial = info => truth(call('l_Lean_ConstantInfo_isPartial', inc(info)));
  const present = option => { const yes = !isSc(option); dec(option); return yes; };
  /** What stands for the code of a constant: a name as text, or null. */
  const implementedBy = (env, name) => {
    const found = call('l_Lean_Compiler_getImplementedBy_x3f', inc(env), inc(name));
    if (isSc(found)) return null;
    const text = nameOf(fld(found, 0));
    dec(found);
    return text;
  };
  const isExtern = (env, name) => truth(call('l_Lean_isExtern', inc(env), inc(name)));
  const isExported = (env, name) => present(call('l_Lean_ParametricAttribute_getParam_x3f___redArg', box(0), constant('l_Lean_exportAttr'), inc(env), inc(name)));
  // Lean's compiler takes the library's own code for what bears the name of a helper that it made there.
  const isNamedLikeAHelper = (env, name) => present(call('l_Lean_Environment_getModuleIdxFor_x3f', inc(env), inc(name)));
  const isCSimp = (env, name) => truth(call('l_Lean_Compiler_hasCSimpAttribute', inc(env), inc(name)));
  const runsAtStart = (env, name) =>
    truth(call('l_Lean_isIOUnitInitFn', inc(env), inc(name))) || truth(call('l_Lean_hasInitAttr', inc(env), inc(name)));
  const isRecursive = (env, name) => truth(call('l_Lean_TagDeclarationExtension_isTagged', constant('l_Lean_Meta_recExt'), inc(env), inc(name), box(SYNC)));

  const isPartialOpaque = (info, text, constants) => tag(info) === OPAQUE && constants.has(`${text}.${UNSAFE_REC}`) && !OF_AN_INSTANCE.test(text);

  // Computed fields: Lean gives the type's constructors, its `casesOn` and the fields code of its own, for a type `T._impl` beside `T`.
  const isOfComputedFields = (text, code, constants) => {
    if (code !== `${text}._override` && code !== `${text}_override`) return false;
    const owner = text.slice(0, Math.max(0, text.lastIndexOf('.')));
    const type = constants.get(owner);
    return type !== undefined && tag(type.info) === INDUCTIVE && constants.has(`${owner}._impl`);
  };
  // Code that Lean's compiler would take for that of another constant, and that is not Lean's own.
  const isForgedCode = (env, text, constants) => {
    if (!text.endsWith(`.${UNSAFE_REC}`)) return false;
    const of = text.slice(0, -UNSAFE_REC.length - 1), owner = constants.get(of);
    return owner === undefined || tag(owner.info) !== OPAQUE && !isRecursive(env, owner.name);
  };

  /**
   * 'unsafe', 'partial', 'implemented_by', 'extern', 'csimp', 'export' or 'init'; null for what only the kernel's word is needed for. `native`:
   * whether compiled code counts as proof; then not even what Lean's own handlers replace code with is let pass.
   */
  const uncheckedBy = (env, name, info, text, constants, native) => {
    const code = implementedBy(env, name);
    if (code !== null && (native || !isOfComputedFields(text, code, constants))) return 'implemented_by';
    if (native && isForgedCode(env, text, constants)) return 'implemented_by';
    if (isExtern(env, name) || native && isNamedLikeAHelper(env, name)) return 'extern';
    if (isCSimp(env, name)) return 'csimp';
    if (isExported(env, name)) return 'export';
    if (tag(info) !== THEOREM && runsAtStart(env, name)) return 'init';
    if (isUnsafe(info)) return 'unsafe';
    return isPartial(info) || isPartialOpaque(info, text, constants) ? 'partial' : null;
  };

  return { uncheckedBy, isUnsafe, isPartial };
};
