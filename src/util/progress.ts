/** Progress of long work: a bar on a terminal, plain lines in a log, nothing with --quiet. Always on standard error. */
import { SingleBar } from 'cli-progress';
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
  return {
    start(label, total, unit) {
      const bar = new SingleBar({
        stream,
        format: `${printable(label).replace(/[{}]/g, '')} [{bar}] {value}/{total} ${unit}  {eta_formatted} left  {detail}`,
        barCompleteChar: '=',
        barIncompleteChar: ' ',
        barsize: BAR_WIDTH,
        clearOnComplete: true,
        hideCursor: true,
      });
      const started = performance.now();
      let done = 0;
      let isShown = false;
      return {
        advance(n = 1, detail = '') {
          done += n;
          if (!isShown && performance.now() - started > BAR_DELAY_MS) {
            bar.start(total, done, { detail: printable(detail) });
            isShown = true;
          } else if (isShown) bar.update(done, { detail: printable(detail) });
        },
        finish() {
          if (isShown) bar.stop();
        },
      };
    },
    note: (line) => void stream.write(`${printable(line)}\n`),
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
