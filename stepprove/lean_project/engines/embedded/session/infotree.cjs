// Walking Lean's info trees: the holes, tactic calls and first goals that the protocol reports.
// Trees and what hangs in them are borrowed; a context handed to a visitor's caller is owned by it.
'use strict';

const TREE = { context: 0, node: 1 };                               // InfoTree's constructors
const INFO = { tactic: 0, term: 1 };                                // Info's first constructors
const TACTIC_INFO = { elabInfo: 0, mctxBefore: 1, goalsBefore: 2, mctxAfter: 3 };
const TERM_INFO = { lctx: 1, expectedType: 2 };
const ELAB_INFO = { syntax: 1 };
const SYNTAX = { node: 1, atom: 2 };                                // Syntax's constructors; `missing` is a scalar
const NODE = { kind: 1, args: 2 }, ATOM = { text: 1 };
const SOURCE_ORIGINAL = 0;
const COLLECTED_MVARS = { result: 1 };
const TREE_SET = { key: 1, left: 3, right: 4 };
// Syntax that only combines tactics: not a step of its own. Source: upstream's TacticInfo.isSubstantive.
const COMBINATORS = new Set(['null', 'Lean.cdot', 'Lean.cdotTk', 'Lean.Parser.Term.byTactic', 'Lean.Parser.Tactic.tacticSeq',
  'Lean.Parser.Tactic.tacticSeq1Indented', 'Lean.Parser.Tactic.«tactic_<;>_»', 'Lean.Parser.Tactic.paren']);

