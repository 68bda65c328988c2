/** What a dry run of `recsys openai` and `recsys probe` shows: tokens and the highest cost. */
import type { CostEstimate } from '../../experiment/language/estimate.ts';
import type { ChatQuestion } from '../../models/chat/questions.ts';
import { formatCount, textTable } from '../table.ts';

type Cost = Pick<CostEstimate, 'inputTokens' | 'outputTokens' | 'isEstimate' | 'cost' | 'pricesAsOf'>;

/** "1,234 input tokens, at most 500 output tokens, at most 0.0123 USD (prices: 2026-11-25)". */
export function costText(
  { inputTokens, outputTokens, isEstimate, cost, pricesAsOf }: Cost,
  model: string,
): string {
  const money =
    cost === undefined
      ? `no price is known for ${model}: give --price-input and --price-output`
      : `at most ${cost.toFixed(4)} USD (prices: ${pricesAsOf})`;
  const input = `${formatCount(inputTokens)} input tokens${isEstimate ? ' (an estimate: the tokenizer is not known)' : ''}`;
  return `${input}, at most ${formatCount(outputTokens)} output tokens, ${money}`;
}

/** Questions as they would be sent, a blank line before each. */
export function questionLines(questions: readonly Pick<ChatQuestion, 'messages'>[]): string[] {
  return questions.flatMap(({ messages }) => [
    '',
    ...messages.map(({ role, content }) => `[${role}]\n${content}`),
  ]);
}

/** The dry run of `recsys openai`. Ends in a newline. */
export function estimateText(estimate: CostEstimate, model: string, withQuestions: boolean): string {
  const { users, runs, questions, warnings } = estimate;
  return `${[
    `${model}: ${users} users, ${costText(estimate, model)}.`,
    ...(runs > 1 ? [`These are ${runs} runs: prompts, orders and repeats.`] : []),
    ...warnings,
    '',
    promptTable(estimate),
    '',
    'No chat request was made.',
    ...(withQuestions ? questionLines(questions) : []),
  ].join('\n')}\n`;
}

/** What each prompt costs for the same users, each asked once; a dash where no price is known, or no part is shared. */
function promptTable({ prompts, users }: Pick<CostEstimate, 'prompts' | 'users'>): string {
  const usd = (cost: number | undefined) => (cost === undefined ? '–' : cost.toFixed(4));
  return textTable(
    [`prompt (${formatCount(users)} users)`, 'tokens in', 'shared lead', 'USD at most', 'if cached'],
    prompts.map(({ name, inputTokens, sharedTokens, cost, cachedCost }) => [
      name,
      formatCount(inputTokens),
      sharedTokens === 0 ? '–' : formatCount(sharedTokens),
      usd(cost),
      usd(cachedCost),
    ]),
  );
}
