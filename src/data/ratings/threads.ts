/** Runs the byte parser over a whole file of ratings, in one thread or several. The columns do not depend on how many. */
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { throwIfAborted } from '../../util/errors.ts';
import { sha256OfFile } from '../../util/files.ts';
import type { Progress } from '../../util/progress.ts';
import type { Ratings } from '../dataset.ts';
import type { Source } from './bytes.js';
import { CHUNK, chunkParser, stop, WORD, type Job } from './chunks.js';

/** A worker takes 30 to 50 ms to start, in which a thread parses about this many bytes. */
const BYTES_THAT_PAY = 32 << 20;

export interface ParseOptions {
  threads: number;
  progress: Progress;
  signal: AbortSignal | undefined;
  /** What progress calls the file. */
  label: string;
}

export interface Parsed {
  rows: number;
  /** Offset of the first line that the byte parser did not take, or -1. */
  surprise: number;
  /** Of the whole file, in hex. */
  sha256: string;
}

/**
 * Fills `columns`, which lie in shared memory, from an open file. With more than one thread, another beside them computes
 * the hash. Throws AbortedError when the signal fires, and what reading throws.
 */
export async function parseAll(
  path: string,
  source: Source,
  columns: Ratings,
  { threads, progress, signal, label }: ParseOptions,
): Promise<Parsed> {
  const words = new Int32Array(new SharedArrayBuffer(4 * Object.keys(WORD).length));
  const surprise = new Float64Array(new SharedArrayBuffer(8)).fill(-1);
  const job: Job = { source, columns, words, surprise };
  const helpers = source.size < BYTES_THAT_PAY ? 0 : threads - 1;
  const hash = helpers === 0 ? sha256OfFile(path) : hashInWorker(source.file);
  const others = Array.from({ length: helpers }, () => runWorker({ task: 'parse', job }));
  const everything = [parseHere(job, { progress, signal, label }), hash, ...others] as const;
  try {
    const [, sha256] = await Promise.all(everything);
    return { rows: words[WORD.ROWS]!, surprise: surprise[0]!, sha256 };
  } finally {
    stop(words);
    await Promise.allSettled(everything); // the file must stay open until nobody reads it
  }
}

/** This thread's part, which also looks after progress and Ctrl-C. */
async function parseHere(
  job: Job,
  { progress, signal, label }: Pick<ParseOptions, 'progress' | 'signal' | 'label'>,
): Promise<void> {
  const { size, dataBegin } = job.source;
  const task = progress.start(label, Math.ceil((size - dataBegin) / CHUNK), 'MB');
  let seen = 0;
  for (const next = chunkParser(job); next();) {
    if (signal) throwIfAborted(signal);
    const taken = Atomics.load(job.words, WORD.NEXT);
    task.advance(taken - seen);
    seen = taken;
    await setImmediate(); // lets progress and signals through
  }
  task.finish();
}

/** SHA-256, in hex, of an open file from byte `from` on, computed beside this thread. */
export function hashInWorker(file: number, from = 0): Promise<string> {
  return runWorker({ task: 'hash', file, from });
}

/** Starts a worker and waits for its one message. Rejects when it fails. */
async function runWorker(workerData: unknown): Promise<string> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData, execArgv: [] });
  try {
    const [message] = (await once(worker, 'message')) as [string];
    return message;
  } finally {
    await worker.terminate();
  }
}
