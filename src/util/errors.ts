/** Errors that the user can act on: place, found, wanted, remedy. Only `src/cli.ts` prints them. */

export interface ErrorFacts {
  /** Where: `ratings.csv:812`, `--k`, `results/baseline_metrics.json`. */
  place?: string;
  /** What is there: `rating 'x'`. */
  found: string;
  /** What should be there: `0.5 to 5`. */
  wanted?: string;
  /** What to do about it, as a sentence. */
  remedy?: string;
  cause?: unknown;
}

/** Base of every error that this program raises on purpose. Exit code 1. */
export class RecsysError extends Error {
  override name = 'RecsysError';
  readonly exitCode: number = 1;
  readonly facts: ErrorFacts;

  constructor(facts: ErrorFacts | string) {
    const full = typeof facts === 'string' ? { found: facts } : facts;
    super(formatFacts(full), full.cause === undefined ? undefined : { cause: full.cause });
    this.facts = full;
  }
}

/** A file or a record says something it should not. */
export class DataError extends RecsysError {
  override name = 'DataError';
}

/** The command line is wrong: exit code 2. */
export class UsageError extends RecsysError {
  override name = 'UsageError';
  override readonly exitCode = 2;
}

/**
 * A model cannot be fitted with these options to these ratings, on any machine: numbers overflow, a matrix is singular. An
 * error for want of memory, disk or a file is none of these.
 */
export class FitError extends RecsysError {
  override name = 'FitError';
}

/** The work was stopped (Ctrl-C); `found` says what was kept. Exit code 130, as shells expect. */
export class AbortedError extends RecsysError {
  override name = 'AbortedError';
  override readonly exitCode = 130;
}

/** Throws `AbortedError` if the signal has fired; call it between units of long work. `kept` says what was saved. */
export function throwIfAborted(signal: AbortSignal, kept = 'nothing was written'): void {
  if (signal.aborted) throw new AbortedError({ found: `stopped: ${kept}` });
}

/** "place: found, expected wanted. remedy", without the parts that are missing. */
function formatFacts({ place, found, wanted, remedy }: ErrorFacts): string {
  const fact = wanted === undefined ? found : `${found}, expected ${wanted}`;
  const located = place === undefined ? fact : `${place}: ${fact}`;
  return remedy === undefined ? located : `${located.replace(/[.]$/, '')}. ${remedy}`;
}
