// Standard input as requests: lines up to a blank one, as the community REPL reads them.
'use strict';

const fs = require('fs');

const CHUNK_BYTES = 1 << 16;
const PAUSE_MS = 2;
const LINE_FEED = 10;

const sleeper = new Int32Array(new SharedArrayBuffer(4));
const pause = () => Atomics.wait(sleeper, 0, 0, PAUSE_MS);

const readChunk = chunk => {
  for (;;) {
    try { return fs.readSync(0, chunk, 0, chunk.length, null); } catch (error) {
      if (error.code === 'EOF') return 0;
      if (error.code !== 'EAGAIN') throw error;
      pause();
    }
  }
};

function* lines() {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let parts = [];
  for (let size; (size = readChunk(chunk));) {
    let start = 0;
    for (let feed; (feed = chunk.subarray(0, size).indexOf(LINE_FEED, start)) >= 0; start = feed + 1) {
      yield Buffer.concat([...parts, chunk.subarray(start, feed)]).toString('utf8');
      parts = [];
    }
    if (start < size) parts.push(Buffer.from(chunk.subarray(start, size)));
  }
  if (parts.length) yield Buffer.concat(parts).toString('utf8');
}

const TOKEN = /^#token ([0-9a-f]+)$/;

/**
 * Each request: { token, text }. The text is its lines joined without their ends; requests that begin with # or -- are comments, but for
 * a first line `#token T`, which is no part of the text.
 */
function* requests() {
  let token = null, text = '';
  const isRequest = () => text !== '' && !text.startsWith('#') && !text.startsWith('--');
  for (const line of lines()) {
    const named = text === '' && token === null ? TOKEN.exec(line) : null;
    if (named) { token = named[1]; continue; }
    if (line.trim() !== '') { text += line.trimEnd(); continue; }
    if (isRequest()) yield { token, text };
    [token, text] = [null, ''];
  }
  if (isRequest()) yield { token, text };
}

module.exports = { requests, pause };
