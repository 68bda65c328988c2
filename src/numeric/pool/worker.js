/** A thread of a KernelPool: joins each job while it is open, works, leaves, and sleeps until the next. */
import { workerData } from 'node:worker_threads';
import { controlOf, JOINED_MASK, kernelsOf, NEXT_JOB, OPEN_BIT, WORD, work } from './protocol.js';

const { module, memory, thread } = workerData;
const control = controlOf(memory);
const kernels = kernelsOf(module, memory);
const { words } = control;

/** Stores what went wrong for the main thread to throw. */
function report(/** @type {unknown} */ error) {
  new TextEncoder().encodeInto(`${String(error)}\0`, control.error);
  Atomics.store(words, WORD.ERROR, 1);
}

let done = 0;
for (;;) {
  const state = Atomics.load(words, WORD.STATE);
  const job = state & ~(NEXT_JOB - 1);
  if ((state & OPEN_BIT) === 0 || job === done) {
    Atomics.wait(words, WORD.STATE, state);
    continue;
  }
  if (Atomics.compareExchange(words, WORD.STATE, state, state + 1) !== state) continue;
  try {
    work(kernels, control, thread);
  } catch (error) {
    report(error);
  }
  done = job;
  const before = Atomics.sub(words, WORD.STATE, 1);
  if ((before & JOINED_MASK) === 1) Atomics.notify(words, WORD.STATE);
}
