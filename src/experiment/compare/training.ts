/** Training logs as `recsys finetune-gpt2` writes them: one curve per run. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../../util/errors.ts';
import type { Comparison } from './record.ts';

type TrainingStep = Comparison['training'][number]['steps'][number];

/** Points of one training curve. */
const MAX_CURVE_POINTS = 300;

/** A line of the log: a training step, or what validation found after one. */
const lineSchema = z.union([
  z.object({ step: z.int(), loss: z.number() }),
  z.object({ step: z.int(), validationLoss: z.number() }),
]);

/** Reads every training log in `folder` (files that end in `training.jsonl`), by name. Empty ones are left out. */
export async function readTraining(folder: string): Promise<Comparison['training']> {
  const names = (await readdir(folder).catch(() => [] as string[])).filter((name) =>
    name.endsWith('training.jsonl'),
  );
  const runs = await Promise.all(
    names.sort().map(async (name) => ({
      name: name.replace(/_?training[.]jsonl$/, '') || 'training',
      steps: await readLog(join(folder, name)),
    })),
  );
  return runs.filter(({ steps }) => steps.length > 0);
}

/**
 * Reads a training log, one JSON object per line. Keeps about 300 steps evenly and
 * every one with a validation loss. A cut-off last line, as a kill leaves it, is skipped; any other damage throws
 * DataError naming file and line.
 */
async function readLog(path: string): Promise<TrainingStep[]> {
  const text = await readFile(path, 'utf8');
  const lines = text.split('\n');
  const steps: TrainingStep[] = [];
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
