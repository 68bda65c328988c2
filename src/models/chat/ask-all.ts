/** Many questions to a chat server at a time: progress, what stops them all, and what is said then. */
import pLimit from 'p-limit';
import { AbortedError } from '../../util/errors.ts';
import type { Progress } from '../../util/progress.ts';
import type { AskOutcome } from './ask.ts';
import { hasContent } from './cache.ts';
import { BudgetError } from './cost.ts';

export interface AskingParts {
  /** The model, as the progress names it; and whether answers are kept. */
  options: { model: string; cache: boolean; concurrency: number };
  /** What the questions are about: "users". */
  unit: string;
  progress: Progress;
  signal: AbortSignal;
}

/**
 * Asks with bounded concurrency; returns what `conclude` makes of the outcomes, in the order of the questions. The first error
 * stops all: `ask` must heed its signal. Throws that error, AbortedError with the number of answers that are kept when the
 * signal fires, and a BudgetError with the number of answers.
 */
export async function askAll<Question, Conclusion>(
  questions: readonly Question[],
  { options: { model, cache, concurrency }, unit, progress, signal }: AskingParts,
  ask: (question: Question, signal: AbortSignal) => Promise<AskOutcome>,
  conclude: (question: Question, outcome: AskOutcome) => Conclusion,
): Promise<Conclusion[]> {
  const task = progress.start(model, questions.length, unit);
  const failed = new AbortController();
  const anyStop = AbortSignal.any([signal, failed.signal]);
  const answers = { all: 0, kept: 0 };
  try {
    return await pLimit(concurrency).map(questions, async (question) => {
      try {
        anyStop.throwIfAborted();
        const outcome = await ask(question, anyStop);
        if ('answer' in outcome) {
          answers.all++;
          if (cache && hasContent(outcome.answer)) answers.kept++;
        }
        task.advance();
        return conclude(question, outcome);
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    });
  } catch (error) {
    if (signal.aborted) throw stoppedError(answers.kept, questions.length, cache);
    if (!(error instanceof BudgetError)) throw error;
    const { facts } = error;
    throw new BudgetError({
      ...facts,
      found: `${facts.found}; ${answers.all} of ${questions.length} ${unit} are answered`,
    });
  } finally {
    task.finish();
  }
}

function stoppedError(kept: number, count: number, cache: boolean): AbortedError {
  if (!cache) return new AbortedError({ found: 'stopped: with --no-cache, no answer is kept' });
  return new AbortedError({
    found: `stopped: ${kept} of ${count} answers are kept and will not be asked for again`,
  });
}
