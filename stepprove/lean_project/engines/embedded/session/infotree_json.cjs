// Info trees as JSON, in upstream's form. Source: leanprover-community/repl, REPL/Lean/InfoTree/ToJson.lean.
'use strict';

const TREE = { context: 0, node: 1 };
const INFO_KINDS = ['TacticInfo', 'TermInfo', 'PartialTermInfo', 'CommandInfo', 'MacroExpansionInfo', 'OptionInfo', 'ErrorNameInfo',
  'FieldInfo', 'CompletionInfo', 'UserWidgetInfo', 'CustomInfo', 'FVarAliasInfo', 'FieldRedeclInfo', 'DelabTermInfo', 'ChoiceInfo',
  'DocInfo', 'DocElabInfo'];
const ELAB_INFO = { elaborator: 0, syntax: 1 };
const TACTIC_INFO = { mctxBefore: 1, goalsBefore: 2, mctxAfter: 3, goalsAfter: 4 };
const TERM_INFO = { elabInfo: 0, lctx: 1, expectedType: 2, expr: 3, isBinder: 0 };

module.exports = (lean, contexts, infotree) => {
  const { call, isSc, dec, inc, tag, fld, array, list, nameStr, scalar, persistentArray, LeanError } = lean;
  const { contentOf, syntaxOf } = infotree;

  const kindOf = syntax => {
    const kind = call('l_Lean_Syntax_getKind', inc(syntax)), text = nameStr(kind);
    dec(kind);
    return text;
  };
  const syntaxJson = (context, syntax, pp) => {
    const { pos, endPos } = contexts.range(context, syntax);
    return {
      pp, range: { synthetic: !infotree.isOriginal(syntax), start: pos, finish: endPos }, kind: kindOf(syntax),
      argKinds: infotree.argsOf(syntax).map(kindOf),
    };
  };
  const goalsJson = (context, mctx, goals) => {
    const at = contexts.withMetavariables(context, mctx);
    const out = list(goals).map(goal => contexts.ppGoal(at, goal));
    dec(at);
    return out;
  };
  const elaboratorOf = elabInfo => {
    const elaborator = fld(elabInfo, ELAB_INFO.elaborator);
    return isSc(elaborator) ? null : nameStr(elaborator);
  };

  const tacticJson = (context, syntax, tactic) => ({
    name: infotree.nodeKind(syntax),
    stx: syntaxJson(context, syntax, contexts.ppTactic(context, syntax)),
    goalsBefore: goalsJson(context, fld(tactic, TACTIC_INFO.mctxBefore), fld(tactic, TACTIC_INFO.goalsBefore)),
    goalsAfter: goalsJson(context, fld(tactic, TACTIC_INFO.mctxAfter), fld(tactic, TACTIC_INFO.goalsAfter)),
  });
  const termJson = (context, syntax, term) => {
    const lctx = fld(term, TERM_INFO.lctx), expected = fld(term, TERM_INFO.expectedType);
    return {
      elaborator: elaboratorOf(fld(term, TERM_INFO.elabInfo)),
      stx: syntaxJson(context, syntax, contexts.ppSyntax(context, lctx, syntax)),
      ...(isSc(expected) ? {} : { expectedType: contexts.ppExpr(context, lctx, fld(expected, 0)) }),
      expr: contexts.ppExpr(context, lctx, fld(term, TERM_INFO.expr)),
      isBinder: scalar(term, TERM_INFO.isBinder) === 1,
    };
  };
  // A CommandInfo is its ElabInfo: a structure whose only field is an object is compiled to that object.
  const commandJson = (context, elabInfo) => {
    const syntax = fld(elabInfo, ELAB_INFO.syntax);
    return { elaborator: elaboratorOf(elabInfo), stx: syntaxJson(context, syntax, contexts.ppSyntax(context, 0, syntax)) };
  };
  const contentJson = (info, context) => {
    switch (INFO_KINDS[tag(info)]) {
      case 'TacticInfo': return tacticJson(context, syntaxOf(info), contentOf(info));
      case 'TermInfo': return termJson(context, syntaxOf(info), contentOf(info));
      case 'CommandInfo': return commandJson(context, contentOf(info));
      default: return null;
    }
  };

  const withContext = context => {
    if (!context) throw new LeanError('No `ContextInfo` available.');
    return context;
  };
  // A node that is not kept gives way to what is under it.
  const treeJson = (tree, context, keep) => {
    if (tag(tree) === TREE.context) {
      const inner = infotree.enter(tree, context);
      const out = treeJson(fld(tree, 1), inner, keep);
      if (inner) dec(inner);
      return out;
    }
    if (tag(tree) !== TREE.node) return keep ? [] : [{ goalState: contexts.ppGoal(withContext(context), fld(tree, 0)) }];
    const info = fld(tree, 0), children = persistentArray(fld(tree, 1));
    const below = array(children).flatMap(child => treeJson(child, context, keep));
    dec(children);
    if (keep && !keep(info)) return below;
    return [{ kind: INFO_KINDS[tag(info)], node: contentJson(info, withContext(context)), children: below }];
  };

  const KEEP = {
    full: null,
    tactics: infotree.isTactic,
    original: info => infotree.isTactic(info) && infotree.isOriginal(syntaxOf(info)),
    substantive: info => infotree.isTactic(info) && infotree.isSubstantive(syntaxOf(info)),
  };
  /** The trees (borrowed) as JSON, pruned as asked: "full", "tactics", "original" or "substantive"; anything else gives none. */
  return (trees, form) => Object.hasOwn(KEEP, form ?? '') ? trees.flatMap(tree => treeJson(tree, 0, KEEP[form])) : [];
};
