/** `recsys compare` in five visible steps: read, check, metrics on common users, paired tests, texts. */
import { dirname } from 'node:path';
import type { Progress } from '../../util/progress.ts';
import { throwIfAborted } from '../../util/errors.ts';
import { environment } from '../environment.ts';
import { claimsToBeProbe, readProbes } from '../probe/read.ts';
import { collectModels, type RecordedModel } from './recorded-models.ts';
import { chooseExamples } from './examples.ts';
import { jsonFilesIn, readRecords, requireComparable } from './files.ts';
import { languageModels } from './language.ts';
import { compareModel, priceOf } from './models.ts';
import { comparePairs } from './pairs.ts';
import { populationsOf, type Population } from './populations.ts';
import type { ComparedModel, Comparison } from './record.ts';
import { coldSlice, compareSlices, knowledgeSlices } from './slices.ts';
import { readTraining } from './training.ts';

export interface CompareOptions {
  /** Records to compare; all in `resultsDir` when empty. */
  files: readonly string[];
  resultsDir: string;
}

/**
 * Compares all models of the records; one whose sample shares no user with the others is left out with a note. Throws
 * DataError when there is no record, when two are not comparable, and when there are no common users; AbortedError when
 * the signal fires.
 */
export async function compare(
  { files, resultsDir }: CompareOptions,
  { progress, signal }: { progress: Progress; signal: AbortSignal },
): Promise<Comparison> {
  const paths = files.length > 0 ? files : await jsonFilesIn(resultsDir);
  const isProbe = await Promise.all(paths.map(claimsToBeProbe));
  const records = await readRecords(
    files.filter((_, n) => !isProbe[n]),
    resultsDir,
  );
  requireComparable(records);
  const { dataset, protocol } = records[0]!.record;
  const k = Math.max(...protocol.k);

  const collected = collectModels(records);
  const { main, samples, leftOut } = populationsOf(collected);
  const recorded = collected.filter((model) => !leftOut.includes(model));
  noteLeftOut(leftOut, progress);
  noteEmptyLists(recorded, progress);
  const models = rankModels(main, k);
  const inOrder = sortLike(recorded, models);

  const probes = await readProbes(
    paths.filter((_, n) => isProbe[n]),
    records[0]!.record,
    (line) => progress.note(line),
  );
  const slices = [coldSlice, ...probes.flatMap(knowledgeSlices)];

  throwIfAborted(signal);
  const pairs = comparePairs(inOrder, { k, seed: protocol.seed });

  return {
    schemaVersion: 2,
    experiment: 'comparison',
    files: records.map(({ file }) => file),
    dataset,
    protocol,
    commonUsers: main.users.length,
    models,
    samples: samples.map((sample) => ({
      users: sample.users.length,
      models: rankModels(sample, k),
      slices: compareSlices(slices, sample, { k, seed: protocol.seed }),
    })),
    slices: compareSlices(
      slices,
      { ...main, recorded: sortLike(main.recorded, models) },
      { k, seed: protocol.seed },
    ),
    pairs,
    language: languageModels(inOrder),
    examples: chooseExamples(inOrder, k),
    training: await readTraining(files[0] === undefined ? resultsDir : dirname(files[0])),
    environment: environment(),
    prices: Object.fromEntries(inOrder.map((model) => [model.name, priceOf(model)])),
  };
}

function noteLeftOut(leftOut: readonly RecordedModel[], progress: Progress): void {
  for (const { name, file, result } of leftOut) {
    progress.note(
      result.seeds === undefined
        ? `${name} is left out: no user of ${file} is in the other records.`
        : `${name} is left out: no user of ${file} was evaluated with every seed there and in the other records. ` +
            'Run it again with --users, or with more --num-users.',
    );
  }
}

function noteEmptyLists(recorded: readonly RecordedModel[], progress: Progress): void {
  for (const { name, result } of recorded) {
    const { emptyLists, evaluated } = result.users;
    if (emptyLists > 0)
      progress.note(`${name}: ${emptyLists} of ${evaluated} users got no list and score 0 in these means.`);
  }
}

/** Highest F1 first. */
function rankModels({ recorded, users }: Population, k: number): ComparedModel[] {
  return recorded
    .map((model) => compareModel(model, users))
    .sort((a, b) => b.metrics[k]!.f1.mean - a.metrics[k]!.f1.mean);
}

/** Models in the order of the ranked models, those that are not among them last. */
function sortLike(recorded: readonly RecordedModel[], models: readonly ComparedModel[]): RecordedModel[] {
  const rank = (model: RecordedModel) => {
    const index = models.findIndex(({ name }) => name === model.name);
    return index < 0 ? models.length : index;
  };
  return recorded.toSorted((a, b) => rank(a) - rank(b));
}
