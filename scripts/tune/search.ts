/**
 * Chooses hyper-parameters on validation ratings carved out of the training part; test ratings are split off first and
 * never read. Usage: `npx tsx scripts/tune/mf.ts [data set] [points]`.
 */
import { loadDataset } from '../../src/data/loader.ts';
import { carveValidation, splitRatings, type SplitOptions } from '../../src/data/split.ts';
import { trainingSet, type TrainingSet } from '../../src/data/training-set.ts';
import { evaluateLists, relevantItems } from '../../src/evaluation/evaluator.ts';
import { f1 } from '../../src/evaluation/metrics.ts';
import type { Csr } from '../../src/data/csr.ts';
import type { Recommender } from '../../src/models/recommender.ts';
import { mean, range } from '../../src/util/arrays.ts';
import { exp, log } from '../../src/util/math.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { Rng } from '../../src/util/rng.ts';
import { rowLength } from '../../src/util/sparse-rows.ts';

/** The default protocol; validation is carved the same way, so it looks like the test set. */
const split: SplitOptions = { kind: 'per-user-random', testShare: 0.2 };
const splitSeeds = [1, 2, 3];
const threshold = 4;
const k = 10;
export const threads = 2;

interface Fold {
  train: TrainingSet;
  relevant: Csr;
  users: Int32Array;
}

export interface Search<Options> {
  dataset: string;
  points: number;
  /** Draws the options of a point. The first point is `start`. */
  draw(rng: Rng): Options;
  start: Options;
  create(options: Options): Recommender;
}

/** Prints one line per point as it is measured, then the ten best. */
export async function search<Options extends object>(plan: Search<Options>): Promise<void> {
  const folds = await prepareFolds(plan.dataset);
  const rng = new Rng(42).derive('tune');
  const results: { options: Options; score: number }[] = [];
  console.log(
    `${plan.dataset}: F1 of means at ${k} on validation, mean of split seeds ${splitSeeds.join(', ')}`,
  );
  for (let point = 0; point < plan.points; point++) {
    const options = point === 0 ? plan.start : plan.draw(rng);
    const scores: number[] = [];
    for (const fold of folds) scores.push(await validate(plan.create(options), fold));
    const score = mean(scores);
    results.push({ options, score });
    console.log(
      `${score.toFixed(4)}  ${scores.map((value) => value.toFixed(4)).join(' ')}  ${formatOptions(options)}`,
    );
  }
  results.sort((a, b) => b.score - a.score);
  console.log('\nbest');
  for (const { options, score } of results.slice(0, 10))
    console.log(`${score.toFixed(4)}  ${formatOptions(options)}`);
}

/** Prints one line per given point, with the seconds that it took. */
export async function searchPoints<Options extends object>({
  dataset,
  points,
  create,
  seeds,
}: {
  dataset: string;
  points: readonly Options[];
  create: (options: Options) => Recommender;
  seeds: readonly number[];
}): Promise<void> {
  const folds = await prepareFolds(dataset, seeds);
  for (const options of points) {
    const started = performance.now();
    const scores: number[] = [];
    for (const fold of folds) scores.push(await validate(create(options), fold));
    const seconds = Math.round((performance.now() - started) / 1000 / folds.length);
    const each = scores.map((value) => value.toFixed(4)).join(' ');
    console.log(`${mean(scores).toFixed(4)}  ${each}  ${seconds} s  ${formatOptions(options)}`);
  }
}

async function prepareFolds(name: string, seeds: readonly number[] = splitSeeds): Promise<Fold[]> {
  const dataset = await loadDataset(name);
  return seeds.map((seed) => {
    const outer = splitRatings(dataset, split, new Rng(seed).derive('split'));
    const visible = trainingSet(dataset, outer.train, outer.test);
    const { train, validation } = carveValidation(visible, split, new Rng(seed).derive('validation'));
    const relevant = relevantItems(validation, threshold, train.userCount, train.itemCount);
    const users = range(train.userCount).filter((user) => rowLength(relevant, user) > 0);
    return { train, relevant, users };
  });
}

async function validate(model: Recommender, { train, relevant, users }: Fold): Promise<number> {
  const rng = new Rng(42).derive(`model:${model.name}`);
  const signal = new AbortController().signal;
  const fitted = await model.fit(train, { rng, progress: silentProgress, signal, threads });
  const list = await fitted.recommend(users, k);
  await fitted.dispose?.();
  const facts = {
    catalogueSize: train.catalogue.length,
    usersWhoRated: new Int32Array(train.itemCount),
    userCount: train.userCount,
    genres: train.movies.genres,
  };
  const { cutoffs } = evaluateLists({ users, items: list.items, k }, relevant, facts, { cutoffs: [k] });
  return f1(mean(cutoffs[0]!.perUser.precision), mean(cutoffs[0]!.perUser.recall));
}

/** Options as one line of JSON, numbers to three digits. */
function formatOptions(options: object): string {
  const rounded = (value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(3)) : value);
  return JSON.stringify(
    Object.fromEntries(Object.entries(options).map(([key, value]) => [key, rounded(value)])),
  );
}

/** Log-uniform between `low` and `high`. */
export function logUniform(rng: Rng, low: number, high: number): number {
  return low * exp(rng.uniform() * log(high / low));
}

/** One of `values`, each with the same probability. */
export function pick<T>(rng: Rng, values: readonly T[]): T {
  return values[rng.int(values.length)]!;
}

/** `[data set] [points]` from the command line. */
export function commandLine(points: number): { dataset: string; points: number } {
  const [dataset = 'ml-latest-small-2016', count = String(points)] = process.argv.slice(2);
  return { dataset, points: Number(count) };
}
