/** The first two steps of every experiment: load the data and split it. */
import type { Csr } from '../data/csr.ts';
import type { Dataset } from '../data/dataset.ts';
import { loadDataset, type LoadOptions } from '../data/loader.ts';
import { loadPredefinedSplit } from '../data/predefined.ts';
import { parseColumns } from '../data/ratings/columns.ts';
import { asWritten } from '../data/ratings/values.ts';
import { isTemporal, splitDigest, splitRatings, type Split } from '../data/split.ts';
import { areAllEqual, trainingSet, type TrainingSet } from '../data/training-set.ts';
import { relevantItems, type CatalogueFacts } from '../evaluation/evaluator.ts';
import { countsOf, range } from '../util/arrays.ts';
import { DataError, UsageError } from '../util/errors.ts';
import { interruptible } from '../util/process/signals.ts';
import type { Progress } from '../util/progress.ts';
import { Rng } from '../util/rng.ts';
import { rowLength } from '../util/sparse-rows.ts';
import type { Stopwatch } from './environment.ts';
import { keepRatings } from './held-out/keep.ts';
import { holdOutUsers, type HeldOut } from './held-out/users.ts';
import { embeddedDataset, recordedSplit, thresholdOn, type DataOptions, type Protocol } from './protocol.ts';
import type { ResultsRecord } from './record.ts';

/** A data set, split, with what the evaluator needs. Models get `train` and nothing else of it. */
export interface Prepared {
  source: ResultsRecord['source'];
  dataset: Dataset;
  split: Split;
  /** Of all users, or of those that are not held out, indexed among themselves then. */
  train: TrainingSet;
  /** users x items, stars: what is known of users who are held out of training; absent without them. */
  histories?: Csr;
  /** users x items: the relevant test items. */
  relevant: Csr;
  /** Users with at least one test rating, ascending: those of them without a relevant one are left out and counted. */
  tested: Int32Array;
  /** Users with at least one relevant test item, ascending: those that lists are made for. */
  evaluable: Int32Array;
  facts: CatalogueFacts;
  /** The least rating that is relevant, in the unit of the data; `protocol` has the shortest decimal that compares alike. */
  threshold: number;
  protocol: ResultsRecord['protocol'];
}

/** What a model is made from and its lists are measured by; without what only a report about the split needs. */
export type RankingInput = Omit<Prepared, 'split' | 'histories' | 'tested' | 'evaluable'>;

/**
 * Throws DataError for unreadable data and where no user has a relevant test rating, UsageError when only one of `train`
 * and `test` is given.
 */
export async function prepare(
  data: DataOptions,
  protocol: Protocol,
  context: { progress: Progress; signal: AbortSignal },
  watch: Stopwatch,
): Promise<Prepared> {
  const loaded = await watch.time('load', () => interruptible(context.signal, () => load(data, context)));
  const split = () => {
    const { dataset } = loaded;
    for (const warning of dataset.warnings) context.progress.note(`note: ${warning}`);
    const prepared = prepareSplit(dataset, protocol, data, loaded.split);
    for (const line of [...scaleNotes(prepared, protocol), ...tagNotes(prepared)])
      context.progress.note(`note: ${line}`);
    return prepared;
  };
  return await watch.time('split', () => interruptible(context.signal, split));
}

/**
 * Splits a loaded data set by the protocol; `predefined` is a split that the data came with. Throws DataError where no user
 * has a relevant test rating.
 */
export function prepareSplit(
  dataset: Dataset,
  protocol: Protocol,
  source: DataOptions,
  predefined?: Split,
): Prepared {
  const { split: kind, testShare, seed, heldOutUsers, validationUsers } = protocol;
  requireHeldOutSense(protocol, predefined !== undefined);
  const rng = new Rng(seed).derive('split');
  const held =
    heldOutUsers === undefined
      ? undefined
      : holdOutUsers(
          dataset,
          { kind, testShare },
          { tested: heldOutUsers, unused: validationUsers ?? 0 },
          rng,
        );
  const split = held?.split ?? predefined ?? splitRatings(dataset, { kind, testShare }, rng);
  const prepared = describe(source, protocol, dataset, split, predefined !== undefined, held);
  requireEvaluable(prepared);
  return prepared;
}

/** Throws UsageError where users are held out, for `who`, which is made for users of the training data. */
export function refuseHeldOutUsers({ histories }: Pick<Prepared, 'histories'>, who: string): void {
  if (histories === undefined) return;
  throw new UsageError({
    place: '--held-out-users',
    found: who,
    wanted: '`recsys baseline`, `recsys tune` and the commands of popularity, mf, fm and ease',
    remedy: 'Leave out --held-out-users.',
  });
}

/** Throws UsageError where a split says nothing of single users, or no users are held out. */
function requireHeldOutSense(
  { split, heldOutUsers, validationUsers }: Protocol,
  isPredefined: boolean,
): void {
  if (heldOutUsers === undefined) {
    if (validationUsers === undefined) return;
    throw new UsageError({
      place: '--validation-users',
      found: 'no --held-out-users',
      remedy: 'Give --held-out-users as well.',
    });
  }
  if (!isPredefined && !split.startsWith('global')) return;
  throw new UsageError({
    place: '--held-out-users',
    found: isPredefined ? 'a predefined split' : `--split ${split}`,
    wanted: 'per-user-random, per-user-temporal or leave-last-one-out, which divides what is known of a user',
  });
}

