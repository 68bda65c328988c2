/** What a chat model would be asked and would cost at most, without asking it. */
import { costOf, pricePaid } from '../../models/chat/cost.ts';
import { dayOf, DISCOUNT_SHARE, familyOf, isServed, PRICES_AS_OF } from '../../models/chat/families.ts';
import { resolveEndpoint, type Endpoint } from '../../models/chat/openai/endpoint.ts';
import { fetchServedModel } from '../../models/chat/openai/models.ts';
import type { ChatQuestion } from '../../models/chat/questions.ts';
import { hasKnownEncoding, tokenCounter } from '../../models/chat/tokens.ts';
import { UsageError } from '../../util/errors.ts';
import { Stopwatch } from '../environment.ts';
import { withFitted, type RunContext } from '../run.ts';
import { chatModel, prepareChat, refuseRequests, type ChatSpec } from './chat.ts';

export interface CostEstimate {
  users: number;
  inputTokens: number;
  /** The most that the answers can have, thoughts included. */
  outputTokens: number;
  /** The model's tokenizer is not public: the counts are estimates. */
  isEstimate: boolean;
  /** USD; undefined when the model's price is not known. */
  cost?: number;
  pricesAsOf: string;
  questions: ChatQuestion[];
  /** What is known of the model's end, and what the server says of the model, as sentences. */
  warnings: string[];
}

/** Tokens and the highest cost of a run. The validation users of a hybrid, as many again, are counted in. */
export async function estimateChat(spec: ChatSpec, context: RunContext): Promise<CostEstimate> {
  const { prepared, users } = await prepareChat(spec, context);
  const access = { ask: refuseRequests, countTokens: await tokenCounter() };
  const model = await chatModel(spec, access, prepared, users, context);
  const questions = await withFitted(prepared, model, context, new Stopwatch(), (fitted) =>
    fitted.questions(users, Math.max(...spec.protocol.k)),
  );
  const rounds = spec.hybrid !== undefined && spec.hybrid.weight === undefined ? 2 : 1;
  const inputTokens = rounds * questions.reduce((sum, question) => sum + question.inputTokens, 0);
  const outputTokens = rounds * questions.reduce((sum, question) => sum + question.maxOutputTokens, 0);
  const price = pricePaid(spec.options, spec.price);
  const share = spec.options.batch ? DISCOUNT_SHARE : 1;
  return {
    users: questions.length,
    inputTokens,
    outputTokens,
    isEstimate: !hasKnownEncoding(spec.options.model),
    ...(price && { cost: share * costOf({ input: inputTokens, output: outputTokens }, price) }),
    pricesAsOf: spec.price ? 'your own' : PRICES_AS_OF,
    questions,
    warnings: await warningsAbout(spec, context),
  };
}

async function warningsAbout({ options }: ChatSpec, { signal }: RunContext): Promise<string[]> {
  const { model } = options;
  const { ends } = familyOf(model) ?? {};
  const replacement = ends?.replacement === undefined ? '' : `; its replacement is ${ends.replacement}`;
  const warnings: string[] = [];
  if (ends) {
    const verb = isServed(model, dayOf(new Date())) ? 'leaves' : 'left';
    warnings.push(`${model} ${verb} OpenAI's API on ${ends.date}${replacement}.`);
  }
  const endpoint = endpointWithKey(options);
  if (endpoint === undefined) return warnings;
  const served = await fetchServedModel(endpoint, options, signal);
  if ('problem' in served) warnings.push(`The server says of ${model}: ${served.problem}.`);
  else if (served.shutdownDate !== undefined) {
    warnings.push(`The server shuts ${model} down on ${served.shutdownDate}${replacement}.`);
  }
  return warnings;
}

/** Undefined where no key is there. */
function endpointWithKey(options: ChatSpec['options']): Endpoint | undefined {
  try {
    const endpoint = resolveEndpoint(options);
    return endpoint.key === undefined ? undefined : endpoint;
  } catch (error) {
    if (error instanceof UsageError && error.facts.place === 'OPENAI_API_KEY') return undefined;
    throw error;
  }
}
