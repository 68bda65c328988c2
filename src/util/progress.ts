/** Progress of long work: a bar on a terminal, plain lines in a log, nothing with --quiet. Always on standard error. */
import type * as Library from 'cli-progress';
import type { SingleBar } from 'cli-progress';
import { printable } from './process/terminal.ts';

/** A bar is shown only once the work has lasted this long, so that quick steps leave no trace. */
const BAR_DELAY_MS = 500;
/** A log gets at most one line per task in this time. */
const LOG_INTERVAL_MS = 5000;
const BAR_WIDTH = 28;

export interface ProgressTask {
  /** `n` more units are done; `detail` (loss, tokens/s) stands at the end of the line. */
  advance(n?: number, detail?: string): void;
  /** Ends the task; call it also when the work fails. */
  finish(): void;
}

export interface Progress {
  /** Starts a task of `total` units ("sweeps", "users", "MB"). */
  start(label: string, total: number, unit: string): ProgressTask;
  /** One line for the reader: a decision, a warning, a file written. */
  note(line: string): void;
}

/** Shows nothing: for --quiet and tests. */
export const silentProgress: Progress = {
  start: () => ({ advance: () => {}, finish: () => {} }),
  note: () => {},
};

/** A bar that is redrawn in place, for a terminal. */
export function terminalProgress(stream: NodeJS.WriteStream): Progress {
  const newBar = barMaker(stream);
  return {
    start(label, total, unit) {
      const started = performance.now();
      let done = 0;
      let bar: SingleBar | undefined;
      return {
        advance(n = 1, detail = '') {
          done += n;
          const payload = { detail: printable(detail) };
          if (bar !== undefined) bar.update(done, payload);
          else if (performance.now() - started > BAR_DELAY_MS) {
            bar = newBar(label, unit);
            bar?.start(total, done, payload);
          }
        },
        finish() {
          bar?.stop();
        },
      };
    },
    note: (line) => void stream.write(`${printable(line)}\n`),
  };
}

/** Makes bars; loads the library when the first is wanted, and makes none until it is there. */
function barMaker(stream: NodeJS.WriteStream): (label: string, unit: string) => SingleBar | undefined {
  let library: typeof Library | undefined;
  let loading: Promise<void> | undefined;
  const load = async () => {
    library = await import('cli-progress');
  };
  return (label, unit) => {
    loading ??= load();
    return (
      library &&
      new library.SingleBar({
        stream,
        format: `${printable(label).replace(/[{}]/g, '')} [{bar}] {value}/{total} ${unit}  {eta_formatted} left  {detail}`,
        barCompleteChar: '=',
        barIncompleteChar: ' ',
        barsize: BAR_WIDTH,
        clearOnComplete: true,
        hideCursor: true,
      })
    );
  };
}

/** Plain lines, at most one per task in `LOG_INTERVAL_MS`, for logs. */
export function logProgress(stream: { write(line: string): unknown }): Progress {
  return {
    start(label, total, unit) {
      const started = performance.now();
      let done = 0;
      let last = started;
      return {
        advance(n = 1, detail = '') {
          done += n;
          const now = performance.now();
          if (now - last < LOG_INTERVAL_MS) return;
          last = now;
          const left = Math.round((((now - started) / done) * (total - done)) / 1000);
          const more = detail ? `, ${detail}` : '';
          stream.write(printable(`${label}: ${done}/${total} ${unit}, ${left} s left${more}\n`));
        },
        finish() {},
      };
    },
    note: (line) => void stream.write(`${printable(line)}\n`),
  };
}
