/** Many questions to a chat server at a time: progress, what stops them all, and what is said then. */
import pLimit from 'p-limit';
import { AbortedError } from '../../util/errors.ts';
import type { Progress } from '../../util/progress.ts';
import { BudgetError } from './cost.ts';

export interface AskingParts {
  /** The model, as the progress names it. */
  model: string;
  /** What the questions are about: "users". */
  unit: string;
  concurrency: number;
  progress: Progress;
  signal: AbortSignal;
}

/**
 * Asks with bounded concurrency; returns the outcomes in the order of the questions. The first error stops all: `ask` must
 * heed its signal. Throws that error, AbortedError with the number of answers when the signal fires, and a BudgetError with
 * that number.
 */
export async function askAll<Question, Outcome>(
  questions: readonly Question[],
  { model, unit, concurrency, progress, signal }: AskingParts,
  ask: (question: Question, signal: AbortSignal) => Promise<Outcome>,
): Promise<Outcome[]> {
  const task = progress.start(model, questions.length, unit);
  const failed = new AbortController();
  const anyStop = AbortSignal.any([signal, failed.signal]);
  let done = 0;
  try {
    return await pLimit(concurrency).map(questions, async (question) => {
      try {
        anyStop.throwIfAborted();
        const outcome = await ask(question, anyStop);
        done++;
        task.advance();
        return outcome;
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    });
  } catch (error) {
    if (signal.aborted) {
      throw new AbortedError({
        found: `stopped: ${done} of ${questions.length} answers are kept and will not be asked for again`,
      });
    }
    if (!(error instanceof BudgetError)) throw error;
    const { facts } = error;
    throw new BudgetError({
      ...facts,
      found: `${facts.found}; ${done} of ${questions.length} ${unit} are answered`,
    });
  } finally {
    task.finish();
  }
}
