import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { logProgress, progressOf, terminalProgress } from '../../src/util/progress.ts';

/** What is written to a terminal of so many columns. */
function terminal(columns: number) {
  const written: string[] = [];
  const stream = { isTTY: true, columns, write: (text: string) => written.push(text), on: () => stream };
  return { stream: stream as unknown as NodeJS.WriteStream, written };
}

describe('progress in a log', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('says how much is left at the pace so far, and whose work it is', () => {
    const lines: string[] = [];
    const log = progressOf('mf', logProgress({ write: (line: string) => void lines.push(line) }));
    const task = log.start('implicit ALS', 16, 'sweeps');
    vi.advanceTimersByTime(20_000);
    task.advance(4, 'loss 1.5');
    expect(lines).toEqual(['mf: implicit ALS: 4/16 sweeps, 1 min 0 s left, loss 1.5\n']);
  });

  it('announces that work is resumed, and counts the time of this run alone', () => {
    const lines: string[] = [];
    const task = logProgress({ write: (line: string) => void lines.push(line) }).start(
      'training',
      100,
      'updates',
    );
    task.resumeAt(90);
    vi.advanceTimersByTime(10_000);
    task.advance(2);
    expect(lines).toEqual([
      'training: resumed after 90 of 100 updates\n',
      'training: 92/100 updates, 40 s left\n',
    ]);
  });

  it('claims no time left where the total is unknown', () => {
    const lines: string[] = [];
    const task = logProgress({ write: (line: string) => void lines.push(line) }).start(
      'downloading',
      0,
      'MB',
    );
    vi.advanceTimersByTime(10_000);
    task.advance(3);
    expect(lines).toEqual(['downloading: 3 MB\n']);
  });
});

describe('a bar on a terminal', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** The longest line of a task that runs for a while. */
  async function lineAt(columns: number): Promise<string> {
    const { stream, written } = terminal(columns);
    const task = terminalProgress(stream).start('fm-pointwise: stochastic gradient descent', 100, 'epochs');
    for (let n = 0; n < 4; n++) {
      await vi.advanceTimersByTimeAsync(300);
      task.advance(1, 'loss 0.7512');
      await vi.dynamicImportSettled(); // the library, loaded when the first bar is wanted
    }
    task.finish();
    return written.find((text) => text.includes('epochs')) ?? '';
  }

  it('has its time left from the first on and never cuts the label', async () => {
    const wide = await lineAt(120);
    const narrow = await lineAt(70);
    expect(wide).toMatch(
      /^fm-pointwise: stochastic gradient descent \[=* +\] \d\/100 epochs {2}\d+ s left {2}loss 0[.]7512$/,
    );
    expect(narrow).toMatch(
      /^fm-pointwise: stochastic gradient descent (\[=* +\] )?\d\/100 epochs {2}\d+ s left$/,
    );
    expect(wide.length).toBeLessThan(120);
    expect(narrow.length).toBeLessThan(72);
  });
});
