// A text compiled as a module: what Lean writes for those that import it. The files are collected in memory and go into the answer.
'use strict';

const COMMAND_STATE = { env: 0, messages: 1 };
const [SYNTAX, REST, PARSER, LOG] = [0, 1, 0, 1];   // of what the header's parser gives: (syntax, (state, messages))
const STEM = 'module';
const NAME = /^[\p{L}_][\p{L}\p{N}_'!?]*(\.[\p{L}_][\p{L}\p{N}_'!?]*)*$/u;
const WITH_CODE = 3;                         // a boxed truth value: write what the interpreter needs

module.exports = (lean, frontend) => {
  const { call, raw, box, inc, dec, fld, truth, mkStr, name, constant, none, io, heap, collect, LeanError } = lean;

  // As the `lean` program has it: a private theorem of a `module` is not found in its own module otherwise.
  const SET = {
    boolean: (all, key, value) => call('l_Lean_KVMap_setBool', all, name(key), box(value ? 1 : 0)),
    number: (all, key, value) => call('l_Lean_KVMap_setNat', all, name(key), box(value)),
    string: (all, key, value) => call('l_Lean_KVMap_setString', all, name(key), mkStr(value)),
  };
  const options = given => Object.entries({ 'Elab.async': true, ...given }).reduce(
    (all, [key, value]) => (SET[typeof value] ?? refuse(key))(all, key, value), constant('l_Lean_Options_empty'));

  const environmentOf = (syntax, module) => {
    const isModule = truth(call('l_Lean_Elab_HeaderSyntax_isModule', inc(syntax)));
    const env = frontend.environmentOfHeader(call('l_Lean_Elab_HeaderSyntax_imports', inc(syntax), box(1)), isModule);
    return call('l_Lean_Environment_setMainModule', env, name(module));
  };
  const elaborated = (input, parser, state) => {
    raw('lean_io_set_heartbeats')(box(0));
    heap();
    const whole = call('l_Lean_Elab_IO_processCommandsIncrementally', input, parser, state, none);
    const after = inc(fld(fld(whole, 0), 0));                    // the state's state
    dec(whole);
    return after;
  };
  const artifacts = env => {
    const files = collect(() => { dec(io(call('l_Lean_writeModule', inc(env), mkStr(`/out/${STEM}.olean`), WITH_CODE))); });
    return Object.fromEntries([...files].map(([file, bytes]) => [file.slice(STEM.length), bytes.toString('base64')]));
  };

  const refuse = key => { throw new LeanError(`the option ${key} is no truth value, number or text`); };
  const failed = words => ({ messages: [{ severity: 'error', pos: { line: 1, column: 0 }, endPos: null, data: words }], artifacts: null });
  /**
   * Compile `text` as `module` under `given`, Lean's options by name: its messages, and the files by their ending (`.olean`, and `.ir` and more for a `module`) in base 64; null
   * where there is an error.
   */
  const compile = (text, module, given) => {
    if (!NAME.test(module)) return failed(`\`${module}\` is no name of a module`);
    const input = frontend.inputContext(text.replaceAll('\r\n', '\n')), parsed = io(call('l_Lean_Parser_parseHeader', inc(input)));
    const rest = fld(parsed, REST), parser = inc(fld(rest, PARSER)), log = inc(fld(rest, LOG));
    let env;
    try { env = environmentOf(fld(parsed, SYNTAX), module); } catch (error) {
      if (error instanceof LeanError) return failed(error.message);
      throw error;
    } finally { dec(parsed); }
    const after = elaborated(input, parser, call('l_Lean_Elab_Command_mkState', env, log, options(given)));
    const messages = frontend.messages(inc(fld(after, COMMAND_STATE.messages)));
    const written = messages.some(({ severity }) => severity === 'error') ? null : artifacts(fld(after, COMMAND_STATE.env));
    dec(after);
    return { messages, artifacts: written };
  };

  return { compile };
};