/** What follows from a rating scale that is not MovieLens'. */
function scaleNotes({ dataset, train, protocol }: Prepared, { threshold }: Protocol): string[] {
  const { min, max } = dataset.scale;
  const notes: string[] = [];
  if (threshold === undefined && max !== 5) {
    notes.push(
      `ratings from ${asWritten(min)} to ${asWritten(max)}: ${protocol.threshold} or more is relevant; --threshold says otherwise.`,
    );
  }
  const { values } = train.ratings;
  if (values.length > 0 && min !== max && areAllEqual(values)) {
    notes.push('all training ratings are equal: models take them as "rated" and nothing more.');
  }
  return notes;
}

/** Of tags that a temporal split leaves out because they have no time. */
function tagNotes({ dataset, train, histories, protocol: { split } }: Prepared): string[] {
  if (histories !== undefined || split === 'predefined' || !isTemporal(split)) return [];
  const untimed = ({ tags }: Pick<Dataset, 'tags'>) =>
    tags?.timestamps.filter((time) => time === 0).length ?? 0;
  const left = untimed(dataset) - untimed(train);
  if (left === 0) return [];
  return [
    `${left} tags without a time are left out: they may come from after the moment at which a ${split} split cuts.`,
  ];
}

async function load(
  data: DataOptions,
  context: { progress: Progress; signal: AbortSignal },
): Promise<{ dataset: Dataset; split?: Split }> {
  const { dataset: name, train, test } = data;
  const options = { ...context, ...readingOptions(data) };
  if (train === undefined && test === undefined) {
    return { dataset: keepRatings(await loadDataset(name ?? embeddedDataset, options), data) };
  }
  if (data.binarize !== undefined || data.minRatings !== undefined) {
    throw new UsageError({
      place: data.binarize === undefined ? '--min-ratings' : '--binarize',
      found: 'a predefined split, which is taken as it is',
      remedy: 'Leave it out.',
    });
  }
  if (train === undefined || test === undefined) {
    throw new UsageError({
      place: train === undefined ? '--test' : '--train',
      found: 'one file of a predefined split',
      wanted: 'both --train FILE and --test FILE',
    });
  }
  const dataset =
    name === undefined ? undefined : await loadDataset(name, { ...context, strict: options.strict });
  return loadPredefinedSplit({ trainFile: train, testFile: test, ...(dataset && { dataset }) }, options);
}

/** What `--columns` and `--strict` say. Throws UsageError. */
export function readingOptions({ columns, strict }: Pick<DataOptions, 'columns' | 'strict'>): LoadOptions {
  return { ...(columns !== undefined && { columns: parseColumns(columns) }), strict: strict ?? false };
}

function describe(
  data: DataOptions,
  protocol: Protocol,
  dataset: Dataset,
  split: Split,
  predefined: boolean,
  held?: HeldOut,
): Prepared {
  const threshold = thresholdOn(dataset.scale, protocol.threshold);
  const train =
    held?.train ?? trainingSet(dataset, split.train, split.test, predefined ? undefined : protocol.split);
  const [users, items] = [dataset.userIds.length, dataset.itemIds.length];
  const relevant = relevantItems(split.test, threshold, users, items);
  const { seed, k, heldOutUsers, validationUsers } = protocol;
  return {
    source: data,
    dataset,
    split,
    train,
    ...(held && { histories: held.histories }),
    relevant,
    tested: present(countsOf(split.test.users, users)),
    evaluable: range(users).filter((user) => rowLength(relevant, user) > 0),
    facts: {
      catalogueSize: train.catalogue.length,
      usersWhoRated: train.ratingCounts,
      userCount: range(train.userCount).filter((user) => rowLength(train.byUser, user) > 0).length,
      genres: dataset.movies.genres,
    },
    threshold,
    protocol: {
      ...recordedSplit(protocol, predefined),
      ...(heldOutUsers !== undefined && { heldOutUsers }),
      ...(validationUsers !== undefined && { validationUsers }),
      seed,
      k,
      threshold: protocol.threshold ?? asWritten(threshold),
      candidates: 'catalogue minus the user’s training items',
      ties: 'ascending movie id',
      splitDigest: splitDigest(split, dataset, train.starUnit === 1 && !held ? train.byUser : undefined),
      trainRatings: split.train.users.length,
      testRatings: split.test.users.length,
    },
  };
}

/**
 * Throws DataError, saying what to type, when none of `users` (default: all) has a relevant test rating: a mean over
 * no users is undefined.
 */
export function requireEvaluable(
  { relevant, evaluable, split: { test }, protocol: { threshold } }: Prepared,
  users: Int32Array = evaluable,
): void {
  if (users.some((user) => rowLength(relevant, user) > 0)) return;
  if (evaluable.length > 0) {
    throw new DataError({
      place: '--users',
      found: `none of the ${users.length} users has a test rating of at least ${threshold}`,
      wanted: 'at least one who has',
      remedy: 'Name other users, or give a lower --threshold.',
    });
  }
  const highest = asWritten(test.values.reduce((a, b) => Math.max(a, b), -Infinity));
  throw new DataError({
    place: `--threshold ${threshold}`,
    found:
      test.values.length === 0
        ? 'no test ratings, so that no user can be evaluated'
        : `no test rating reaches it, so that no user can be evaluated: the highest is ${highest}`,
    remedy:
      test.values.length === 0
        ? 'Give a larger --test-share or another --split.'
        : `Type --threshold ${highest}, or --threshold 0 to make every test rating relevant.`,
  });
}

/** The indices that occur, ascending. */
function present(counts: Int32Array): Int32Array {
  return range(counts.length).filter((index) => counts[index]! > 0);
}
