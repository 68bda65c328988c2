/** Training logs as `recsys finetune-gpt2` writes them: one curve per run. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../../util/errors.ts';
import { readTextFile } from '../../util/files.ts';
import type { Comparison } from './record.ts';

type LoggedUpdate = Comparison['training'][number]['updates'][number];

/** Points of one training curve. */
const MAX_CURVE_POINTS = 300;

/** A line of the log: an update of the weights, or what validation found after one. Logs of version 0.1 have `step`. */
const lineSchema = z.preprocess(
  (line) =>
    typeof line === 'object' && line !== null && 'step' in line ? { ...line, update: line.step } : line,
  z.union([
    z.object({ update: z.int(), loss: z.number() }),
    z.object({ update: z.int(), validationLoss: z.number() }),
    z.object({ update: z.int(), validationF1: z.number() }),
    z
      .object({ update: z.int(), bestValidationF1: z.number() })
      .transform(({ update, bestValidationF1 }) => ({ update, validationF1: bestValidationF1 })),
  ]),
);

/** Reads every training log in `folder` (files that end in `training.jsonl`), by name. Empty ones are left out. */
export async function readTraining(folder: string): Promise<Comparison['training']> {
  const names = (await readdir(folder).catch(() => [] as string[])).filter((name) =>
    name.endsWith('training.jsonl'),
  );
  const runs = await Promise.all(
    names.sort().map(async (name) => ({
      name: name.replace(/_?training[.]jsonl$/, '') || 'training',
      updates: await readLog(join(folder, name)),
    })),
  );
  return runs.filter(({ updates }) => updates.length > 0);
}

/**
 * Reads a training log, one JSON object per line. Keeps about 300 updates evenly and
 * every one that was validated. A cut-off last line, as a kill leaves it, is skipped; any other damage throws
 * DataError naming file and line.
 */
async function readLog(path: string): Promise<LoggedUpdate[]> {
  const text = await readTextFile(path, 'a training log');
  const lines = text.split('\n');
  const updates: LoggedUpdate[] = [];
  for (const [n, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const parsed = lineSchema.safeParse(parse(line));
    if (!parsed.success) {
      if (n === lines.length - 1) break;
      throw new DataError({
        place: `${path}:${n + 1}`,
        found: 'not an update of the weights',
        wanted: '{"update", "loss"}, or "update" with "validationLoss" or "validationF1"',
        remedy: 'Delete that line, or move the log away: the rest is compared without it.',
      });
    }
    const entry = parsed.data;
    const last = updates.at(-1);
    if ('loss' in entry) updates.push(entry);
    else if (last?.update === entry.update) Object.assign(last, entry);
  }
  const every = Math.max(1, Math.ceil(updates.length / MAX_CURVE_POINTS));
  return updates.filter(
    ({ validationLoss, validationF1 }, n) =>
      n % every === 0 || n === updates.length - 1 || (validationLoss ?? validationF1) !== undefined,
  );
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
