/** Progress within a job as lines of text, which go from any process to the bar of the person who waits. */
import type { Progress } from '../../util/progress.ts';

/** Lines come at most once in this time. */
const LINE_INTERVAL_MS = 500;

/** Calls `onLine` with "mf: als 7/16 sweeps"; notes go to `note` or nowhere, as those of the data were shown before. */
export function progressLines(
  onLine: (line: string) => void,
  note: (line: string) => void = () => {},
): Progress {
  let last = -Infinity;
  return {
    start(label, total, unit) {
      let done = 0;
      return {
        advance(n = 1) {
          done += n;
          const now = performance.now();
          if (now - last < LINE_INTERVAL_MS) return;
          last = now;
          onLine(`${label} ${total > 0 ? `${done}/${total}` : done} ${unit}`);
        },
        resumeAt: (before) => void (done = before),
        finish: () => {},
      };
    },
    note,
  };
}
