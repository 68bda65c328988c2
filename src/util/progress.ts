/** Progress of long work: a bar on a terminal, plain lines in a log, nothing with --quiet. Always on standard error. */
import type * as CliProgress from 'cli-progress';
import { printable } from './process/terminal.ts';

/** A bar is shown only once the work has lasted this long, so that quick steps leave no trace. */
const BAR_DELAY_MS = 500;
/** A log gets at most one line per task in this time. */
const LOG_INTERVAL_MS = 5000;
/** Characters of a bar between its brackets; below the least it is left out. */
const BAR_WIDTH = 28;
const LEAST_BAR_WIDTH = 5;
/** Columns of a terminal that does not say. */
const DEFAULT_COLUMNS = 80;

export interface ProgressTask {
  /** `n` more units are done; `detail` (loss, tokens/s) stands at the end of the line. */
  advance(n?: number, detail?: string): void;
  /** An earlier run did the first `done` units, which is said: they take no time in this one. Call it before `advance`. */
  resumeAt(done: number): void;
  /** Ends the task; call it also when the work fails. */
  finish(): void;
}

export interface Progress {
  /** Starts a task of `total` units ("sweeps", "users", "MB"); 0 where that is not known. */
  start(label: string, total: number, unit: string): ProgressTask;
  /** One line for the reader: a decision, a warning, a file written. */
  note(line: string): void;
}

/** Shows nothing: for --quiet and tests. */
export const silentProgress: Progress = {
  start: () => ({ advance: () => {}, resumeAt: () => {}, finish: () => {} }),
  note: () => {},
};

/** The same progress, with the name of whose work it is before each label. */
export function progressOf(name: string, progress: Progress): Progress {
  return {
    start: (label, total, unit) => progress.start(`${name}: ${label}`, total, unit),
    note: (line) => progress.note(line),
  };
}

/** A bar that is redrawn in place, for a terminal. */
export function terminalProgress(stream: NodeJS.WriteStream): Progress {
  const newBar = barMaker(stream);
  const note = (line: string) => void stream.write(`${printable(line)}\n`);
  return {
    start(label, total, unit) {
      const count = new Count(label, total, unit);
      let bar: CliProgress.SingleBar | undefined;
      return {
        advance(n = 1, detail = '') {
          count.done += n;
          const payload = { line: (columns: number) => barLine(count, printable(detail), columns) };
          if (bar !== undefined) bar.update(count.done, payload);
          else if (count.elapsedMs > BAR_DELAY_MS) {
            bar = newBar();
            bar?.start(total, count.done, payload);
          }
        },
        resumeAt: (done) => count.resumeAt(done, note),
        finish: () => bar?.stop(),
      };
    },
    note,
  };
}

/** Plain lines, at most one per task in `LOG_INTERVAL_MS`, for logs. */
export function logProgress(stream: { write(line: string): unknown }): Progress {
  const note = (line: string) => void stream.write(`${printable(line)}\n`);
  return {
    start(label, total, unit) {
      const count = new Count(label, total, unit);
      let last = count.started;
      return {
        advance(n = 1, detail = '') {
          count.done += n;
          const now = performance.now();
          if (now - last < LOG_INTERVAL_MS) return;
          last = now;
          note([`${label}: ${count.text}`, ...count.left, ...(detail ? [detail] : [])].join(', '));
        },
        resumeAt: (done) => count.resumeAt(done, note),
        finish() {},
      };
    },
    note,
  };
}

/** Units done of a task, and how long the rest will take at the pace so far. */
class Count {
  readonly started = performance.now();
  done = 0;
  #before = 0;

  constructor(
    readonly label: string,
    readonly total: number,
    readonly unit: string,
  ) {}

  resumeAt(done: number, note: (line: string) => void): void {
    if (done === 0) return;
    this.done = done;
    this.#before = done;
    note(`${this.label}: resumed after ${done} of ${this.total} ${this.unit}`);
  }

  get elapsedMs(): number {
    return performance.now() - this.started;
  }

  /** "3/16 sweeps". */
  get text(): string {
    return `${this.total > 0 ? `${this.done}/${this.total}` : this.done} ${this.unit}`;
  }

  /** "2 min 5 s left"; empty before the first unit, and where the total is unknown. */
  get left(): string[] {
    const done = this.done - this.#before;
    if (done <= 0 || this.total <= 0) return [];
    const seconds = Math.round(((this.elapsedMs / done) * Math.max(0, this.total - this.done)) / 1000);
    return [`${durationOf(seconds)} left`];
  }
}

/** The line of a task that fits into `columns`: the detail goes first, then the bar; the label is never cut. */
function barLine(count: Count, detail: string, columns: number): string {
  const label = printable(count.label);
  const parts = [count.text, ...count.left].join('  ');
  const details = detail === '' ? [''] : [`  ${detail}`, ''];
  for (const end of details) {
    const width = Math.min(BAR_WIDTH, columns - 1 - `${label} [] ${parts}${end}`.length);
    if (width < LEAST_BAR_WIDTH || count.total <= 0) continue;
    const filled = Math.round(width * Math.min(1, count.done / count.total));
    return `${label} [${'='.repeat(filled)}${' '.repeat(width - filled)}] ${parts}${end}`;
  }
  return `${label} ${parts}`;
}

/** "45 s", "3 min 20 s", "2 h 5 min". */
function durationOf(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Makes bars; loads the library when the first is wanted, and makes none until it is there. */
function barMaker(stream: NodeJS.WriteStream): () => CliProgress.SingleBar | undefined {
  let library: typeof CliProgress | undefined;
  let isAsked = false;
  const load = async () => {
    library = await import('cli-progress');
  };
  return () => {
    if (!isAsked) void load();
    isAsked = true;
    return (
      library &&
      new library.SingleBar({
        stream,
        format: (_options, _params, { line }: { line: (columns: number) => string }) =>
          line(stream.columns || DEFAULT_COLUMNS),
        clearOnComplete: true,
        hideCursor: false, // a signal may end the process at any time
        linewrap: true,
      })
    );
  };
}
