/** The first two steps of every experiment: load the data and split it. */
import { loadDataset } from '../data/loader.ts';
import { loadPredefinedSplit } from '../data/predefined.ts';
import type { Csr } from '../data/csr.ts';
import type { Dataset } from '../data/dataset.ts';
import { splitDigest, splitRatings, type Split } from '../data/split.ts';
import { trainingSet, type TrainingSet } from '../data/training-set.ts';
import { relevantItems, type CatalogueFacts } from '../evaluation/evaluator.ts';
import type { Progress } from '../util/progress.ts';
import { Rng } from '../util/rng.ts';
import type { Stopwatch } from './environment.ts';
import { embeddedDataset, type DataOptions, type Protocol } from './protocol.ts';
import type { ResultsRecord } from './record.ts';

/** A data set, split, with what the evaluator needs. Models get `train` and nothing else of it. */
export interface Prepared {
  source: ResultsRecord['source'];
  dataset: Dataset;
  split: Split;
  train: TrainingSet;
  /** users x items: the relevant test items. */
  relevant: Csr;
  /** Users with at least one relevant test item, ascending: those that are evaluated. */
  evaluable: Int32Array;
  /** Users with test ratings of which none is relevant: left out and counted. */
  withoutRelevant: number;
  facts: CatalogueFacts;
  protocol: ResultsRecord['protocol'];
}

/** Throws DataError for unreadable data, UsageError when only one of `train` and `test` is given. */
export async function prepare(
  data: DataOptions,
  protocol: Protocol,
  context: { progress: Progress; signal: AbortSignal },
  watch: Stopwatch,
): Promise<Prepared> {
  const { dataset, split } = await watch.time('load', () => load(data, protocol, context));
  return watch.time('split', () => {
    const train = trainingSet(dataset, split.train, split.test);
    return {} as Prepared;
  });
}
