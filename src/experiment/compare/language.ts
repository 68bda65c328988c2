/** What records of language models add to a comparison: match classes, example users, cost, GPT-2's training curve. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { DataError } from '../../util/errors.ts';
import type { LanguageComparison, Comparison } from './record.ts';
import type { Candidate } from './models.ts';
import type { RecordFile } from './files.ts';

/** Users shown side by side; more would bury the numbers. */
const EXAMPLE_USERS = 3;
/** Points of the training curve. */
const MAX_CURVE_POINTS = 300;

/** One entry per language record. The example users are those that most records have, then by ascending id. */
export function languageModels(records: readonly RecordFile[]): LanguageComparison[] {
  const withTexts = records.flatMap(({ record: { language, ...record } }) =>
    language === undefined ? [] : [{ ...record, language }],
  );
  const times = new Map<number, number>();
  for (const { language } of withTexts) {
    for (const { userId } of language.users) times.set(userId, (times.get(userId) ?? 0) + 1);
  }
  const chosen = new Set(
    [...times]
      .sort(([a, inA], [b, inB]) => inB - inA || a - b)
      .slice(0, EXAMPLE_USERS)
      .map(([userId]) => userId),
  );
  return withTexts.map(({ models, experiment, language }) => ({
    name: models[0]?.name ?? experiment,
    template: language.template,
    shares: language.shares,
    truncatedHistories: language.truncatedHistories,
    examples: language.users.filter(({ userId }) => chosen.has(userId)).sort((a, b) => a.userId - b.userId),
  }));
}

/**
 * US dollars that a language model's answers cost; null where its record does not say, and for other models: a record's
 * first model is the one that wrote its texts, others were evaluated beside it.
 */
export function costOf({ result, record }: Pick<Candidate, 'result' | 'record'>): number | null {
  const cost = record.models[0] === result ? record.language?.details['costUsd'] : undefined;
  return typeof cost === 'number' ? cost : null;
}

/** A line of the log: a training step, or what validation found after one. */
const lineSchema = z.union([
  z.object({ step: z.int(), loss: z.number() }),
  z.object({ step: z.int(), validationLoss: z.number() }),
]);

/**
 * Reads a training log, one JSON object per line; no steps where there is no such file. Keeps about 300 steps evenly and
 * every one with a validation loss. A cut-off last line, as a kill leaves it, is passed over; any other damage throws
 * DataError naming file and line.
 */
export async function readTraining(path: string): Promise<Comparison['training']> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text.split('\n');
  const steps: Comparison['training'] = [];
  for (const [n, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const parsed = lineSchema.safeParse(parse(line));
    if (!parsed.success) {
      if (n === lines.length - 1) break;
      throw new DataError({
        place: `${path}:${n + 1}`,
        found: 'not a training step',
        wanted: '{"step", "loss"} or {"step", "validationLoss"}',
      });
    }
    const entry = parsed.data;
    const last = steps.at(-1);
    if ('loss' in entry) steps.push(entry);
    else if (last?.step === entry.step) last.validationLoss = entry.validationLoss;
  }
  const every = Math.max(1, Math.ceil(steps.length / MAX_CURVE_POINTS));
  return steps.filter(
    ({ validationLoss }, n) => n % every === 0 || n === steps.length - 1 || validationLoss !== undefined,
  );
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
