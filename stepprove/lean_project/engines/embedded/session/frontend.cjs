// From text to environments: parse the header, import, elaborate the commands, and say what Lean said.
'use strict';

// Fields of Lean's structures, by position.
const COMMAND_STATE = { env: 0, messages: 1, infoState: 8 };
const INFO_STATE = { assignment: 0, lazyAssignment: 1, trees: 2, scalars: 1 };   // the scalar: enabled
const FRONTEND_STATE = { commandState: 0 };
const INCREMENTAL_STATE = { frontendState: 0 };
const REMEMBERED = 2;                      // texts whose commands are kept for the next text that begins alike
const IMPORT = { module: 0 };
const INIT = 'Init';
const PARSER_STATE = { position: 0 };
const SEVERITIES = { information: 'info', warning: 'warning', error: 'error' };

module.exports = lean => {
  const {
    call, raw, box, unbox, inc, dec, tag, fld, take, mkCtor, withFields, mkArr, array, mkStr, str, takeStr, nameStr, constant, io, heap, some, none, LeanError,
  } = lean;
  const { environmentOfImports, environmentOfHeader } = require('./imports.cjs')(lean);

  const options = () => constant('l_Lean_Options_empty');
  const commandState = (env, log) => call('l_Lean_Elab_Command_mkState', env, log, options());

  // ---- messages

  /** The messages of a log (taken), but for the first `skipped`. */
  const messages = (log, skipped = 0) => {
    const owned = call('l_Lean_MessageLog_toArray', log);
    const out = array(owned).slice(skipped).map(message => {
      const { severity, pos, endPos, data } = JSON.parse(takeStr(call('l_Lean_Json_compress', call('l_Lean_Message_toJson', inc(message)))));
      return { severity: SEVERITIES[severity], pos, endPos: endPos ?? null, data: data.trim() };
    });
    dec(owned);
    return out;
  };

  // ---- elaboration

  const inputContext = unix => call('l_Lean_Parser_mkInputContext___redArg', mkStr(unix), mkStr('<input>'), box(0), box(Buffer.byteLength(unix)));
  const parserState = () => mkCtor(0, [box(0)], [0]);                  // position, recovering

  const withInfoTrees = state => {
    const info = withFields(inc(fld(state, COMMAND_STATE.infoState)), {}, INFO_STATE.scalars);
    lean.setScalar(info, 0, 1);
    return withFields(state, { [COMMAND_STATE.infoState]: info });
  };
  // What was elaborated last, newest first: { start, whole, barren }; `start` says from where, `whole` is Lean's record of all its
  // commands, `barren` are the info trees in it that are known to hold no `sorry`.
  const lately = [];
  const drop = from => lately.splice(from).forEach(({ whole }) => dec(whole));
  /**
   * Elaborate a parsed input's commands; takes the command state, returns the one after. Commands before the first difference from
   * the last text with the same `start` are not elaborated again: Lean's own incremental elaboration, as in an editor. null: all are.
   */
  const run = (input, parser, state, start) => {
    raw('lean_io_set_heartbeats')(box(0));
    heap();
    const known = start === null ? undefined : lately.find(item => item.start === start);
    const old = known ? some(inc(known.whole)) : none;
    const whole = call('l_Lean_Elab_IO_processCommandsIncrementally', input, parser, withInfoTrees(state), old);
    const after = inc(fld(fld(whole, INCREMENTAL_STATE.frontendState), FRONTEND_STATE.commandState));
    const barren = new Set();
    if (start === null) dec(whole); else {
      // Trees that were taken over keep their addresses: the old ones are alive until now.
      if (known) for (const tree of treesOf(after)) if (known.barren.has(tree)) barren.add(tree);
      if (known) { lately.splice(lately.indexOf(known), 1); dec(known.whole); }
      lately.unshift({ start, whole, barren });
      drop(REMEMBERED);
    }
    return { after, barren };
  };
  const treesOf = state => {
    const owned = infoTrees(state), out = array(owned);
    dec(owned);
    return out;
  };
  /** Let go of what was elaborated from a state that will not be asked for again. */
  const forgetStart = start => {
    const at = lately.findIndex(item => item.start === start);
    if (at >= 0) dec(lately.splice(at, 1)[0].whole);
  };

  const modulesOf = syntax => {
    const imports = call('l_Lean_Elab_HeaderSyntax_imports', syntax, box(1));
    const modules = array(imports).map(item => nameStr(fld(item, IMPORT.module)));
    dec(imports);
    return [...new Set(modules)];
  };
  // The state before the first command, or, where the imports cannot be had, an empty one with Lean's word on it.
  const start = (syntax, log, input) => {
    try {
      return { state: commandState(inc(environmentOfImports(modulesOf(inc(syntax)))), inc(log)), imported: true };
    } catch (error) {
      if (!(error instanceof LeanError)) throw error;
      const pair = io(call('l_Lean_Elab_processHeader', inc(syntax), options(), inc(log), inc(input), box(0), mkArr([]), box(0), box(0)));
      const state = commandState(inc(fld(pair, 0)), inc(fld(pair, 1)));
      dec(pair);
      return { state, imported: false };
    }
  };

  const fromItsImports = (input, text, reuse) => {
    const parsed = io(call('l_Lean_Parser_parseHeader', inc(input)));
    const [syntax, rest] = [fld(parsed, 0), fld(parsed, 1)];
    const { state: before, imported } = start(syntax, fld(rest, 1), input), parser = inc(fld(rest, 0));
    const headerEnd = unbox(fld(parser, PARSER_STATE.position));
    dec(parsed);
    const header = { header: inc(environmentOf(before)), before, inHeader: commandMessages(before) };
    const from = reuse ? Buffer.from(text).subarray(0, headerEnd).toString() : null;
    if (imported) return { ...run(input, parser, inc(before), from), ...header };
    dec(input);
    dec(parser);
    return { after: inc(before), barren: new Set(), ...header };                        // as `lean` does: no command is tried without its imports
  };
  /**
   * Elaborate `text`, in `base` ({ state, header }, borrowed) or from its own imports. Gives, owned, the command states `before` and
   * `after`, and `header`, the environment of the imports; the messages; and `barren`, the trees that need not be searched for `sorry`:
   * who finds another such tree adds it. With `reuse`, what it has in common with a text before it
   * is not elaborated again.
   */
  const process = (text, base, reuse) => {
    const unix = text.replaceAll('\r\n', '\n'), input = inputContext(unix);
    const { inHeader, ...made } = base
      ? { before: inc(base.state), ...run(input, parserState(), inc(base.state), reuse ? base : null), header: inc(base.header), inHeader: [] }
      : fromItsImports(input, unix, reuse);
    const inCommands = made.after === made.before ? [] : commandMessages(made.after);
    return { ...made, messages: [...inHeader, ...inCommands] };
  };

  const environmentOf = state => fld(state, COMMAND_STATE.env);
  const commandMessages = state => messages(inc(fld(state, COMMAND_STATE.messages)));
  /** The info trees of a command state: an owned array. */
  const infoTrees = state =>
    call('l_Lean_PersistentArray_toArray___redArg', inc(fld(fld(state, COMMAND_STATE.infoState), INFO_STATE.trees)));

  // Empty containers, as a fresh command state has them.
  const fresh = commandState(inc(environmentOfImports([INIT])), constant('l_Lean_MessageLog_empty'));
  const empty = field => inc(fld(fld(fresh, COMMAND_STATE.infoState), INFO_STATE[field]));
  /** A command state (taken) without the info trees and messages, which only the answer to its own request needs. */
  const settled = state => {
    const info = withFields(inc(fld(state, COMMAND_STATE.infoState)), {
      [INFO_STATE.assignment]: empty('assignment'),
      [INFO_STATE.lazyAssignment]: empty('lazyAssignment'),
      [INFO_STATE.trees]: empty('trees'),
    }, INFO_STATE.scalars);
    return withFields(state, { [COMMAND_STATE.infoState]: info, [COMMAND_STATE.messages]: constant('l_Lean_MessageLog_empty') });
  };

  /** Lean's own JSON parser: { value } or { error }. */
  const parseJson = text => {
    const parsed = call('l_Lean_Json_parse', mkStr(text));
    if (tag(parsed) === 0) return { error: takeStr(take(parsed, 0)) };
    return { value: JSON.parse(takeStr(call('l_Lean_Json_compress', take(parsed, 0)))) };
  };

  const leanVersion = str(constant('l_Lean_versionStringCore'));

  return { environmentOfHeader, inputContext, process, forgetStart, messages, infoTrees, settled, environmentOf, parseJson, leanVersion };
};
