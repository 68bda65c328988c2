/** The dry run's table of prompts. */
import type { CostEstimate } from '../experiment/language/estimate.ts';
import { formatCount, textTable } from './table.ts';

/** What each prompt costs for the same users, each asked once; a dash where no price is known, or no part is shared. */
export function promptTable({ prompts, users }: Pick<CostEstimate, 'prompts' | 'users'>): string {
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
