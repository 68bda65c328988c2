/** What is asked of a chat server and what comes back, whatever API the server speaks. */
import type { Message } from '../../language/templates.ts';
import { RecsysError } from '../../util/errors.ts';
import type { Answer } from './cache.ts';

export interface ChatRequest {
  messages: Message[];
  /** Tokens of the messages by this program's count, where they are counted already. */
  inputTokens?: number;
  maxOutputTokens: number;
  seed: number;
  /** Candidates are named by number. */
  numbered: boolean;
  /** The answer is a text, not a list of recommendations: no format is asked for. */
  plain?: boolean;
  /** The same question is asked again, for the n-th time: its answer is another one's. */
  repeat?: number;
}

/** The outcome of a request. A failure has been retried; it is recorded, scored 0, and asked again in the next run. */
export type AskOutcome = { answer: Answer; fromCache: boolean } | { failure: string };

/**
 * Asks once. Throws RecsysError for what no retry and no further request mends (key refused, quota used up), and the
 * signal's reason when it fires.
 */
export type Ask = (request: ChatRequest, signal: AbortSignal) => Promise<AskOutcome>;

/** The model is no longer served; its remedy names the replacement where one is known. */
export class ModelGoneError extends RecsysError {
  override name = 'ModelGoneError';
}
