// The engine's main thread. It only keeps Node's event loop free, which serves the file reads and the new threads that the
// other threads ask for; Lean and the protocol run in driver.cjs on a thread of their own.
//
//   STEPPROVE_LEAN_ROOT     the folder that holds lib/lean and nothing else: all that Lean code can see, read-only
//   STEPPROVE_LEAN_RUNTIME  leanrt.cjs, with lean.wasm and symtab.bin beside it (made by slim.py)
'use strict';

const fs = require('fs');
const path = require('path');

const STACK_BYTES = 64 << 20;
const ANY_ENTRY = 1;                       // the thread's start routine: never called, the marker argument takes its place
const DRIVER_MARKER = 0x1ea4d00d;          // LeanCfg.DRIVER in hook.js
const PARENT_CHECK_MS = 500;
const EROFS = 69;                          // emscripten's number for "read-only file system"
const O_ACCMODE = 3, O_CREAT = 64, O_TRUNC = 512, O_APPEND = 1024;

const stderr = text => { try { fs.writeSync(2, text + '\n'); } catch { /* nobody listens */ } };

// Called by the hook before the runtime starts.
module.exports = module => {
  module.noInitialRun = true;
  module.noExitRuntime = true;
  // Standard output carries answers only. The build prints what it imports, over several lines; nobody wants to read that.
  module.print = module.printErr = text => { if (!/^(\[DEBUG:|  - \/lean\/lib|  mainModule\? =)/.test(text)) stderr(text); };
  module.stdin = () => null;               // Lean code never sees the request stream
  module.preRun = [() => {
    const { FS, NODEFS } = module.__eval('({FS,NODEFS})');
    FS.mkdirTree('/lean');
    FS.mount(NODEFS, { root: process.env.STEPPROVE_LEAN_ROOT }, '/lean');
    const refuse = () => { throw new FS.ErrnoError(EROFS); };
    for (const change of ['mknod', 'unlink', 'rmdir', 'rename', 'symlink', 'setattr']) NODEFS.node_ops[change] = refuse;
    const open = NODEFS.stream_ops.open;
    NODEFS.stream_ops.open = stream => {
      if (stream.flags & (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)) refuse();
      return open(stream);
    };
    NODEFS.stream_ops.write = refuse;
  }];
  module.onRuntimeInitialized = () => {
    // Lean code may ask to exit; the runtime would stay alive and leave the client waiting.
    module.__eval('f => { quit_ = f }')(status => {
      stderr(`Lean code ended the process with status ${status}`);
      process.kill(process.pid, 'SIGKILL');
    });
    const wasm = module.__eval('wasmExports'), malloc = module.__eval('_malloc');
    const thread = malloc(4), attributes = malloc(64);
    wasm.pthread_attr_init(attributes);
    wasm.pthread_attr_setstacksize(attributes, STACK_BYTES);
    const failed = wasm.pthread_create(thread, attributes, ANY_ENTRY, DRIVER_MARKER);
    if (failed) { stderr(`cannot start Lean's thread: error ${failed}`); process.exit(1); }
  };
};

if (require.main === module) {
  const parent = process.ppid;
  const orphaned = () => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); };
  setInterval(orphaned, PARENT_CHECK_MS);
  process.env.STEPPROVE_LEAN_LAUNCHER = __filename;
  process.env.STEPPROVE_LEAN_DRIVER = path.join(__dirname, 'driver.cjs');
  require(process.env.STEPPROVE_LEAN_RUNTIME);
}
