/**
 * The one table of metrics. The evaluator's columns, the schema of records, the comparison and every table, chart and
 * page derive from it, in its order: a new metric is one entry here. Formulas: metrics.ts and beyond-accuracy.ts.
 */
import { coverage, gini, meanDistance, meanInformation, type RecommendedList } from './beyond-accuracy.ts';
import {
  averagePrecision,
  f1,
  gradedNdcg,
  hit,
  ndcg,
  precision,
  recall,
  reciprocalRank,
  type ScoredList,
} from './metrics.ts';

/** How people see a metric. */
export interface MetricText {
  /** Head of a column; "@10" may follow. */
  title: string;
  /** What it says, as one sentence with its unit. */
  meaning: string;
  /** `score`: four decimals. `share`: per cent. `bits`: one decimal. */
  format: 'score' | 'share' | 'bits';
  /** Which end is marked as the best of a column; null where neither is better. */
  best: 'highest' | null;
  /** Narrow tables have the columns marked `main`; the others follow under "all metrics". */
  column: 'main' | 'more';
}

/** One value per user from where the hits are in the list; recorded as a mean with its 95% interval. */
export interface UserMetricEntry extends MetricText {
  kind: 'user';
  /** Of a list with a hit; a user without one has 0, whatever the metric. */
  perUser: (list: ScoredList) => number;
}

/** A function of the means of two user metrics; recorded with its 95% interval. */
export interface MeansMetricEntry extends MetricText {
  kind: 'means';
  /** The two user metrics. */
  of: readonly [string, string];
  combine: (a: number, b: number) => number;
  /** Partial derivatives of `combine`, for the interval by the delta method. */
  gradient: (a: number, b: number) => [number, number];
}

/** One value per list from what it recommends, hit or not; NaN where it has none, and the mean leaves it out. */
export interface ListMetricEntry extends MetricText {
  kind: 'list';
  perList: (list: RecommendedList) => number;
}

/** One value for all lists together from how often each movie is recommended; NaN where it has none. */
export interface CatalogueMetricEntry extends MetricText {
  kind: 'catalogue';
  /** `exposures`: per item, the lists that hold it. `catalogueSize`: movies in train. */
  ofExposures: (exposures: Int32Array, catalogueSize: number) => number;
}

export type MetricEntry = UserMetricEntry | MeansMetricEntry | ListMetricEntry | CatalogueMetricEntry;

export const metrics = {
  precision: {
    kind: 'user',
    title: 'precision',
    meaning: 'Share of the k places that hold a relevant movie.',
    format: 'score',
    best: 'highest',
    column: 'main',
    perUser: (list) => precision(list, list.convention),
  },
  recall: {
    kind: 'user',
    title: 'recall',
    meaning: 'Share of the relevant movies that are recommended.',
    format: 'score',
    best: 'highest',
    column: 'main',
    perUser: (list) => recall(list, list.convention),
  },
  f1: {
    kind: 'user',
    title: 'F1',
    meaning: 'Each user’s harmonic mean of precision and recall, then the mean over users.',
    format: 'score',
    best: 'highest',
    column: 'main',
    perUser: (list) => f1(precision(list, list.convention), recall(list, list.convention)),
  },
  f1OfMeans: {
    kind: 'means',
    title: 'F1 of means',
    meaning: 'Harmonic mean of mean precision and mean recall.',
    format: 'score',
    best: 'highest',
    column: 'more',
    of: ['precision', 'recall'],
    combine: f1,
    gradient: (p, r) => {
      const total = p + r;
      return total === 0 ? [0, 0] : [(2 * r * r) / (total * total), (2 * p * p) / (total * total)];
    },
  },
  ndcg: {
    kind: 'user',
    title: 'NDCG',
    meaning: 'Discounted hits over those of an ideal list: hits at the top count more.',
    format: 'score',
    best: 'highest',
    column: 'main',
    perUser: (list) =>
      list.gains ? gradedNdcg(list, list.gains, list.discounts) : ndcg(list, list.discounts, list.convention),
  },
  map: {
    kind: 'user',
    title: 'MAP',
    meaning: 'Mean over the hits of the precision down to each of them.',
    format: 'score',
    best: 'highest',
    column: 'more',
    perUser: averagePrecision,
  },
  mrr: {
    kind: 'user',
    title: 'MRR',
    meaning: 'One over the rank of the first hit, 0 without one.',
    format: 'score',
    best: 'highest',
    column: 'more',
    perUser: reciprocalRank,
  },
  hitRate: {
    kind: 'user',
    title: 'hit rate',
    meaning: 'Share of the users with at least one hit.',
    format: 'score',
    best: 'highest',
    column: 'more',
    perUser: hit,
  },
  coverage: {
    kind: 'catalogue',
    title: 'coverage',
    meaning: 'Share of the movies in train that are recommended to at least one user.',
    format: 'share',
    best: 'highest',
    column: 'more',
    ofExposures: coverage,
  },
  novelty: {
    kind: 'list',
    title: 'novelty',
    meaning:
      'Mean self-information of the recommended movies, in bits: 1 for a movie that half of the users rated.',
    format: 'bits',
    best: 'highest',
    column: 'more',
    perList: meanInformation,
  },
  gini: {
    kind: 'catalogue',
    title: 'Gini',
    meaning: 'Inequality of exposure: 0 when every movie is recommended equally often, near 1 when few are.',
    format: 'score',
    best: null,
    column: 'more',
    ofExposures: gini,
  },
  diversity: {
    kind: 'list',
    title: 'diversity',
    meaning: 'Mean distance by genre between two movies of one list, 0 to 1.',
    format: 'score',
    best: 'highest',
    column: 'more',
    perList: meanDistance,
  },
} as const satisfies Record<string, MetricEntry>;
