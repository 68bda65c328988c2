/** Progress that makes work fail, to see that its task is ended all the same: a bar that is left keeps the process alive. */
import type { Progress } from '../../src/util/progress.ts';

/** The task with this label fails at its first step. `open`: the labels of the tasks that were not ended. */
export function failingProgress(failing: string): { progress: Progress; open: Set<string> } {
  const open = new Set<string>();
  const start = (label: string) => {
    open.add(label);
    return {
      advance() {
        if (label === failing) throw new Error('no step');
      },
      resumeAt() {},
      finish: () => void open.delete(label),
    };
  };
  return { progress: { start, note() {} }, open };
}
