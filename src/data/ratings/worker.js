/** Body of a worker thread that helps with one file of ratings: it parses chunks, or computes the file's SHA-256. */
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { CHUNK, chunkParser } from './chunks.js';

/** @typedef {{ task: 'parse', job: import('./chunks.js').Job } | { task: 'hash', file: number, from: number }} Task */

const work = /** @type {Task} */ (workerData);
if (work.task === 'parse') {
  const next = chunkParser(work.job);
  while (next());
  answer('done');
} else answer(hashOf(work.file, work.from));

/** @param {string} message */
function answer(message) {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- meant for windows; a worker's port has none
  parentPort?.postMessage(message);
}

/**
 * @param {number} file
 * @param {number} from
 * @returns {string} In hex.
 */
function hashOf(file, from) {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(CHUNK);
  for (let at = from, got = 0; (got = readSync(file, buffer, 0, CHUNK, at)) > 0; at += got) {
    hash.update(buffer.subarray(0, got));
  }
  return hash.digest('hex');
}
