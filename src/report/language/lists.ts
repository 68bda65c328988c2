/** What the terminal shows of a language model's record below the table of metrics. */
import { noiseHalfWidth } from '../../experiment/audit/variance.ts';
import type { Estimate, LanguageRecord } from '../../experiment/record.ts';
import { wrapWords } from '../charts/text.ts';
import { formatCount } from '../table.ts';

/** Columns of the terminal that prose is broken for. */
const TERMINAL_COLUMNS = 80;

/** Below this many users, differences between models are mostly chance. */
const FEW_USERS = 100;

/** The answers of a chat model: states, titles, reasons, tokens and their cost. Ends in a newline. */
export function answersText(record: LanguageRecord): string {
  const { details, users } = record.language;
  const lines = [
    `Answers: ${countStates(users.map(({ state }) => state))}. ${describeShares(record.language)}`,
    ...describeFailures(users),
  ];
  if (typeof details['candidateRecall'] === 'number') {
    lines.push(
      `Recall of the candidate lists, the ceiling of any answer: ${details['candidateRecall'].toFixed(4)}.`,
    );
  }
  if (typeof details['hybridWeight'] === 'number') {
    lines.push(`Weight of the chat model in the hybrid: ${details['hybridWeight']}.`);
  }
  lines.push(
    ...describeNoise(record.language),
    ...describeUsage(record),
    ...describeReasons(record.language),
    ...describeLimits(record),
  );
  return `${lines.join('\n')}\n`;
}

/** The lists of a GPT-2: titles, reasons, and the list of one user. Ends in a newline. */
export function listsText(record: LanguageRecord): string {
  const { language } = record;
  const lines = wrapped([describeShares(language), ...describeReasons(language), ...describeLimits(record)]);
  const [first] = language.users;
  if (first) lines.push(`The reply for user ${first.userId}:`, first.reply.trim());
  return `${lines.join('\n')}\n`;
}

/** Prose broken for a terminal. */
function wrapped(lines: readonly string[]): string[] {
  return lines.flatMap((line) => wrapWords(line, TERMINAL_COLUMNS));
}

/** "99.0% exact, 1.0% repeated": match classes that occur. */
function describeShares({ shares }: LanguageRecord['language']): string {
  const percent = Object.entries(shares)
    .filter(([, share]) => share > 0)
    .map(([name, share]) => `${(100 * share).toFixed(1)}% ${name}`);
  return `Titles: ${percent.join(', ') || 'none'}.`;
}

/** Of what the reasons say of the users, how much their histories support; no line where there is no reason. */
function describeReasons({ reasons = [] }: LanguageRecord['language']): string[] {
  const percent = ({ mean, ci95: [low, high] }: Estimate) =>
    `${(100 * mean).toFixed(1)}% [${(100 * low).toFixed(0)} ${(100 * high).toFixed(0)}]`;
  return reasons.map(({ model, reasons: count, withClaims, shares, swapped }) => {
    const named = `Reasons of ${model}: ${formatCount(withClaims)} of ${formatCount(count)} name movies, liked genres or ratings`;
    if (shares === null) return `${named}.`;
    const claims = `${named}; ${percent(shares.supported)} of these claims are supported by the history, ${percent(shares.contradicted)} contradicted`;
    return swapped === null
      ? `${claims}.`
      : `${claims}; another user’s history supports ${percent(swapped.supported)}.`;
  });
}

/** The noise budget: where the spread of F1 comes from, how far it moves from run to run, what merging gains. */
function describeNoise({ noise }: LanguageRecord['language']): string[] {
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
function describeLimits({ language, models }: LanguageRecord): string[] {
  const lines: string[] = [];
  const { truncatedHistories } = language;
  if (truncatedHistories > 0) {
    lines.push(
      truncatedHistories === 1
        ? '1 history was too long for the prompt and was truncated.'
        : `${truncatedHistories} histories were too long for the prompt and were truncated.`,
    );
  }
  const evaluated = models[0]?.users.evaluated ?? 0;
  if (evaluated < FEW_USERS) {
    lines.push(
      `${evaluated === 1 ? '1 user is' : `${evaluated} users are`} few: the intervals above are wide, and only differences outside them mean anything.`,
    );
  }
  return lines;
}

/** The model, its tokens and their cost. */
function describeUsage({ models, language: { details } }: LanguageRecord): string[] {
  if (details['answers'] === 0) return ['Stored answers were scored: their tokens and cost are not known.'];
  const asked = models[0]?.hyperparameters['model'];
  const answeredBy = Array.isArray(details['answeredBy']) ? details['answeredBy'].join(', ') : '';
  const number = (name: string) => (typeof details[name] === 'number' ? details[name] : 0);
  const cost = typeof details['costUsd'] === 'number' ? `, ${details['costUsd'].toFixed(4)} USD` : '';
  const kinds = [
    number('cachedTokens') > 0 ? `${formatCount(number('cachedTokens'))} of them cached` : '',
    number('answersWithEstimatedTokens') > 0 ? 'counted here, an estimate: the server does not count' : '',
  ].filter((kind) => kind !== '');
  const thoughts =
    number('reasoningTokens') > 0 ? ` (${formatCount(number('reasoningTokens'))} for reasoning)` : '';
  const input = [`${formatCount(number('inputTokens'))} in`, ...kinds].join(', ');
  return [
    ...(typeof asked === 'string' && answeredBy !== ''
      ? [`Model: ${asked}, answered by ${answeredBy}.`]
      : []),
    `Tokens: ${input}; ${formatCount(number('outputTokens'))} out${thoughts}${cost}.`,
  ];
}

/** How many users got no answer, why, and what to do. */
function describeFailures(users: LanguageRecord['language']['users']): string[] {
  const reasons = new Map<string, number>();
  for (const { state, reply } of users) {
    if (state === 'failed') reasons.set(reply, (reasons.get(reply) ?? 0) + 1);
  }
  if (reasons.size === 0) return [];
  const failed = [...reasons.values()].reduce((sum, n) => sum + n, 0);
  const why = [...reasons].map(([reason, n]) => `${reason} (${n})`).join('; ');
  return [
    `${failed} of ${users.length} users got no answer and score 0: ${why}. The same command asks again for them alone.`,
  ];
}

/** "4 answered, 1 refused". */
function countStates(states: string[]): string {
  const counts = new Map<string, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, n]) => `${n} ${state}`).join(', ');
}
