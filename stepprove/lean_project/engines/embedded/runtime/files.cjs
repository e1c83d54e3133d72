// The file system that Lean code sees, read-only: the library below /lean, compiled modules of the user's below /modules if there are any,
// /dev/urandom, and nothing else. What is printed goes to standard error.
//
// Nothing here opens a file elsewhere, and nothing writes one. Answers of the engine go another way, which no Lean code has. While the driver
// collects what Lean makes of a module, files below /out are written to memory, by its own thread.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

// emscripten's numbers
const EACCES = 2, EBADF = 8, EINVAL = 28, EISDIR = 31, ENOENT = 44, ENOTDIR = 54, ENOTTY = 59, ERANGE = 68, EROFS = 69;
const WRITING = 3 | 64 | 512 | 1024;         // O_ACCMODE, O_CREAT, O_TRUNC, O_APPEND
const [AT_EMPTY_PATH, W_OK] = [4096, 2];
const CODES = { ENOENT, ENOTDIR, EISDIR, EACCES };
const DIRENT_BYTES = 280, NAME_BYTES = 256;
const [DT_DIR, DT_REG] = [4, 8];
const OUT = '/out/';                         // of what is collected
const FIRST_BYTES = 1 << 20;
const RANDOM = '/dev/urandom';               // Lean asks it for its random seed
const [SET, CUR, END] = [0, 1, 2];
const FIRST_FILE = 3;                        // 0 to 2 are the standard streams
const [FILETYPE_CHARACTER, FILETYPE_DIRECTORY, FILETYPE_REGULAR] = [2, 3, 4];
// The build prints what it imports, over several lines; nobody wants to read that.
const CHATTER = /^(\[DEBUG:|  - \/lean\/lib|  mainModule\? =)/;

const VARIABLES = { HOME: '/', LANG: 'C.UTF-8', LEAN_PATH: '/lean/lib/lean', LEAN_SYSROOT: '/lean', PATH: '/', PWD: '/', USER: 'lean' };

module.exports = ({ heap, root, modules }) => {
  const folders = { lean: root, ...(modules ? { modules } : {}) };
  const open = new Map();                    // number -> { host, real, position, names }; a thread sees the files that it opened
  let next = FIRST_FILE;

  const refuse = errno => { throw Object.assign(new Error('refused'), { errno, ours: true }); };
  const answer = (sign, work) => {
    try { return work(); } catch (error) {
      if (error.ours) return sign * error.errno;
      if (error.code in CODES) return sign * CODES[error.code];
      throw error;
    }
  };
  const syscall = work => (...args) => answer(-1, () => work(...args));
  const wasi = work => (...args) => answer(1, () => work(...args) ?? 0);

  /** Where a path of Lean's lies; null for the root folder. */
  const hostPath = name => {
    const inside = path.posix.normalize(`/${name}`);
    if (inside === '/') return null;
    const [, top, ...below] = inside.split('/');
    if (!Object.hasOwn(folders, top)) refuse(ENOENT);
    return path.join(folders[top], ...below);
  };
  const pathAt = (folder, name) => {
    if (name.startsWith('/') || !open.has(folder)) return hostPath(name);
    return path.join(open.get(folder).host ?? refuse(ENOENT), path.posix.normalize(`/${name}`));
  };
  const file = number => open.get(number) ?? refuse(EBADF);

  const writeStat = (address, host) => {
    const stat = fs.lstatSync(host ?? root), { H32, U32, H64 } = heap.refresh();
    const u32 = (offset, value) => { U32[(address + offset) >>> 2] = Number(BigInt.asUintN(32, BigInt(Math.floor(value)))); };
    const i64 = (offset, value) => { H64[(address + offset) >>> 3] = BigInt(Math.floor(value)); };
    u32(0, 1); u32(4, stat.mode); u32(8, stat.nlink); u32(12, 0); u32(16, 0); u32(20, 0);
    i64(24, stat.size);
    H32[(address + 32) >>> 2] = 4096;
    u32(36, stat.blocks);
    for (const offset of [40, 56, 72]) { i64(offset, stat.mtimeMs / 1000); u32(offset + 8, (stat.mtimeMs % 1000) * 1e6); }
    i64(88, stat.ino);
    return 0;
  };

  const readInto = (number, vectors, count, at) => {
    const item = file(number), { U32, U8 } = heap.refresh();
    if (item.random) return fill(vectors, count);
    if (item.real === null) refuse(EISDIR);
    let total = 0;
    for (let i = 0; i < count; i++) {
      const [address, size] = [U32[(vectors + 8 * i) >>> 2], U32[(vectors + 8 * i + 4) >>> 2]];
      if (!size) continue;
      const got = fs.readSync(item.real, U8, address, size, at + total);
      total += got;
      if (got < size) break;
    }
    return total;
  };

  const fill = (vectors, count) => {
    const { U32, U8 } = heap.refresh();
    let total = 0;
    for (let i = 0; i < count; i++) {
      const [address, size] = [U32[(vectors + 8 * i) >>> 2], U32[(vectors + 8 * i + 4) >>> 2]];
      U8.set(crypto.randomBytes(size), address);
      total += size;
    }
    return total;
  };

  // ---- what is printed

  const lines = { 1: [], 2: [] };            // the parts of an unfinished line
  const say = text => {
    if (CHATTER.test(text)) return;
    try { fs.writeSync(2, text + '\n'); } catch { /* nobody listens, or the pipe is full */ }
  };
  const print = (stream, bytes) => {
    for (let rest = bytes; rest.length;) {
      const end = rest.indexOf(10), whole = end >= 0;
      lines[stream].push(Buffer.from(whole ? rest.subarray(0, end) : rest));
      if (whole) { say(Buffer.concat(lines[stream]).toString('utf8')); lines[stream] = []; }
      rest = whole ? rest.subarray(end + 1) : rest.subarray(rest.length);
    }
  };

  // ---- the functions

  // ---- what is collected

  let made = null;                           // path -> { bytes, size }; null while nothing is
  const isMade = name => made !== null && name.startsWith(OUT);
  const openMade = (name, flags) => {
    if (flags & WRITING) made.set(name, { bytes: Buffer.alloc(FIRST_BYTES), size: 0 });
    open.set(next, { host: null, real: null, made: made.get(name) ?? refuse(ENOENT), position: 0, names: null });
    return next++;
  };
  const writeMade = (item, at, bytes) => {
    const { made: target } = item, end = at + bytes.length;
    if (end > target.bytes.length) {
      const larger = Buffer.alloc(Math.max(end, 2 * target.bytes.length));
      target.bytes.copy(larger, 0, 0, target.size);
      target.bytes = larger;
    }
    bytes.copy(target.bytes, at);
    target.size = Math.max(target.size, end);
  };
  /** The files that `work` writes below /out: their names there and their bytes. */
  const collect = work => {
    made = new Map();
    try {
      work();
      return new Map([...made].map(([name, { bytes, size }]) => [name.slice(OUT.length), bytes.subarray(0, size)]));
    } finally { made = null; }
  };

  const readOnly = syscall(() => refuse(EROFS));
  const functions = {
    __syscall_openat: syscall((folder, name, flags) => {
      if (isMade(heap.text(name))) return openMade(heap.text(name), flags);
      if (flags & WRITING) refuse(EROFS);
      if (heap.text(name) === RANDOM) { open.set(next, { host: null, real: null, random: true, position: 0, names: null }); return next++; }
      const host = pathAt(folder, heap.text(name)), stat = fs.lstatSync(host ?? root);
      const isFolder = host === null || stat.isDirectory();
      if (!isFolder && !stat.isFile()) refuse(EACCES);
      const names = isFolder ? ['.', '..', ...(host === null ? Object.keys(folders) : fs.readdirSync(host))] : null;
      open.set(next, { host, real: isFolder ? null : fs.openSync(host, 'r'), position: 0, names });
      return next++;
    }),
    fd_close: wasi(number => {
      if (number < FIRST_FILE) return;
      const { real } = file(number);
      if (real !== null) fs.closeSync(real);
      open.delete(number);
    }),
    fd_read: wasi((number, vectors, count, sizeAt) => {
      const got = number === 0 ? 0 : readInto(number, vectors, count, file(number).position);   // standard input is empty
      if (number !== 0) file(number).position += got;
      heap.refresh().U32[sizeAt >>> 2] = got;
    }),
    fd_pread: wasi((number, vectors, count, offset, sizeAt) => {
      heap.refresh().U32[sizeAt >>> 2] = readInto(number, vectors, count, Number(offset));
    }),
    fd_write: wasi((number, vectors, count, sizeAt) => {
      const target = open.get(number);
      if (number !== 1 && number !== 2 && !target?.made) refuse(target ? EROFS : EBADF);
      const { U32, U8 } = heap.refresh();
      let total = 0;
      for (let i = 0; i < count; i++) {
        const [address, size] = [U32[(vectors + 8 * i) >>> 2], U32[(vectors + 8 * i + 4) >>> 2]];
        const bytes = Buffer.from(U8.slice(address, address + size));
        if (target?.made) { writeMade(target, target.position, bytes); target.position += size; } else print(number, bytes);
        total += size;
      }
      U32[sizeAt >>> 2] = total;
    }),
    fd_pwrite: wasi(() => refuse(EROFS)),
    fd_sync: () => 0,
    fd_seek: wasi((number, offset, whence, positionAt) => {
      const item = file(number);
      const from = whence === SET ? 0 : whence === CUR ? item.position : whence === END && item.real !== null ? fs.fstatSync(item.real).size : refuse(EINVAL);
      const position = from + Number(offset);
      if (position < 0) refuse(EINVAL);
      item.position = position;
      heap.refresh().H64[positionAt >>> 3] = BigInt(position);
    }),
    fd_fdstat_get: wasi((number, address) => {
      const { U8 } = heap.refresh();
      U8.fill(0, address >>> 0, (address + 24) >>> 0);
      U8[address >>> 0] = number < FIRST_FILE ? FILETYPE_CHARACTER : file(number).real === null ? FILETYPE_DIRECTORY : FILETYPE_REGULAR;
    }),
    __syscall_stat64: syscall((name, address) => writeStat(address, hostPath(heap.text(name)))),
    __syscall_lstat64: syscall((name, address) => writeStat(address, hostPath(heap.text(name)))),
    __syscall_fstat64: syscall((number, address) => writeStat(address, number < FIRST_FILE ? null : file(number).host)),
    __syscall_newfstatat: syscall((folder, name, address, flags) => {
      const said = heap.text(name);
      return writeStat(address, said === '' && flags & AT_EMPTY_PATH ? file(folder).host : pathAt(folder, said));
    }),
    __syscall_faccessat: syscall((folder, name, mode) => {
      fs.lstatSync(pathAt(folder, heap.text(name)) ?? root);
      return mode & W_OK ? refuse(EROFS) : 0;
    }),
    __syscall_readlinkat: syscall((folder, name) => { fs.lstatSync(pathAt(folder, heap.text(name)) ?? root); return refuse(EINVAL); }),
    __syscall_getcwd: syscall((address, size) => { if (size < 2) refuse(ERANGE); heap.writeText('/', address, size); return 2; }),
    __syscall_getdents64: syscall((number, address, size) => {
      const item = file(number), { H16, U8, H64 } = heap.refresh();
      if (!item.names) refuse(ENOTDIR);
      const first = item.position / DIRENT_BYTES, most = Math.floor(size / DIRENT_BYTES);
      const names = item.names.slice(first, first + most);
      names.forEach((name, i) => {
        const at = address + i * DIRENT_BYTES, isFolder = item.host === null || !path.extname(name);
        H64[at >>> 3] = BigInt(first + i + 1);
        H64[(at + 8) >>> 3] = BigInt((first + i + 1) * DIRENT_BYTES);
        H16[(at + 16) >>> 1] = DIRENT_BYTES;
        U8[(at + 18) >>> 0] = isFolder ? DT_DIR : DT_REG;
        heap.writeText(name, at + 19, NAME_BYTES);
      });
      item.position += names.length * DIRENT_BYTES;
      return names.length * DIRENT_BYTES;
    }),
    __syscall_fcntl64: (number, command) => [1, 2, 3, 12, 13, 14].includes(command) ? 0 : -EINVAL,   // flags and locks, of which there are none
    __syscall_ioctl: () => -ENOTTY,
    environ_sizes_get: (countAt, sizeAt) => {
      const { U32 } = heap.refresh(), texts = Object.entries(VARIABLES).map(([name, value]) => `${name}=${value}`);
      U32[countAt >>> 2] = texts.length;
      U32[sizeAt >>> 2] = texts.reduce((sum, text) => sum + heap.textLength(text) + 1, 0);
      return 0;
    },
    environ_get: (pointers, address) => {
      const { U32 } = heap.refresh();
      let at = address;
      Object.entries(VARIABLES).forEach(([name, value], i) => {
        U32[(pointers + 4 * i) >>> 2] = at;
        at += heap.writeText(`${name}=${value}`, at, Infinity) + 1;
      });
      return 0;
    },
  };
  for (const change of ['mkdirat', 'mknodat', 'unlinkat', 'rmdir', 'symlinkat', 'chmod', 'fchmod', 'fchmodat2', 'fchownat',
    'fchown32', 'ftruncate64', 'truncate64', 'fallocate', 'utimensat', 'fdatasync']) functions[`__syscall_${change}`] = readOnly;

  functions.__syscall_renameat = syscall((_, from, __, to) => {
    const [old, name] = [from, to].map(address => heap.text(address));
    if (!isMade(old) || !isMade(name)) refuse(EROFS);
    made.set(name, made.get(old) ?? refuse(ENOENT));
    made.delete(old);
    return 0;
  });

  return { find: name => Object.hasOwn(functions, name) ? functions[name] : null, say, collect };
};
