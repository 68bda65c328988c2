/** What a run of a chat model used: the model that answered, parameters, tokens by kind, cost, seconds. */
import type { Answer } from '../../models/chat/cache.ts';
import { costOf, pricePaid } from '../../models/chat/cost.ts';
import { DISCOUNT_SHARE, PRICES_AS_OF, type Price } from '../../models/chat/families.ts';
import type { ChatExchange } from '../../models/chat/index.ts';
import type { ParameterChange } from '../../models/chat/openai/parameters.ts';
import type { ResolvedChatOptions } from '../../models/chat/options.ts';

/** Of all answers that the record rests on, kept ones and those of a hybrid's validation users included. */
export function describeUsage(
  answers: readonly Answer[],
  { options, price: own }: { options: ResolvedChatOptions; price?: Price },
  changes: readonly ParameterChange[],
): Record<string, unknown> {
  const sum = (count: (usage: Answer['usage']) => number | undefined) =>
    answers.reduce((total, { usage }) => total + (count(usage) ?? 0), 0);
  const input = sum((usage) => usage.input);
  const output = sum((usage) => usage.output);
  const cached = sum((usage) => usage.cached);
  const price = pricePaid(options, own);
  return {
    answers: answers.length,
    answeredBy: [...new Set(answers.map(({ model }) => model))].sort(),
    ...(options.reasoningEffort !== undefined && { reasoningEffort: options.reasoningEffort }),
    ...(options.flex && { serviceTier: 'flex' }),
    parameterChanges: changes,
    inputTokens: input,
    outputTokens: output,
    cachedTokens: cached,
    reasoningTokens: sum((usage) => usage.reasoning),
    answersWithEstimatedTokens: answers.filter(({ usage }) => usage.estimated).length,
    ...(answers.some(({ batch }) => batch) && { batchAnswers: answers.filter(({ batch }) => batch).length }),
    ...(price && {
      costUsd: answers.reduce(
        (total, { usage, batch }) => total + costOf(usage, price) * (batch ? DISCOUNT_SHARE : 1),
        0,
      ),
      pricesAsOf: own ? 'given by the user' : PRICES_AS_OF,
    }),
  };
}

/** Percentiles of the seconds that answers took, as they were measured when they came. */
export function latencyPercentiles(exchanges: readonly ChatExchange[]): Record<string, number> {
  const seconds = exchanges.flatMap(({ answer }) => answer?.latencySeconds ?? []).sort((a, b) => a - b);
  if (seconds.length === 0) return {};
  const at = (share: number) => seconds[Math.min(seconds.length - 1, Math.floor(share * seconds.length))]!;
  return { 'openai.latency.p50': at(0.5), 'openai.latency.p90': at(0.9), 'openai.latency.p99': at(0.99) };
}
