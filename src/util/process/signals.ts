/** Ctrl-C, SIGTERM and SIGHUP: the first asks the work to stop, the second ends the process at once. */
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../errors.ts';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Exit status of a process that a person stopped, as shells report it. */
const EXIT_STOPPED = 130;

let handler: (() => void) | undefined;

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
  const before = handler;
  remove();
  handler = () => {
    if (controller.signal.aborted) process.exit(EXIT_STOPPED);
    controller.abort();
  };
  add();
  try {
    return await work(controller.signal);
  } finally {
    remove();
    handler = before;
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
  try {
    return await work();
  } finally {
    add();
  }
}

function add(): void {
  if (handler) for (const name of STOP_SIGNALS) process.on(name, handler);
}

function remove(): void {
  if (handler) for (const name of STOP_SIGNALS) process.off(name, handler);
}
