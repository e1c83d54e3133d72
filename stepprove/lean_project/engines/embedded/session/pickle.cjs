// Pickles: how an environment or a proof state came about, written down so that another process can bring it about again.
//
// A pickle is JSON: the texts that Lean elaborated and the tactics that ran, in order. Reading one back elaborates them again, which is
// deterministic, and nothing else: a pickle holds no memory image, so a forged one can do no more than the texts in it could.
// A history is a chain: { parent, text, options } makes an environment, and a proof state is one of
//   { command, index }         the index-th state that a command's answer named
//   { state, tactic, index }   the state after a tactic (index null), or the index-th that its answer named for a `sorry`
//   { negated }                the negation of a state
'use strict';

const crypto = require('crypto');

const FORMAT = 'stepprove embedded pickle';
const VERSION = 1;

const checksum = content => crypto.createHash('sha256').update(JSON.stringify(content)).digest('hex');

class PickleError extends Error {}

/** The text of a pickle; the client writes it to a file. */
const write = (leanVersion, kind, history) => {
  const content = { format: FORMAT, version: VERSION, lean: leanVersion, kind, history };
  return JSON.stringify({ ...content, sha256: checksum(content) });
};

/** The history in a pickle's text, which the client read from `path`. */
const read = (path, bytes, leanVersion, kind) => {
  if (typeof bytes !== 'string') throw new PickleError(`cannot read ${path}: this engine reaches no files`);
  let pickle;
  try { pickle = JSON.parse(bytes); } catch { pickle = null; }
  if (!pickle || pickle.format !== FORMAT) throw new PickleError(`${path} was not pickled by the embedded engine`);
  const { sha256, ...content } = pickle;
  if (sha256 !== checksum(content)) throw new PickleError(`${path} is damaged: its checksum does not fit`);
  if (content.version !== VERSION || content.lean !== leanVersion) {
    throw new PickleError(`${path} was pickled by another version (Lean ${content.lean}, format ${content.version})`);
  }
  if (content.kind !== kind) throw new PickleError(`${path} holds ${content.kind}, not ${kind}`);
  return content.history;
};

// ---- histories as flat lists of steps: chains may be longer than a call stack is deep

const linksOf = (last, previous) => {
  const links = [];
  for (let link = last; link; link = previous(link)) links.unshift(link);
  return links;
};
const environmentSteps = history => linksOf(history, link => link.parent).map(({ text, options }) => ({ text, options }));
const stateSteps = history => {
  const links = linksOf(history, link => link.state || link.negated);
  const [first, ...rest] = links;
  return {
    commands: environmentSteps(first.command),
    index: first.index,
    steps: rest.map(link => link.negated ? { negate: true } : { tactic: link.tactic, index: link.index }),
  };
};

module.exports = { write, read, environmentSteps, stateSteps, PickleError };
