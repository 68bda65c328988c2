/** Ctrl-C, SIGTERM and SIGHUP: the first asks the work to stop, the second ends the process at once. */
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../errors.ts';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Exit status of a process that a person stopped, as shells report it. */
const EXIT_STOPPED = 130;

let handler: (() => void) | undefined;
/** Calls of `interruptible` that are going on: one may be inside another. */
let depth = 0;

/**
 * A signal that fires with `signal`, for one wait or request. The SDK and Node's timers leave their listeners behind:
 * thousands of them would gather on the run's own signal.
 */
export function ownSignal(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal]);
}

/** Runs `work` with a signal that fires when a person or the system asks the process to stop. */
export async function withStopSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const before = { handler, depth };
  remove();
  depth = 0;
  handler = () => {
    if (controller.signal.aborted) process.exit(EXIT_STOPPED);
    controller.abort();
  };
  add();
  try {
    return await work(controller.signal);
  } finally {
    remove();
    ({ handler, depth } = before);
    add();
  }
}

/**
 * Runs work that holds the only thread and has nothing to keep, such that Ctrl-C ends the process in the middle of it: a
 * handler would have to wait for its end. Throws AbortedError when the signal has fired before.
 */
export async function interruptible<T>(signal: AbortSignal, work: () => T | Promise<T>): Promise<T> {
  // A signal that has come is heard: from within a callback of input or output, in the second turn of the event loop.
  await setImmediate();
  await setImmediate();
  throwIfAborted(signal);
  remove();
  depth++;
  try {
    return await work();
  } finally {
    depth--;
    add();
  }
}

/** Listens, unless work goes on that the system's own answer to a signal, the end of the process, may cut short. */
function add(): void {
  if (handler && depth === 0) for (const name of STOP_SIGNALS) process.on(name, handler);
}

function remove(): void {
  if (handler) for (const name of STOP_SIGNALS) process.off(name, handler);
}
