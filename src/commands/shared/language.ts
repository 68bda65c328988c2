/** What the terminal shows of a language model's record below the table of metrics. */
import type { Estimate, LanguageRecord } from '../../experiment/record.ts';

/** Below this many users, differences between models are mostly chance. */
const FEW_USERS = 100;

/** "99.0% exact, 1.0% repeated": match classes that occur. */
export function describeShares({ shares }: LanguageRecord['language']): string {
  const percent = Object.entries(shares)
    .filter(([, share]) => share > 0)
    .map(([name, share]) => `${(100 * share).toFixed(1)}% ${name}`);
  return `Titles: ${percent.join(', ') || 'none'}.`;
}

/** Of what the reasons say of the users, how much their histories support; no line where there is no reason. */
export function describeReasons({ reasons = [] }: LanguageRecord['language']): string[] {
  const percent = ({ mean, ci95: [low, high] }: Estimate) =>
    `${(100 * mean).toFixed(1)}% [${(100 * low).toFixed(0)} ${(100 * high).toFixed(0)}]`;
  return reasons.map(({ model, reasons: count, withClaims, shares, swapped }) => {
    const named = `Reasons of ${model}: ${withClaims} of ${count} name movies, liked genres or ratings`;
    if (shares === null) return `${named}.`;
    const claims = `${named}; ${percent(shares.supported)} of these claims are supported by the history, ${percent(shares.contradicted)} contradicted`;
    return swapped === null
      ? `${claims}.`
      : `${claims}; another user’s history supports ${percent(swapped.supported)}.`;
  });
}

/** What weakens the numbers: truncated histories, few users. No line where nothing does. */
export function describeLimits({ language, models }: LanguageRecord): string[] {
  const lines: string[] = [];
  const { truncatedHistories } = language;
  if (truncatedHistories > 0) {
    lines.push(`${truncatedHistories} histories were too long for the prompt and were truncated.`);
  }
  const evaluated = models[0]?.users.evaluated ?? 0;
  if (evaluated < FEW_USERS) {
    lines.push(
      `${evaluated} users are few: the intervals above are wide, and only differences outside them mean anything.`,
    );
  }
  return lines;
}
