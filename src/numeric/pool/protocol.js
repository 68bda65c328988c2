/**
 * How the threads of a pool share one job: the words they agree on, in shared memory, and the loop that each runs.
 * Plain JavaScript, because the worker loads it from src/ under the tests as well as from dist/.
 *
 * The main thread never waits for a worker that has not joined: a worker still starting, or one that could not start,
 * costs speed and nothing else. What fails in a worker that has joined, a kernel, is the job's error.
 */

/** Byte address of the control block; below it lies nothing, so address 0 can mean "none". */
const CONTROL_ADDRESS = 1024;
/** First byte that an allocation may use. */
export const HEAP_ADDRESS = 4096;

/**
 * Indices of the words of the control block. STATE holds the job's number, whether it is open (bit 8) and how many
 * workers are in it (bits 0 to 7), in one word, so that joining and closing are single compare-and-exchange steps.
 */
export const WORD = {
  STATE: 0,
  NEXT: 1,
  ROWS: 2,
  GRAIN: 3,
  KERNEL: 4,
  ARGUMENTS: 5,
  SCRATCH: 6,
  SCRATCH_BYTES: 7,
  ERROR: 8,
};
export const OPEN_BIT = 1 << 8;
export const JOINED_MASK = OPEN_BIT - 1;
/** Adding this to STATE starts the next job's number. */
export const NEXT_JOB = 1 << 9;

/** Byte offsets in the control block of the arguments (float64) and of the text of a worker's error (UTF-8). */
const ARGUMENTS_AT = 64;
const ERROR_AT = 512;
const MAX_ARGUMENTS = 32;
const MAX_ERROR_BYTES = 1024;

/** @param {WebAssembly.Memory<SharedArrayBuffer>} memory */
export function controlOf(memory) {
  return {
    words: new Int32Array(memory.buffer, CONTROL_ADDRESS, 16),
    arguments: new Float64Array(memory.buffer, CONTROL_ADDRESS + ARGUMENTS_AT, MAX_ARGUMENTS),
    error: new Uint8Array(memory.buffer, CONTROL_ADDRESS + ERROR_AT, MAX_ERROR_BYTES),
  };
}

/** @typedef {ReturnType<typeof controlOf>} Control */
/** @typedef {Record<string, (...values: number[]) => number>} Kernels */

/**
 * Instantiates the kernels on `memory`. Every thread compiles the same module, so the order of the names agrees.
 * @param {WebAssembly.Module} module
 * @param {WebAssembly.Memory<SharedArrayBuffer>} memory
 * @returns {Kernels}
 */
export function kernelsOf(module, memory) {
  const abort = () => {
    throw new Error('a kernel gave up');
  };
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort } });
  return /** @type {Kernels} */ (/** @type {unknown} */ (exports));
}

/**
 * Takes chunks of rows until none is left. `thread` is 0 for the main thread.
 * @param {Kernels} kernels
 * @param {Control} control
 * @param {number} thread
 */
export function work(kernels, control, thread) {
  const { words } = control;
  const word = (/** @type {number} */ index) => Atomics.load(words, index);
  const kernel = Object.values(kernels)[word(WORD.KERNEL)];
  if (kernel === undefined) throw new RangeError('no such kernel');
  const rows = word(WORD.ROWS);
  const grain = word(WORD.GRAIN);
  const scratch = (word(WORD.SCRATCH) >>> 0) + thread * word(WORD.SCRATCH_BYTES);
  const values = Array.from(control.arguments.subarray(0, word(WORD.ARGUMENTS)));
  for (;;) {
    const begin = Atomics.add(words, WORD.NEXT, grain);
    if (begin >= rows) return;
    kernel(begin, Math.min(begin + grain, rows), scratch, ...values);
  }
}
