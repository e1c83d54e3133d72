// The REPL's memory and its answers: environments and proof states by number, one function for each kind of request.
'use strict';

const kindOf = require('./requests.cjs');
const pickles = require('./pickle.cjs');

const ENVIRONMENT = 'an environment', PROOF_STATE = 'a proof state';

class Refusal extends Error {}             // becomes {"message": …}: the request cannot be served

module.exports = lean => {
  const { array, list, inc, dec, LeanError } = lean;
  const frontend = require('./frontend.cjs')(lean);
  const contexts = require('./context_info.cjs')(lean);
  const infotree = require('./infotree.cjs')(lean, contexts);
  const infotreeJson = require('./infotree_json.cjs')(lean, contexts, infotree);
  const proofs = require('./proof_state.cjs')(lean);
  const inspector = require('../facts/inspect.cjs')(lean);
  const { compile } = require('./compile.cjs')(lean, frontend);

  const environments = [], states = [];    // by number; null once forgotten
  const find = (where, number, complaint) => {
    const found = where[number];
    if (!found) throw new Refusal(complaint);
    return found;
  };
  const environment = number => find(environments, number, 'Unknown environment.');
  const state = number => find(states, number, 'Unknown proof state.');
  const keep = (where, item) => where.push(item) - 1;
  const keepState = (snapshot, history) => keep(states, { snapshot, history });

  const nonEmpty = (key, items) => items.length ? { [key]: items } : {};

  // ---- commands

  const sorriesOf = (trees, env, rootGoals, history) => {
    const out = [];
    infotree.sorries(trees, ({ context, goals, type, lctx, pos, endPos }) => {
      const snapshot = proofs.create({ context, goals, type, lctx, env, rootGoals });
      const goal = proofs.goalTexts(snapshot).join('\n');
      out.push({ proofState: keepState(snapshot, history()), goal, ...(pos.line ? { pos } : {}), ...(endPos.line ? { endPos } : {}) });
    });
    return out;
  };

  const sorriesUnless = (barren, tree, env, history) => {
    if (barren.has(tree)) return [];
    const found = sorriesOf([tree], env, null, history);
    if (!found.length) barren.add(tree);
    return found;
  };

  const rootGoalsOf = (trees, env, history) => {
    const out = [];
    infotree.rootGoals(trees, ({ context, goals, pos }) => {
      const goal = contexts.ppGoals(context, goals);
      const snapshot = proofs.create({ context, goals, env, rootGoals: goals });
      out.push({ proofState: keepState(snapshot, history()), goal, pos, endPos: pos });
    });
    return out;
  };

  const tacticsOf = (trees, env, history) => {
    const out = [];
    infotree.tactics(trees, ({ context, tactic, goals, syntax, pos, endPos }) => {
      const usedConstants = infotree.usedConstants(tactic);
      const text = contexts.ppTactic(context, syntax);
      const shown = contexts.ppGoals(context, goals);
      const snapshot = proofs.create({ context, goals, env, rootGoals: goals });
      out.push({ usedConstants, tactic: text, proofState: keepState(snapshot, history()), pos, goals: shown, endPos });
    });
    return out;
  };

  // Elaborate a text; gives the new environment's number and what the answer lists.
  const elaborate = (text, base, { allTactics, rootGoals, infotree: trace, reuse }) => {
    const { before, after, header, messages, barren } = frontend.process(text, base, reuse !== false);
    const env = frontend.environmentOf(before);
    const command = { parent: base ? base.history : null, text, options: { allTactics, rootGoals } };
    let states = 0;
    const history = () => ({ command, index: states++ });
    const owned = frontend.infoTrees(after), trees = array(owned);
    const answer = {
      messages,
      sorries: [...trees.flatMap(tree => sorriesUnless(barren, tree, env, history)), ...(rootGoals ? rootGoalsOf(trees, env, history) : [])],
      tactics: allTactics ? tacticsOf(trees, env, history) : [],
    };
    const infotrees = infotreeJson(trees, trace);
    dec(owned); dec(before);
    return { number: keep(environments, { state: frontend.settled(after), header, history: command }), infotrees, ...answer };
  };

  const command = request => {
    const base = request.env === undefined || request.env === null ? null : environment(request.env);
    const { number, messages, sorries, tactics, infotrees } = elaborate(request.cmd, base, request);
    return {
      env: number, ...nonEmpty('messages', messages), ...nonEmpty('sorries', sorries), ...nonEmpty('tactics', tactics),
      ...nonEmpty('infotree', infotrees),
    };
  };

  // The client reads files and sends their texts as commands: nothing here reaches them.
  const file = request => { throw new Refusal(`cannot read ${request.path}: this engine reaches no files`); };

  // ---- proof states

  const answerState = (snapshot, old, history, wantsAxioms) => {
    const { messages, traces, trees } = proofs.since(snapshot, old, frontend.messages);
    let nested = 0;
    const sorries = sorriesOf(trees, 0, list(snapshot.rootGoals), () => ({ ...history, index: nested++ }));
    trees.forEach(dec);
    const number = keepState(snapshot, history);
    let axioms = [];
    const closed = (proof, env) => { if (wantsAxioms) axioms = inspector.axiomsOfTerm(proof, env); };
    const goals = proofs.goalTexts(snapshot);
    const proofStatus = proofs.status(snapshot, closed);
    return {
      proofStatus, proofState: number, ...nonEmpty('messages', messages), goals, ...nonEmpty('sorries', sorries),
      ...nonEmpty('traces', traces), ...(wantsAxioms && proofStatus === 'Completed' ? { axioms } : {}),
    };
  };

  const step = request => {
    const old = state(request.proofState);
    const history = { state: old.history, tactic: request.tactic, index: null };
    try {
      return answerState(proofs.step(old.snapshot, request.tactic), old.snapshot, history, request.axioms === true);
    } catch (error) {
      if (error instanceof LeanError) throw new Refusal(`Lean error:\n${error.message}`);
      throw error;
    }
  };

  const negate = request => {
    const old = state(request.negate);
    return answerState(proofs.negate(old.snapshot), old.snapshot, { negated: old.history }, false);
  };

  // ---- pickles

  const pickleEnvironment = request => {
    const { history } = environment(request.env);
    return { env: request.env, pickle: pickles.write(frontend.leanVersion, ENVIRONMENT, pickles.environmentSteps(history)) };
  };

  // Elaborate a pickled chain of texts; gives the last answer. What lies between is let go.
  const replay = steps => {
    const made = [];
    let answer = null;
    for (const { text, options } of steps) {
      answer = elaborate(text, made.length ? environment(made.at(-1)) : null, options);
      made.push(answer.number);
    }
    forget({ envs: made.slice(0, -1) });
    return answer;
  };
  // Run `body` and let go of all that it kept but what `chosen(result)` names; numbering goes on as if it alone had been made.
  const keepingOnly = (body, chosen) => {
    const marks = [environments.length, states.length];
    let kept = null;
    try { return kept = chosen(body()); } finally {
      [environments, states].forEach((where, i) => where.splice(marks[i]).forEach(item => { if (item && item !== kept) release(item); }));
    }
  };

  const unpickleEnvironment = request => {
    const steps = pickles.read(request.unpickleEnvFrom, request.pickle, frontend.leanVersion, ENVIRONMENT);
    const kept = keepingOnly(() => replay(steps), answer => environments[answer.number]);
    return { env: keep(environments, kept) };
  };

  const pickleProofState = request => {
    const found = find(states, request.proofState, 'Unknown proof State.');
    const content = { ...pickles.stateSteps(found.history), goals: proofs.goalTexts(found.snapshot) };
    const pickle = pickles.write(frontend.leanVersion, PROOF_STATE, content);
    return { ...answerState(proofs.copy(found.snapshot), null, found.history, false), pickle };
  };

  const unpickleProofState = request => {
    if (request.env !== undefined && request.env !== null) environment(request.env);
    const { commands, index, steps, goals } = pickles.read(request.unpickleProofStateFrom, request.pickle, frontend.leanVersion, PROOF_STATE);
    const kept = keepingOnly(() => {
      const { sorries, tactics } = replay(commands);
      let number = [...sorries, ...tactics][index].proofState;
      for (const { tactic, negate: negated, index: nested } of steps) {
        const answer = negated ? negate({ negate: number }) : step({ proofState: number, tactic });
        number = nested === null || negated ? answer.proofState : answer.sorries[nested].proofState;
      }
      return number;
    }, number => states[number]);
    if (proofs.goalTexts(kept.snapshot).join('\n') !== goals.join('\n')) {
      release(kept);
      throw new Refusal(`${request.unpickleProofStateFrom} gives other goals here than where it was pickled`);
    }
    return answerState(kept.snapshot, null, kept.history, false);
  };

  // ---- our own

  const release = item => {
    if (item.snapshot) proofs.release(item.snapshot); else { frontend.forgetStart(item); dec(item.state); dec(item.header); }
  };
  const forget = ({ envs, proofStates }) => {
    const drop = (where, number) => { if (where[number]) { release(where[number]); where[number] = null; } };
    for (const number of envs || []) drop(environments, number);
    for (const number of proofStates || []) drop(states, number);
    return {};
  };

  const inspect = request => {
    const now = environment(request.inspect), before = environment(request.against);
    const [env, against] = [now, before].map(({ state }) => frontend.environmentOf(state));
    return inspector.inspect(env, against, now.header, before.header, request.replay === true, request.native === true);
  };

  /** The texts that led to an environment, in order: kept here, where no Lean code reaches. */
  const texts = request => ({ texts: pickles.environmentSteps(environment(request.texts).history).map(({ text }) => text) });

  const exported = request => {
    const { state } = environment(request.export);
    try { return { exported: inspector.exported(frontend.environmentOf(state)) }; } catch (error) {
      if (error instanceof inspector.Malformed) throw new Refusal(`The declarations cannot be exported: ${error.message}`);
      throw error;
    }
  };

  const audit = request => {
    const { state, header } = environment(request.against);
    try { return inspector.audit(request.audit, frontend.environmentOf(state), header); } catch (error) {
      if (error instanceof inspector.Malformed || error instanceof TypeError) throw new Refusal(`The exported declarations cannot be read: ${error.message}`);
      throw error;
    }
  };

  const serve = {
    step, pickleEnvironment, unpickleEnvironment, pickleProofState, unpickleProofState, command, file, negate, inspect, texts, exported, audit,
    forget: request => forget(request.forget), compiled: request => compile(request.compile, request.module, request.options ?? {}),
  };

  const parse = text => {
    try { return JSON.parse(text); } catch { /* Lean's parser has the last word, and the words that upstream answers with */ }
    const json = frontend.parseJson(text);
    if (json.error !== undefined) throw new Refusal(`Could not parse JSON:\n${json.error}`);
    return json.value;
  };

  /** The answer to one request, given as text. */
  const answer = text => {
    try {
      lean.heap();
      const request = parse(text);
      const [kind, wrong] = kindOf(request);
      if (!kind) throw new Refusal(`Could not parse as a valid JSON command:\n${wrong}`);
      return serve[kind](request);
    } catch (error) {
      if (error instanceof Refusal || error instanceof LeanError || error instanceof pickles.PickleError) return { message: error.message };
      throw error;
    }
  };
  return { answer };
};
