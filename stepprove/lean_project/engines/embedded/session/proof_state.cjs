// Proof states: making one from a point of an elaborated text, running tactics on it, and saying how far the proof is.
//
// A snapshot holds what Lean's tactic framework needs to go on: { coreState, coreContext, metaState, metaContext, termState, goals,
// rootGoals }, all owned; goals and rootGoals are Lean lists of metavariables. Snapshots never change: a step makes a new one.
'use strict';

// Fields of Lean's structures, by position; `scalars` counts the bytes after the object fields.
const CORE_STATE = { env: 0, ngen: 2, traceState: 4, messages: 6, infoState: 7 };
const CORE_CONTEXT = { fileMap: 1, options: 2, currNamespace: 6, openDecls: 7, initHeartbeats: 8, scalars: 2 };
const META_STATE = { mctx: 0 };
const META_CONTEXT = { keyedConfig: 0, lctx: 2, localInstances: 3, scalars: 3 };
const MVAR_DECL = { lctx: 1, type: 2, localInstances: 4 };
const LOCAL_DECL = { index: 0 };
const INFO_STATE = { assignment: 0, trees: 2 };
const TRACE_STATE = { traces: 0 };
const TRACE_ELEMENT = { msg: 1 };
const PERSISTENT_ARRAY = { size: 2 };
const COLLECTED_FVARS = { fvarIds: 2 }, COLLECTED_LEVELS = { params: 2 };
// Constructors and enumerations.
const EXCEPTION_ERROR = 0;
const DEFINITION_DECL = 1, HINTS_OPAQUE = 0, SAFETY_SAFE = 1;
const COMMAND_CONTEXT = 0;                                          // PartialContextInfo.commandCtx
const BINDER_IMPLICIT = 1;
const KEYS = ['coreState', 'coreContext', 'metaState', 'metaContext', 'termState', 'goals', 'rootGoals'];

