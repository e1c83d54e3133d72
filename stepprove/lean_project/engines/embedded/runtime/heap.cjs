// The module's memory as typed arrays, and texts in it. The memory is shared by the threads and grows; `refresh` follows. An address
// comes from WebAssembly with a sign: every place in an array is made of it by `>>>`.
'use strict';

const decoder = new TextDecoder();

module.exports = memory => {
  const heap = { buffer: null, H8: null, U8: null, H16: null, H32: null, U32: null, H64: null, refresh, text, textLength, writeText };

  function refresh() {
    const buffer = memory.buffer;
    if (buffer === heap.buffer) return heap;
    heap.buffer = buffer;
    heap.H8 = new Int8Array(buffer);
    heap.U8 = new Uint8Array(buffer);
    heap.H16 = new Int16Array(buffer);
    heap.H32 = new Int32Array(buffer);
    heap.U32 = new Uint32Array(buffer);
    heap.H64 = new BigInt64Array(buffer);
    return heap;
  }

  /** The text that ends with a zero byte, or after `most` bytes. */
  function text(address, most = Infinity) {
    const { U8 } = refresh(), start = address >>> 0;
    let end = start;
    while (end - start < most && U8[end]) end++;
    return decoder.decode(U8.slice(start, end));
  }

  /** Write a text and a zero byte, cut to `size` bytes in all; gives the bytes written before the zero. */
  function writeText(value, address, size) {
    const { U8 } = refresh();
    const bytes = Buffer.from(value, 'utf8').subarray(0, size - 1);
    U8.set(bytes, address >>> 0);
    U8[(address + bytes.length) >>> 0] = 0;
    return bytes.length;
  }

  /** The bytes that a text takes, without the zero at its end. */
  function textLength(value) {
    return Buffer.byteLength(value, 'utf8');
  }

  return refresh();
};
