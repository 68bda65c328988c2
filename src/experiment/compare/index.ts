/** `recsys compare` in five visible steps: read, check, metrics on common users, paired tests, texts. */
import { dirname, join } from 'node:path';
import type { Progress } from '../../util/progress.ts';
import { DataError, throwIfAborted } from '../../util/errors.ts';
import { readRecords, requireComparable } from './files.ts';
import { costOf, languageModels, readTraining } from './language.ts';
import {
  candidatesOf,
  commonUsers,
  compareModel,
  comparePairs,
  withUniqueNames,
  type Candidate,
} from './models.ts';
import type { Comparison } from './record.ts';
import { environment } from '../environment.ts';

export interface CompareOptions {
  /** Records to compare; all in `resultsDir` when empty. */
  files: readonly string[];
  resultsDir: string;
}

/**
 * Compares all models of the records. Throws DataError when there is no record, when two are not comparable, and when
 * no user was evaluated by all models; AbortedError when the signal fires.
 */
export async function compare(
  { files, resultsDir }: CompareOptions,
  { progress, signal }: { progress: Progress; signal: AbortSignal },
): Promise<Comparison> {
  const records = await readRecords(files, resultsDir);
  requireComparable(records);
  const { dataset, protocol } = records[0]!.record;
  const k = Math.max(...protocol.k);

  const all = candidatesOf(records);
  const common = requireSome(commonUsers(all), all);
  const candidates = withUniqueNames(all, common);
  const compared = candidates
    .map((candidate) => ({
      candidate,
      model: compareModel(candidate, common, costOf(candidate)),
    }))
    .sort((a, b) => b.model.metrics[k]!.f1.mean - a.model.metrics[k]!.f1.mean);

  throwIfAborted(signal);
  const task = progress.start('paired tests', 1, 'families');
  const sorted = compared.map(({ candidate }) => candidate);
  const pairs = comparePairs(sorted, common, { k, seed: protocol.seed });
  task.finish();

  return {
    schemaVersion: 2,
    experiment: 'comparison',
    files: records.map(({ file }) => file),
    dataset,
    protocol,
    commonUsers: common.length,
    models: compared.map(({ model }) => model),
    pairs,
    language: languageModels(records),
    training: await readTraining(
      join(files[0] === undefined ? resultsDir : dirname(files[0]), 'gpt2_training.jsonl'),
    ),
    environment: environment(),
    timing: Object.fromEntries(sorted.map((candidate) => [candidate.name, secondsOf(candidate)])),
  };
}

function requireSome(common: number[], candidates: readonly Candidate[]): number[] {
  if (common.length > 0) return common;
  throw new DataError({
    place: [...new Set(candidates.map(({ file }) => file))].join(', '),
    found: 'no user that every model was evaluated on',
    remedy: 'Name fewer files: `recsys compare FILE FILE`.',
  });
}

function secondsOf({ result, record }: Candidate): Comparison['timing'][string] {
  const phase = (name: string) => record.timing[`${result.name}.${name}`] ?? null;
  return { fit: phase('fit'), recommend: phase('recommend') };
}
