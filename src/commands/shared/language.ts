/** What the terminal shows of a language model's record below the table of metrics. */
import { noiseHalfWidth } from '../../experiment/audit/variance.ts';
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

/** The noise budget: where the spread of F1 comes from, how far it moves from run to run, what merging gains. */
export function describeNoise({ noise }: LanguageRecord['language']): string[] {
  if (noise === undefined) return [];
  const { k, runs, variance, standardDeviation, gain, prompts } = noise;
  const parts = Object.entries(variance).flatMap(([name, value]) =>
    value === null ? [] : [{ name, value }],
  );
  const total = parts.reduce((sum, { value }) => sum + value, 0);
  const shares = parts.map(
    ({ name, value }) => `${name} ${total === 0 ? '0' : ((100 * value) / total).toFixed(0)}%`,
  );
  const half = noiseHalfWidth(standardDeviation, runs.length);
  const [low, high] = gain.ci95;
  return [
    `Noise: ${runs.length} runs. Variance of F1@${k}: ${shares.join(', ')}. Its mean moves by ${standardDeviation.toFixed(4)} from run to run: a gap of less than ${half.toFixed(4)} to another model is no difference.`,
    ...(prompts.length > 1
      ? [
          `F1@${k} by prompt: ${prompts.map(({ template, f1 }) => `${template} ${f1.mean.toFixed(4)}`).join(', ')}.`,
        ]
      : []),
    `Merged lists gain ${gain.difference.toFixed(4)} [${low.toFixed(4)} ${high.toFixed(4)}] over the mean of the runs.`,
  ];
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
