import { expect, test } from 'vitest';
import { askAll } from '../../../src/models/chat/ask-all.ts';
import { BudgetError } from '../../../src/models/chat/cost.ts';
import type { Answer } from '../../../src/models/chat/cache.ts';
import { silentProgress } from '../../../src/util/progress.ts';

const answer = (text: string): { answer: Answer; fromCache: boolean } => ({
  answer: {
    text,
    refusal: null,
    finishReason: 'stop',
    model: 'm',
    usage: { input: 1, output: 1 },
    latencySeconds: 0,
  },
  fromCache: false,
});
/** Two answers, one of them empty, a failure, and then the end of it. */
const outcomes = [answer('Heat (1995)'), answer(' '), { failure: 'status 500' }, answer('Jaws (1975)')];

function ask(end: () => Promise<never>, cache: boolean, signal = new AbortController().signal) {
  const options = { model: 'm', cache, concurrency: 1 };
  return askAll(
    [0, 1, 2, 3, 4],
    { options, unit: 'users', progress: silentProgress, signal },
    (n) => (n < outcomes.length ? Promise.resolve(outcomes[n]!) : end()),
    (_, outcome) => outcome,
  );
}

test('what is said to be kept after Ctrl-C is what the next run need not ask for', async () => {
  for (const [cache, said] of [
    [true, /stopped: 2 of 5 answers are kept/], // the empty one and the failure are asked for again
    [false, /with --no-cache, no answer is kept/],
  ] as const) {
    const stop = new AbortController();
    const pressed = () => {
      stop.abort();
      return Promise.reject(new Error('aborted'));
    };
    await expect(ask(pressed, cache, stop.signal)).rejects.toThrow(said);
  }
});

test('a spent budget says how many are answered, failures left out', async () => {
  const spent = () => Promise.reject(new BudgetError({ found: 'the budget is spent' }));
  await expect(ask(spent, true)).rejects.toThrow(/the budget is spent; 3 of 5 users are answered/);
});
