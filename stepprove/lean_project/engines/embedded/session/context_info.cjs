// Running and printing inside a ContextInfo: the point of an elaborated text that an info tree records.
'use strict';

const CONTEXT_INFO = { command: 0 };
const COMMAND_CONTEXT = { fileMap: 2, mctx: 3, ngen: 7 };
const POSITION = { line: 0, column: 1 };
const NOT_PRINTED = "failed to pretty print term (use 'set_option pp.rawOnError true' for raw representation)";

module.exports = lean => {
  const { call, box, unbox, isSc, inc, dec, fld, take, withFields, mkList, constant, io, withClosure, pretty, LeanError } = lean;

  const command = context => fld(context, CONTEXT_INFO.command);
  const changed = (context, fields) => withFields(inc(context), { [CONTEXT_INFO.command]: withFields(inc(command(context)), fields) });
  /** The context (borrowed) with other metavariables (borrowed). Owned. */
  const withMetavariables = (context, mctx) => changed(context, { [COMMAND_CONTEXT.mctx]: inc(mctx) });
  /** The same with a name generator of its own, so that what is made there clashes with nothing made later. Owned. */
  const forked = (context, mctx) => {
    const generators = call('l_Lean_NameGenerator_mkChild', inc(fld(command(context), COMMAND_CONTEXT.ngen)));
    return changed(context, { [COMMAND_CONTEXT.mctx]: inc(mctx), [COMMAND_CONTEXT.ngen]: take(generators, 0) });
  };

  // `body(metaContext, metaRef, coreContext, coreRef)`, all taken, gives the result object of a compiled function; `lctx` is taken.
  const runMeta = (context, lctx, body) => io(withClosure(5, (...monad) => body(...monad.slice(0, 4)), closure =>
    call('l_Lean_Elab_ContextInfo_runMetaM___redArg', inc(context), lctx, closure)));
  const emptyContext = () => constant('l_Lean_LocalContext_empty');

  const ppGoal = (context, goal) =>
    pretty(runMeta(context, emptyContext(), (...monad) => call('l_Lean_Meta_ppGoal', inc(goal), ...monad)));
  const ppGoals = (context, goals) =>
    pretty(io(call('l_Lean_Elab_ContextInfo_ppGoals', inc(context), mkList(goals.map(inc))))).trim();
  const ppExpr = (context, lctx, expr) => {
    const instantiated = take(call('l_Lean_instantiateMVarsCore', inc(fld(command(context), COMMAND_CONTEXT.mctx)), inc(expr)), 0);
    return pretty(runMeta(context, inc(lctx), (...monad) => call('l_Lean_Meta_ppExpr', instantiated, ...monad)));
  };
  const ppTactic = (context, syntax) => {
    try {
      return pretty(runMeta(context, emptyContext(), (metaContext, metaRef, ...core) => {
        dec(metaContext);
        dec(metaRef);
        return call('l_Lean_PrettyPrinter_ppTactic', inc(syntax), ...core);
      }));
    } catch (error) {
      if (error instanceof LeanError) return '<failed to pretty print>';
      throw error;
    }
  };
  /** A syntax as text, or null where Lean cannot print it. `lctx` is borrowed; 0: no hypotheses. */
  const ppSyntax = (context, lctx, syntax) => {
    const text = pretty(io(call('l_Lean_Elab_ContextInfo_ppSyntax', inc(context), lctx ? inc(lctx) : emptyContext(), inc(syntax))));
    return text === NOT_PRINTED ? null : text;
  };

  const position = (context, offset) => {
    const found = call('l_Lean_FileMap_toPosition', inc(fld(command(context), COMMAND_CONTEXT.fileMap)), inc(offset));
    const at = { line: unbox(fld(found, POSITION.line)), column: unbox(fld(found, POSITION.column)) };
    dec(found);
    return at;
  };
  /** Where a syntax stands in its text: { pos, endPos }. */
  const range = (context, syntax) => {
    const start = call('l_Lean_Syntax_getPos_x3f', inc(syntax), box(0)), end = call('l_Lean_Syntax_getTailPos_x3f', inc(syntax), box(0));
    const from = isSc(start) ? box(0) : fld(start, 0), to = isSc(end) ? from : fld(end, 0);
    const result = { pos: position(context, from), endPos: position(context, to) };
    dec(start);
    dec(end);
    return result;
  };

  return { withMetavariables, forked, ppGoal, ppGoals, ppExpr, ppTactic, ppSyntax, range };
};
