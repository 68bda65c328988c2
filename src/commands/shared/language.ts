/** What the terminal shows of a language model's record below the table of metrics. */
import type { LanguageRecord } from '../../experiment/record.ts';

/** Below this many users, differences between models are mostly chance. */
const FEW_USERS = 100;

/** "99.0% exact, 1.0% repeated": match classes that occur. */
export function describeShares({ shares }: LanguageRecord['language']): string {
  const percent = Object.entries(shares)
    .filter(([, share]) => share > 0)
    .map(([name, share]) => `${(100 * share).toFixed(1)}% ${name}`);
  return `Titles: ${percent.join(', ') || 'none'}.`;
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
