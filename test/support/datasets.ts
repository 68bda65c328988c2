/** Small data sets whose right answers are known, and the embedded one. */
import type { Dataset } from '../../src/data/dataset.ts';
import { trainingSet, type TrainingSet } from '../../src/data/training-set.ts';
import type { FitContext } from '../../src/models/recommender.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { Rng } from '../../src/util/rng.ts';

/** `[user index, item index, stars]` rows become a data set with released ids 10 x index + 1. */
export function datasetOf(rows: [number, number, number][], users: number, items: number): Dataset {
  return {
    name: 'made by a test',
    files: [],
    userIds: Int32Array.from({ length: users }, (_, n) => 10 * n + 1),
    itemIds: Int32Array.from({ length: items }, (_, n) => 10 * n + 1),
    ratings: {
      users: Int32Array.from(rows, ([user]) => user),
      items: Int32Array.from(rows, ([, item]) => item),
      values: Float32Array.from(rows, ([, , stars]) => stars),
      timestamps: Int32Array.from(rows, (_, n) => 1_000_000_000 + n),
    },
    movies: {
      titles: Array.from({ length: items }, (_, n) => `Movie ${n} (${1990 + (n % 20)})`),
      years: Int16Array.from({ length: items }, (_, n) => 1990 + (n % 20)),
      genres: Array.from({ length: items }, (_, n) => [n % 2 === 0 ? 'Drama' : 'Comedy']),
    },
    scale: { min: 0.5, max: 5, step: 0.5 },
    warnings: [],
  };
}

export function trainOn(rows: [number, number, number][], users: number, items: number): TrainingSet {
  const dataset = datasetOf(rows, users, items);
  return trainingSet(dataset, dataset.ratings);
}

/**
 * Even users love even movies and odd users odd ones, and have rated few of the other colour, badly: the right
 * recommendations are the unrated movies of the user's own colour, whatever their popularity.
 */
export function checkerboard(users = 40, items = 30): { train: TrainingSet; wanted: Set<number>[] } {
  const rng = new Rng('checkerboard');
  const rows: [number, number, number][] = [];
  const wanted: Set<number>[] = [];
  for (let user = 0; user < users; user++) {
    wanted.push(new Set());
    for (let item = 0; item < items; item++) {
      const same = user % 2 === item % 2;
      if (same && rng.uniform() < 0.3) wanted[user]!.add(item);
      else if (same) rows.push([user, item, 5]);
      else if (rng.uniform() < 0.2) rows.push([user, item, 1]);
    }
  }
  return { train: trainOn(rows, users, items), wanted };
}

/** A context for `fit`: silent, seeded, on `threads` threads. */
export function fitContext(seed = 1, threads = 1, signal = new AbortController().signal): FitContext {
  return { rng: new Rng(seed), progress: silentProgress, signal, threads };
}
