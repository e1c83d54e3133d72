// From a request's text to what is asked: the community REPL's requests, tried in its order, then our own.
// Source of the order and of the error texts: leanprover-community/repl, REPL/Main.lean and REPL/JSON.lean.
'use strict';

const text = value => typeof value === 'string' ? null : 'String expected';
const natural = value => Number.isInteger(value) && value >= 0 ? null : 'Natural number expected';
const boolean = value => typeof value === 'boolean' ? null : 'Bool expected';
const optional = check => value => value === null || value === undefined ? null : check(value);
const naturals = value => Array.isArray(value) && value.every(item => natural(item) === null) ? null : 'list of natural numbers expected';
const object = value => typeof value === 'object' && value !== null && !Array.isArray(value) ? null : 'object expected';

const OPTIONS = { allTactics: optional(boolean), rootGoals: optional(boolean), infotree: optional(text), env: optional(natural), reuse: optional(boolean) };
// [kind, the fields that must fit]; the first kind that fits is meant, other fields are ignored.
const UPSTREAM = [
  ['step', { proofState: natural, tactic: text }],
  ['pickleEnvironment', { env: natural, pickleTo: text }],
  ['unpickleEnvironment', { unpickleEnvFrom: text }],
  ['pickleProofState', { proofState: natural, pickleTo: text }],
  ['unpickleProofState', { unpickleProofStateFrom: text, env: optional(natural) }],
  ['command', { ...OPTIONS, cmd: text }],
  ['file', { ...OPTIONS, path: text }],
];
const EXTENSIONS = [
  ['negate', { negate: natural }],
  ['inspect', { inspect: natural, against: natural }],
  ['texts', { texts: natural }],
  ['exported', { export: natural }],
  ['audit', { audit: object, against: natural }],
  ['compiled', { compile: text, module: text, options: optional(object) }],
  ['forget', { forget: object }],
];
const FORGET = { envs: optional(naturals), proofStates: optional(naturals) };

const misfit = (request, fields) => {
  for (const [field, check] of Object.entries(fields)) {
    const why = check(request[field]);
    if (why) return `${field}: ${why}`;
  }
  return null;
};

/** [kind, null] of a parsed request, or [null, what is wrong with it]. */
module.exports = value => {
  const request = object(value) === null ? value : {};
  const kinds = [...UPSTREAM, ...EXTENSIONS.filter(([, fields]) => Object.keys(fields)[0] in request)];
  const found = kinds.find(([, fields]) => misfit(request, fields) === null);
  if (!found) return [null, `REPL.File.${misfit(request, UPSTREAM.at(-1)[1])}`];
  const wrong = found[0] === 'forget' ? misfit(request.forget, FORGET) : null;
  return wrong ? [null, `forget.${wrong}`] : [found[0], null];
};
