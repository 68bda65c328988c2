/** Progress of long work: a bar on a terminal, plain lines in a log, nothing with --quiet. Always on standard error. */
import { SingleBar } from 'cli-progress';

export interface ProgressTask {
  /** `n` more units are done; `detail` (loss, tokens/s) stands at the end of the line. */
  advance(n?: number, detail?: string): void;
  finish(): void;
}

export interface Progress {
  /** Starts a task of `total` units ("sweeps", "users", "MB"). */
  start(label: string, total: number, unit: string): ProgressTask;
  /** One line for the reader: a decision, a warning, a file written. */
  note(line: string): void;
}

/** Drops everything: tests and --quiet. */
export const silentProgress: Progress = {
  start: () => ({ advance: () => {}, finish: () => {} }),
  note: () => {},
};

/** A bar redrawn in place, shown only once the work has lasted 0.5 s so that quick steps leave no trace. */
export function terminalProgress(stream: NodeJS.WriteStream): Progress {
  return {
    start(label, total, unit) {
      const bar = new SingleBar({
        stream,
        format: `${label} [{bar}] {value}/{total} ${unit}  {eta_formatted} left  {detail}`,
        barCompleteChar: '=',
        barIncompleteChar: ' ',
        barsize: 28,
        clearOnComplete: true,
        hideCursor: true,
      });
      const started = performance.now();
      let done = 0;
      let shown = false;
      return {
        advance(n = 1, detail = '') {
          done += n;
          if (!shown && performance.now() - started > 500) {
            bar.start(total, done, { detail });
            shown = true;
          } else if (shown) bar.update(done, { detail });
        },
        finish() {
          if (shown) bar.stop();
        },
      };
    },
    note: (line) => void stream.write(`${line}\n`),
  };
}

/** Plain lines, at most one every five seconds per task, for logs. */
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
          if (now - last < 5000) return;
          last = now;
          const left = Math.round((((now - started) / done) * (total - done)) / 1000);
          stream.write(`${label}: ${done}/${total} ${unit}, ${left} s left${detail ? `, ${detail}` : ''}\n`);
        },
        finish() {},
      };
    },
    note: (line) => void stream.write(`${line}\n`),
  };
}
