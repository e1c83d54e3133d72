// Pasted at the start of the emscripten glue by slim.py, so it runs in every thread of the engine.
// Defines what the edited glue names: LeanCfg (threads), LeanSym (symbols by name), LeanDriver (our own thread's work).
const LeanCfg = {
  pool: 6,                                                       // workers made at start; Lean asks for at most this many threads
  DRIVER: 0x1ea4d00d,                                            // the argument that marks the thread that runs our driver
  limits: { maxOldGenerationSizeMb: 1024, stackSizeMb: 256 },    // Lean recurses deeply; a worker's own stack is 4 MB
};
// symtab.bin: u32 n | n * (u32 offset of the name, i32 value) sorted by name | u32 end offset | names
const LeanSym = {
  sab: null, count: 0, entries: null, names: null,
  open() {
    if (this.entries) return;
    this.count = new Uint32Array(this.sab, 0, 1)[0];
    this.entries = new Int32Array(this.sab, 4, 2 * this.count + 1);
    this.names = new Uint8Array(this.sab, 8 + 8 * this.count);
  },
  // The value of the symbol whose bytes are name[at .. at + length), or -1.
  find(name, at, length) {
    this.open();
    const { entries, names } = this;
    let low = 0, high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >> 1, start = entries[2 * middle], size = entries[2 * middle + 2] - start;
      const shared = Math.min(size, length);
      let order = 0;
      for (let i = 0; i < shared && !order; i++) order = names[start + i] - name[at + i];
      if (!order) order = size - length;
      if (!order) return entries[2 * middle + 1];
      if (order < 0) low = middle + 1; else high = middle - 1;
    }
    return -1;
  },
  lookup(name) {
    const bytes = Buffer.from(name, 'latin1');
    return this.find(bytes, 0, bytes.length);
  },
  lookupPtr(address) {
    growMemViews();
    let end = address;
    while (HEAPU8[end]) end++;
    return this.find(HEAPU8, address, end - address);
  },
};
if (require('worker_threads').isMainThread) {
  const table = require('fs').readFileSync(__dirname + '/symtab.bin');
  LeanSym.sab = new SharedArrayBuffer(table.length);
  new Uint8Array(LeanSym.sab).set(table);
  Module.__eval = text => eval(text);
  require(process.env.STEPPROVE_LEAN_LAUNCHER)(Module);
}
var LeanDriver = () => require(process.env.STEPPROVE_LEAN_DRIVER)(text => eval(text));
