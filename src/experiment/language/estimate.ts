/** What a chat model would be asked and would cost at most, without asking. */
import { costOf, priceOf } from '../../models/chat/cost.ts';
import { PRICES_AS_OF } from '../../models/chat/families.ts';
import type { ChatQuestion } from '../../models/chat/questions.ts';
import { Stopwatch } from '../environment.ts';
import { withFitted, type RunContext } from '../run.ts';
import { chatModel, prepareChat, refuseRequests, type ChatSpec } from './chat.ts';

export interface CostEstimate {
  users: number;
  inputTokens: number;
  /** The most that the answers can have. */
  outputTokens: number;
  /** USD; undefined when the model's price is not known. */
  cost?: number;
  pricesAsOf: string;
  questions: ChatQuestion[];
}

/** Tokens and the highest cost of a run. The validation users of a hybrid, as many again, are counted in. */
export async function estimateChat(spec: ChatSpec, context: RunContext): Promise<CostEstimate> {
  const { prepared, users } = await prepareChat(spec, context);
  const model = await chatModel(spec, refuseRequests, prepared, users, context);
  const questions = await withFitted(prepared, model, context, new Stopwatch(), (fitted) =>
    Promise.resolve(fitted.questions(users, Math.max(...spec.protocol.k))),
  );
  const rounds = spec.hybrid !== undefined && spec.hybrid.weight === undefined ? 2 : 1;
  const inputTokens = rounds * questions.reduce((sum, question) => sum + question.inputTokens, 0);
  const outputTokens = rounds * questions.reduce((sum, question) => sum + question.maxOutputTokens, 0);
  const price = spec.price ?? priceOf(spec.options.model);
  return {
    users: questions.length,
    inputTokens,
    outputTokens,
    ...(price && { cost: costOf({ input: inputTokens, output: outputTokens }, price) }),
    pricesAsOf: spec.price ? 'your own' : PRICES_AS_OF,
    questions,
  };
}