module.exports = (lean, contexts) => {
  const { call, box, isSc, inc, dec, tag, fld, take, array, list, nameStr, str, none, some, constant, persistentArray } = lean;

  /** The context under a `context` node, owned; 0 where there is none. `outer` is borrowed, 0 for none. */
  const enter = (tree, outer) => {
    const merged = call('l_Lean_Elab_PartialContextInfo_mergeIntoOuter_x3f', inc(fld(tree, 0)), outer ? some(inc(outer)) : none);
    return isSc(merged) ? 0 : take(merged, 0);
  };
  const STAY_OUT = Symbol('do not visit what is under this node');
  // Depth first, parents before children: visit(info, context), with context 0 where there is none.
  const walk = (tree, context, visit) => {
    if (isSc(tree)) return;
    if (tag(tree) === TREE.context) {
      const inner = enter(tree, context);
      walk(fld(tree, 1), inner, visit);
      if (inner) dec(inner);
    } else if (tag(tree) === TREE.node && visit(fld(tree, 0), context) !== STAY_OUT) {
      const children = persistentArray(fld(tree, 1));
      for (const child of array(children)) walk(child, context, visit);
      dec(children);
    }
  };

  // ---- syntax

  const contentOf = info => fld(info, 0);                           // TacticInfo, TermInfo, …
  const syntaxOf = info => fld(fld(contentOf(info), TACTIC_INFO.elabInfo), ELAB_INFO.syntax);
  const isNode = syntax => !isSc(syntax) && tag(syntax) === SYNTAX.node;
  /** The kind of a syntax node as text; null for atoms and identifiers. */
  const nodeKind = syntax => isNode(syntax) ? nameStr(fld(syntax, NODE.kind)) : null;
  const argsOf = syntax => isNode(syntax) ? array(fld(syntax, NODE.args)) : [];
  const isJustSorry = (syntax, kind) => {
    const args = argsOf(syntax);
    return args.length === 1 && !isSc(args[0]) && tag(args[0]) === SYNTAX.atom && str(fld(args[0], ATOM.text)) === 'sorry'
      && nodeKind(syntax) === kind;
  };
  const isSorryTactic = syntax => isJustSorry(syntax, 'Lean.Parser.Tactic.tacticSorry');
  const isSorryTerm = syntax => isJustSorry(syntax, 'Lean.Parser.Term.sorry');
  /** Whether a person wrote it, not a macro. */
  const isOriginal = syntax => {
    const head = call('l_Lean_Syntax_getHeadInfo', inc(syntax));
    const original = !isSc(head) && tag(head) === SOURCE_ORIGINAL;
    dec(head);
    return original;
  };
  const isSubstantive = syntax => { const kind = nodeKind(syntax); return kind !== null && !COMBINATORS.has(kind); };

  // ---- what the protocol lists

  const isTactic = info => tag(info) === INFO.tactic;
  const goalsBefore = tactic => list(fld(tactic, TACTIC_INFO.goalsBefore));
  const before = (context, tactic) => contexts.forked(context, fld(tactic, TACTIC_INFO.mctxBefore));

  /** Every explicit `sorry`, the tactics of a tree before its terms: visit({ context, goals, type?, lctx?, pos, endPos }). */
  const sorries = (trees, visit) => {
    for (const tree of trees) {
      walk(tree, 0, (info, context) => {
        if (!isTactic(info) || !context || !isSorryTactic(syntaxOf(info))) return;
        const tactic = contentOf(info), [goal] = goalsBefore(tactic);
        if (goal !== undefined) visit({ context: before(context, tactic), goals: [goal], ...contexts.range(context, syntaxOf(info)) });
      });
      walk(tree, 0, (info, context) => {
        if (isTactic(info) && isSorryTactic(syntaxOf(info))) return STAY_OUT;
        if (tag(info) !== INFO.term || !context || !isSorryTerm(syntaxOf(info))) return;
        const term = contentOf(info), expected = fld(term, TERM_INFO.expectedType);
        if (isSc(expected)) return;
        const at = contexts.range(context, syntaxOf(info));
        visit({ context: inc(context), goals: [], type: fld(expected, 0), lctx: fld(term, TERM_INFO.lctx), ...at });
      });
    }
  };

  /** Every tactic call that a person wrote, without mere combinators: visit({ context, tactic, goals, syntax, pos, endPos }). */
  const tactics = (trees, visit) => {
    for (const tree of trees) walk(tree, 0, (info, context) => {
      if (!isTactic(info) || !context) return;
      const syntax = syntaxOf(info), tactic = contentOf(info);
      if (!isOriginal(syntax) || !isSubstantive(syntax)) return;
      visit({ context: before(context, tactic), tactic, goals: goalsBefore(tactic), syntax, ...contexts.range(context, syntax) });
    });
  };

  /** The goals that each outermost tactic block begins with: visit({ context, goals, pos }). */
  const rootGoals = (trees, visit) => {
    for (const tree of trees) walk(tree, 0, (info, context) => {
      if (!isTactic(info)) return;
      const tactic = contentOf(info);
      if (context) visit({ context: before(context, tactic), goals: goalsBefore(tactic), pos: contexts.range(context, syntaxOf(info)).pos });
      return STAY_OUT;
    });
  };

  // ---- the constants that a tactic call put into the proof

  const assignmentsOf = (mctx, mvars) => mvars.flatMap(mvar => {     // owned expressions
    const found = call('l_Lean_MetavarContext_getExprAssignmentCore_x3f', inc(mctx), inc(mvar));
    return isSc(found) ? [] : [take(found, 0)];
  });
  const inOrder = node => isSc(node) ? []
    : [...inOrder(fld(node, TREE_SET.left)), nameStr(fld(node, TREE_SET.key)), ...inOrder(fld(node, TREE_SET.right))];
  /** Their names, in the order of Lean's set of names. */
  const usedConstants = tactic => {
    const mctx = fld(tactic, TACTIC_INFO.mctxAfter);
    let names = box(1);                                              // the empty set
    const gather = mvars => {
      const expressions = assignmentsOf(mctx, mvars);
      for (const expr of expressions) {
        const used = call('l_Lean_Expr_getUsedConstants', inc(expr));
        for (const constantName of array(used)) names = call('l_Lean_NameSet_insert', names, inc(constantName));
        dec(used);
        const collected = call('l_Lean_Expr_collectMVars', constant('l_Lean_CollectMVars_instInhabitedState'), expr);
        gather(array(fld(collected, COLLECTED_MVARS.result)));
        dec(collected);
      }
    };
    gather(goalsBefore(tactic));
    const out = inOrder(names);
    dec(names);
    return out;
  };

  return {
    enter, sorries, tactics, rootGoals, usedConstants, contentOf, syntaxOf, nodeKind, argsOf, isTactic, isOriginal, isSubstantive,
  };
};