module.exports = lean => {
  const {
    call, raw, box, unbox, isSc, inc, dec, tag, fld, take, mkCtor, withFields, mkArr, array, list, mkList, some, none, mkStr, takeStr,
    name, constant, io, newRef, readRef, ok, withClosure, truth, pretty, heap, LeanError,
  } = lean;
  const { persistentArray } = lean;

  // ---- running monadic functions that Lean compiled

  const messageText = data => takeStr(call('l_Lean_MessageData_toString', data));
  const exceptionText = exception => {
    if (tag(exception) === EXCEPTION_ERROR) {
      return messageText(call('l_Lean_Exception_toMessageData', exception));
    }
    const id = unbox(fld(exception, 0));
    dec(exception);
    return `internal exception #${id}`;
  };
  // The value of an EIO Exception result; LeanError with Lean's words otherwise.
  const valueOf = result => {
    if (tag(result) === 0) return take(result, 0);
    throw new LeanError(exceptionText(take(result, 0)));
  };

  // Term.Context and Term.State as a fresh term elaboration has them.
  const EMPTY_MAP = box(1), EMPTY_LIST = box(0), ANONYMOUS = box(0);
  const neverForbidden = lean.closure(1, id => { dec(id); return box(0); });
  const termContext = mkCtor(
    0, [none, EMPTY_LIST, none, neverForbidden, EMPTY_MAP, EMPTY_MAP, none, mkArr([])], [1, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
  const newTermState = () => mkCtor(0, [EMPTY_LIST, EMPTY_MAP, EMPTY_LIST, EMPTY_LIST, EMPTY_LIST, EMPTY_MAP, EMPTY_LIST]);
  const newTacticContext = () => mkCtor(0, [ANONYMOUS], [1]);       // elaborator, recover

  // The Meta configuration of term elaboration, made from the one given; the same for every snapshot, as all start from Lean's default.
  let elaborationConfig = 0;
  const elaborationContext = (metaContext, metaRef, coreArgs) => {
    if (!elaborationConfig) {
      const capture = withClosure(7, (termCtx, termRef, metaCtx, ...rest) => {
        elaborationConfig = inc(fld(metaCtx, META_CONTEXT.keyedConfig));
        [termCtx, termRef, metaCtx, ...rest].forEach(dec);
        return ok(box(0));
      }, closure => call(
        'l_Lean_Elab_Term_TermElabM_run___redArg', closure, inc(termContext), newTermState(), inc(metaContext), inc(metaRef), ...coreArgs()));
      dec(valueOf(capture));
    }
    return withFields(inc(metaContext), { [META_CONTEXT.keyedConfig]: inc(elaborationConfig) }, META_CONTEXT.scalars);
  };

  // Mutable references over a snapshot for the time of `body`, and ways to call CoreM, MetaM, TermElabM and TacticM functions on them.
  const within = (snapshot, body) => {
    raw('lean_io_set_heartbeats')(box(0));
    heap();
    const refs = {
      core: newRef(inc(snapshot.coreState)), meta: newRef(inc(snapshot.metaState)), term: newRef(inc(snapshot.termState)),
      tactic: newRef(inc(snapshot.goals)),
    };
    const coreArgs = () => [inc(snapshot.coreContext), inc(refs.core)];
    const elaboration = elaborationContext(snapshot.metaContext, refs.meta, coreArgs);
    const metaArgs = context => [inc(context), inc(refs.meta), ...coreArgs()];
    const termArgs = () => [inc(termContext), inc(refs.term), ...metaArgs(elaboration)];
    const monads = {
      core: (f, ...args) => valueOf(call(f, ...args, ...coreArgs())),
      meta: (f, ...args) => valueOf(call(f, ...args, ...metaArgs(snapshot.metaContext))),
      metaIn: (context, f, ...args) => valueOf(call(f, ...args, ...metaArgs(context))),
      term: (f, ...args) => valueOf(call(f, ...args, ...termArgs())),
      tactic: (f, ...args) => valueOf(call(f, ...args, newTacticContext(), inc(refs.tactic), ...termArgs())),
      state: which => readRef(refs[which]),
    };
    try { return body(monads); } finally {
      Object.values(refs).forEach(dec);
      dec(elaboration);
    }
  };

  const release = snapshot => KEYS.forEach(key => dec(snapshot[key]));
  const copy = snapshot => Object.fromEntries(KEYS.map(key => [key, inc(snapshot[key])]));

  // ---- making one

  /**
   * From a ContextInfo (taken), goals (metavariables, borrowed) and, where there is no goal yet, a `type` for one and its local
   * context `lctx` (borrowed). `env`, borrowed, takes the place of the context's environment unless 0, so that a proof cannot use
   * what was declared after its theorem's beginning, nor the theorem itself.
   */
  const create = ({ context, goals, type, lctx, rootGoals, env }) => {
    let snapshot = null;
    const capture = (metaContext, metaRef, coreContext, coreRef) => {
      const all = goals.map(inc);
      if (type) {
        const made = call(
          'l_Lean_Meta_mkFreshExprMVar', some(inc(type)), box(0), box(0), inc(metaContext), inc(metaRef), inc(coreContext), inc(coreRef));
        if (tag(made) !== 0) {
          [metaContext, metaRef, coreContext, coreRef, ...all].forEach(dec);
          return made;
        }
        const expr = take(made, 0);
        all.push(inc(fld(expr, 0)));
        dec(expr);
      }
      const coreState = readRef(coreRef), metaState = readRef(metaRef), goalList = mkList(all);
      dec(metaRef);
      dec(coreRef);
      snapshot = {
        coreState: env ? withFields(coreState, { [CORE_STATE.env]: inc(env) }) : coreState,
        coreContext: withFields(coreContext, { [CORE_CONTEXT.initHeartbeats]: box(0) }, CORE_CONTEXT.scalars),
        metaState, metaContext, termState: newTermState(), goals: goalList,
        rootGoals: rootGoals ? mkList(rootGoals.map(inc)) : inc(goalList),
      };
      return ok(box(0));
    };
    const local = lctx ? inc(lctx) : constant('l_Lean_LocalContext_empty');
    dec(io(withClosure(5, capture, closure => call('l_Lean_Elab_ContextInfo_runMetaM___redArg', context, local, closure))));
    return snapshot;
  };

  // ---- asking it

  const goalTexts = snapshot =>
    within(snapshot, monads => list(snapshot.goals).map(goal => pretty(monads.meta('l_Lean_Meta_ppGoal', inc(goal)))));

  const declarationOf = (metaState, mvar) => {
    const found = call('l_Lean_MetavarContext_findDecl_x3f', inc(fld(metaState, META_STATE.mctx)), inc(mvar));
    if (isSc(found)) throw new LeanError('unknown metavariable');
    return take(found, 0);
  };
  // The Meta context inside a goal: its hypotheses and instances.
  const inside = (snapshot, declaration) => withFields(inc(snapshot.metaContext), {
    [META_CONTEXT.lctx]: inc(fld(declaration, MVAR_DECL.lctx)),
    [META_CONTEXT.localInstances]: inc(fld(declaration, MVAR_DECL.localInstances)),
  }, META_CONTEXT.scalars);

  const instantiate = (monads, expr) => {
    const state = monads.state('meta');
    const pair = call('l_Lean_instantiateMVarsCore', inc(fld(state, META_STATE.mctx)), expr);
    dec(state);
    return take(pair, 0);
  };

  // The hypotheses of `lctx` that a term mentions, in their order, as an owned array of expressions; null when there are none.
  const mentioned = (lctx, expr) => {
    const collected = call('l_Lean_collectFVars', constant('l_Lean_CollectFVars_instInhabitedState_default'), inc(expr));
    const known = [];
    for (const id of array(fld(collected, COLLECTED_FVARS.fvarIds))) {
      const found = call('lean_local_ctx_find', inc(lctx), inc(id));
      if (!isSc(found)) {
        const local = fld(found, 0);
        if (!truth(call('l_Lean_LocalDecl_isImplementationDetail', inc(local)))) {
          known.push({ index: unbox(fld(fld(local, 0), LOCAL_DECL.index)), id: inc(id) });
        }
      }
      dec(found);
    }
    dec(collected);
    known.sort((a, b) => a.index - b.index);
    return known.length ? mkArr(known.map(({ id }) => call('lean_expr_mk_fvar', id))) : null;
  };
  const abstractAll = (monads, context, expr) => {
    while (truth(call('l_Lean_Expr_hasFVar', inc(expr)))) {
      const fvars = mentioned(fld(context, META_CONTEXT.lctx), expr);
      if (fvars === null) break;
      expr = monads.metaIn(context, 'l_Lean_Meta_mkLambdaFVars', fvars, expr, box(0), box(1), box(0), box(1), box(BINDER_IMPLICIT));
    }
    return expr;
  };

  const levelParameters = (...exprs) => {
    const state = exprs.reduce(
      (state, expr) => call('l_Lean_collectLevelParams', state, inc(expr)), constant('l_Lean_CollectLevelParams_instInhabitedState'));
    const names = mkList(array(fld(state, COLLECTED_LEVELS.params)).map(inc));
    dec(state);
    return names;
  };

  // Ask the kernel; null, or its complaint. Takes the type, borrows the proof.
  const kernelComplaint = (monads, type, proof) => {
    const constantVal = mkCtor(0, [ANONYMOUS, levelParameters(type, proof), type]);
    const definition = mkCtor(0, [constantVal, inc(proof), box(HINTS_OPAQUE), mkList([ANONYMOUS])], [SAFETY_SAFE]);
    try {
      dec(monads.core('l_Lean_addDecl', mkCtor(DEFINITION_DECL, [definition]), box(0)));
      return null;
    } catch (error) {
      if (error instanceof LeanError) return error.message;
      throw error;
    }
  };

  const statusOf = (monads, snapshot, goal, assigned, onClosed) => {
    const declaration = declarationOf(snapshot.metaState, goal), context = inside(snapshot, declaration);
    dec(declaration);
    const infer = expr => instantiate(monads, monads.metaIn(context, 'lean_infer_type', inc(expr)));
    const owned = [context];
    const own = expr => { owned.push(expr); return expr; };
    try {
      const open = own(instantiate(monads, assigned));
      const type = own(infer(open)), expected = own(infer(own(call('lean_expr_mk_mvar', inc(goal)))));
      if (!truth(monads.metaIn(context, 'l_Lean_Meta_isExprDefEq', inc(type), inc(expected)))) {
        const show = expr => pretty(monads.metaIn(context, 'l_Lean_Meta_ppExpr', inc(expr)));
        return `Error: proof has type ${show(type)} but root goal has type ${show(expected)}`;
      }
      const proof = own(abstractAll(monads, context, inc(open)));
      if (truth(call('l_Lean_Expr_hasExprMVar', inc(proof)))) return 'Incomplete: contains metavariable(s)';
      const complaint = kernelComplaint(monads, infer(proof), proof);
      if (complaint !== null) return `Error: kernel type check failed: ${complaint}`;
      if (truth(call('l_Lean_Expr_hasSorry', inc(proof)))) return 'Incomplete: contains sorry';
      onClosed(proof, fld(snapshot.coreState, CORE_STATE.env));
      return 'Completed';
    } finally { owned.forEach(dec); }
  };
  /** How far the proof is, in upstream's words; `onClosed(term, environment)`, both borrowed, is told of a completed proof. */
  const status = (snapshot, onClosed) => {
    if (!isSc(snapshot.goals)) return 'Incomplete: open goals remain';
    const roots = list(snapshot.rootGoals);
    if (roots.length !== 1) return 'Not verified: more than one initial goal';
    const assigned = call(
      'l_Lean_MetavarContext_getExprAssignmentCore_x3f', inc(fld(snapshot.metaState, META_STATE.mctx)), inc(roots[0]));
    if (isSc(assigned)) return 'Error: Goal not assigned';
    return within(snapshot, monads => statusOf(monads, snapshot, roots[0], take(assigned, 0), onClosed));
  };

  // ---- stepping

  const gathered = (monads, snapshot, changes) => ({
    coreState: monads.state('core'), coreContext: inc(snapshot.coreContext),
    metaState: monads.state('meta'), metaContext: inc(snapshot.metaContext),
    termState: monads.state('term'), ...changes,
  });

  /** Run a tactic, given as text; gives the new snapshot. Raises LeanError with Lean's words. */
  const step = (snapshot, text) => {
    const parsed = call(
      'l_Lean_Parser_runParserCategory', inc(fld(snapshot.coreState, CORE_STATE.env)), name('tactic'), mkStr(text), mkStr('<input>'));
    if (tag(parsed) === 0) throw new LeanError(takeStr(take(parsed, 0)));
    return within(snapshot, monads => {
      dec(monads.tactic('l_Lean_Elab_Tactic_evalTactic', take(parsed, 0)));
      dec(monads.term('l_Lean_Elab_Term_synthesizeSyntheticMVarsNoPostponing', box(0)));
      return gathered(monads, snapshot, { goals: monads.state('tactic'), rootGoals: inc(snapshot.rootGoals) });
    });
  };

  /** The state whose only goal is the negation of this one's only goal, all hypotheses reverted. */
  const negate = snapshot => within(snapshot, monads => {
    const goals = list(snapshot.goals);
    if (goals.length !== 1) throw new LeanError(`only a state with one goal has a negation; this one has ${goals.length}`);
    const closed = monads.meta('l_Lean_MVarId_revertAll', inc(goals[0]));
    const metaState = monads.state('meta'), declaration = declarationOf(metaState, closed);
    dec(metaState);
    dec(closed);
    const statement = instantiate(monads, inc(fld(declaration, MVAR_DECL.type)));
    const metaContext = inside(snapshot, declaration);
    dec(declaration);
    if (truth(call('l_Lean_Expr_hasExprMVar', inc(statement)))) {
      dec(statement);
      dec(metaContext);
      throw new LeanError('the goal depends on others (it contains metavariables): it has no negation of its own');
    }
    const negation = call('l_Lean_mkNot', statement);
    const mvar = monads.metaIn(metaContext, 'l_Lean_Meta_mkFreshExprMVar', some(negation), box(0), box(0));
    const only = mkList([inc(fld(mvar, 0))]);
    dec(mvar);
    const made = gathered(monads, snapshot, { metaContext, goals: only, rootGoals: inc(only) });
    dec(snapshot.metaContext);                                       // `gathered` counted it, `metaContext` takes its place
    return made;
  });

  // ---- what a step added

  const newTraces = (snapshot, old) => {
    const traces = state => fld(fld(state.coreState, CORE_STATE.traceState), TRACE_STATE.traces);
    const all = persistentArray(traces(snapshot)), known = old ? unbox(fld(traces(old), PERSISTENT_ARRAY.size)) : 0;
    const out = array(all).slice(known).map(
      trace => messageText(inc(fld(trace, TRACE_ELEMENT.msg))).trim());
    dec(all);
    return out;
  };
  const infoTrees = snapshot => fld(fld(snapshot.coreState, CORE_STATE.infoState), INFO_STATE.trees);
  // Owned trees, under the context that the command `old` came from would have given them.
  const newTrees = (snapshot, old) => {
    const assignment = fld(fld(snapshot.coreState, CORE_STATE.infoState), INFO_STATE.assignment);
    const context = mkCtor(COMMAND_CONTEXT, [mkCtor(0, [
      inc(fld(old.coreState, CORE_STATE.env)), none, inc(fld(old.coreContext, CORE_CONTEXT.fileMap)),
      inc(fld(old.metaState, META_STATE.mctx)), inc(fld(old.coreContext, CORE_CONTEXT.options)),
      inc(fld(old.coreContext, CORE_CONTEXT.currNamespace)), inc(fld(old.coreContext, CORE_CONTEXT.openDecls)),
      inc(fld(old.coreState, CORE_STATE.ngen)),
    ])]);
    const all = persistentArray(infoTrees(snapshot)), known = unbox(fld(infoTrees(old), PERSISTENT_ARRAY.size));
    const out = array(all).slice(known).map(
      tree => mkCtor(0, [inc(context), call('l_Lean_Elab_InfoTree_substitute', inc(tree), inc(assignment))]));
    dec(all);
    dec(context);
    return out;
  };
  /** Messages, traces and info trees (owned) that `old`, where there is one, did not have. */
  const since = (snapshot, old, readMessages) => {
    const log = state => inc(fld(state.coreState, CORE_STATE.messages));
    const all = call('l_Lean_MessageLog_toArray', log(old || snapshot)), known = old ? lean.arrSize(all) : 0;
    dec(all);
    return {
      messages: readMessages(log(snapshot), known), traces: newTraces(snapshot, old), trees: old ? newTrees(snapshot, old) : [],
    };
  };

  return { create, step, negate, status, goalTexts, since, release, copy };
};
