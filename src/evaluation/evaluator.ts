/** Lists against test ratings: every metric at every cut-off in one pass, in blocks of users. */
import { toCsr, type Csr } from '../data/csr.ts';
import type { Ratings } from '../data/dataset.ts';
import { coverage, GenreDistance, gini, selfInformation } from './beyond-accuracy.ts';
import {
  averagePrecision,
  conventions,
  discountTable,
  f1,
  gradedNdcg,
  hit,
  ndcg,
  precision,
  recall,
  reciprocalRank,
  type Convention,
  type ConventionName,
  type Discounts,
  type Outcome,
} from './metrics.ts';

/** What is known of the catalogue from train; the metrics beyond accuracy need it. */
export interface CatalogueFacts {
  /** Movies with a training rating. */
  catalogueSize: number;
  /** Per item: users who rated it in train. */
  usersWhoRated: Int32Array;
  userCount: number;
  /** Per item. */
  genres: string[][];
}

/** Lists of some users; see TopK in src/models/recommender.ts. */
export interface ListBlock {
  /** User indices, one per row. */
  users: Int32Array;
  /** (users, k), row-major; -1 pads. */
  items: Int32Array;
  k: number;
}

export interface EvaluationOptions {
  /** Cut-offs, ascending. */
  cutoffs: number[];
  convention?: ConventionName;
  /** Relevance threshold in stars; only conventions with graded gains read it. */
  threshold?: number;
  /** Users to evaluate, ascending: those without relevant items are left out. Default: all. */
  users?: Int32Array;
}

export const userMetrics = ['precision', 'recall', 'f1', 'ndcg', 'map', 'mrr', 'hitRate'] as const;
export type UserMetric = (typeof userMetrics)[number];

export interface CutoffEvaluation {
  k: number;
  /** One value per evaluated user, in the order of `Evaluation.users`. */
  perUser: Record<UserMetric, Float64Array>;
  coverage: number;
  /** Mean self-information in bits of the recommended movies. */
  novelty: number;
  gini: number;
  /** Mean over users with at least two recommendations of the mean genre distance between them. */
  diversity: number;
}

export interface Evaluation {
  /** Evaluated users, ascending. */
  users: Int32Array;
  /** Relevant test items of each evaluated user. */
  relevant: Int32Array;
  /** 1-based ranks of each evaluated user's hits, ascending. */
  hitRanks: Int32Array[];
  counts: { evaluated: number; withoutRelevant: number; shortLists: number; emptyLists: number };
  cutoffs: CutoffEvaluation[];
}

/**
 * users x items: test ratings of at least `threshold` stars. Threshold 0 makes every test row relevant, also where
 * the ratings are not stars.
 */
export function relevantItems(test: Ratings, threshold: number, userCount: number, itemCount: number): Csr {
  const rows: number[] = [];
  for (let n = 0; n < test.values.length; n++)
    if (threshold === 0 || test.values[n]! >= threshold) rows.push(n);
  return toCsr(
    Int32Array.from(rows, (n) => test.users[n]!),
    Int32Array.from(rows, (n) => test.items[n]!),
    Float32Array.from(rows, (n) => test.values[n]!),
    userCount,
    itemCount,
  );
}

/** Evaluates lists that are all in memory. See `Evaluator` for the rules. */
export function evaluateLists(
  lists: ListBlock,
  relevant: Csr,
  facts: CatalogueFacts,
  options: EvaluationOptions,
): Evaluation {
  const evaluator = new Evaluator(relevant, facts, options);
  evaluator.add(lists);
  return evaluator.finish();
}

const NO_HITS = new Int32Array();

/** Sums over the lists at one cut-off. */
interface Exposure {
  perItem: Int32Array;
  informationSum: number;
  informationCount: number;
  distanceSum: number;
  distanceCount: number;
}

/**
 * Takes lists in blocks, in any order. A user with no relevant item is left out and counted; one whose list is empty,
 * or who never gets one, scores 0 and is counted. Items beyond the largest cut-off are not read.
 */
export class Evaluator {
  readonly #relevant: Csr;
  readonly #facts: CatalogueFacts;
  readonly #cutoffs: number[];
  readonly #convention: Convention;
  readonly #threshold: number;
  readonly #users: Int32Array;
  readonly #withoutRelevant: number;
  /** Row of each user among the evaluated, -1 for the others. */
  readonly #rowOf: Int32Array;
  readonly #lengths: Int32Array;
  readonly #hitRanks: Int32Array[];
  readonly #hitGains: Float64Array[];
  readonly #exposures: Exposure[];
  readonly #information: Float64Array;
  readonly #distance: GenreDistance;

  constructor(relevant: Csr, facts: CatalogueFacts, options: EvaluationOptions) {
    this.#relevant = relevant;
    this.#facts = facts;
    this.#cutoffs = options.cutoffs;
    this.#convention = conventions[options.convention ?? 'recsys'];
    this.#threshold = options.threshold ?? 0;
    const asked = options.users ?? Int32Array.from({ length: relevant.rows }, (_, user) => user);
    this.#users = asked.filter((user) => relevant.pointers[user + 1]! > relevant.pointers[user]!);
    this.#withoutRelevant = asked.length - this.#users.length;
    this.#rowOf = new Int32Array(relevant.rows).fill(-1);
    this.#users.forEach((user, row) => (this.#rowOf[user] = row));
    this.#lengths = new Int32Array(this.#users.length);
    this.#hitRanks = Array.from(this.#users, () => NO_HITS);
    this.#hitGains = [];
    this.#exposures = options.cutoffs.map(() => ({
      perItem: new Int32Array(relevant.columns),
      informationSum: 0,
      informationCount: 0,
      distanceSum: 0,
      distanceCount: 0,
    }));
    this.#information = selfInformation(facts.usersWhoRated, facts.userCount);
    this.#distance = new GenreDistance(facts.genres);
  }

  /** Adds the lists of users that have none yet. Lists of users who are not evaluated are passed over. */
  add({ users, items, k }: ListBlock): void {
    const depth = Math.min(k, this.#cutoffs.at(-1)!);
    const ranks: number[] = [];
    for (let n = 0; n < users.length; n++) {
      const row = this.#rowOf[users[n]!]!;
      if (row < 0) continue;
      const list = items.subarray(n * k, n * k + depth);
      const pad = list.indexOf(-1);
      const given = pad < 0 ? list : list.subarray(0, pad);
      this.#lengths[row] = given.length;
      ranks.length = 0;
      for (let rank = 1; rank <= given.length; rank++) {
        if (positionOf(this.#relevant, users[n]!, given[rank - 1]!) >= 0) ranks.push(rank);
      }
      if (ranks.length > 0) this.#hitRanks[row] = Int32Array.from(ranks);
      if (this.#convention.gain) this.#hitGains[row] = this.#gainsOf(users[n]!, given, ranks);
      this.#expose(given);
    }
  }

  finish(): Evaluation {
    const { pointers } = this.#relevant;
    const relevant = this.#users.map((user) => pointers[user + 1]! - pointers[user]!);
    const longest = this.#cutoffs.at(-1)!;
    const empty = this.#lengths.filter((length) => length === 0).length;
    return {
      users: this.#users,
      relevant,
      hitRanks: this.#hitRanks,
      counts: {
        evaluated: this.#users.length,
        withoutRelevant: this.#withoutRelevant,
        shortLists: this.#lengths.filter((length) => length < longest).length,
        emptyLists: empty,
      },
      cutoffs: this.#cutoffs.map((k, n) => ({
        k,
        perUser: this.#perUser(k, relevant),
        ...this.#beyondAccuracy(this.#exposures[n]!),
      })),
    };
  }

  #perUser(k: number, relevant: Int32Array): Record<UserMetric, Float64Array> {
    const gains = this.#convention.gain ? { hits: this.#hitGains, best: this.#bestGains() } : undefined;
    return perUserMetrics(this.#hitRanks, relevant, k, {
      convention: this.#convention,
      lengths: this.#lengths,
      gains,
    });
  }

  #beyondAccuracy(exposure: Exposure) {
    const { catalogueSize } = this.#facts;
    const mean = (sum: number, count: number) => (count === 0 ? 0 : sum / count);
    return {
      coverage: coverage(exposure.perItem, catalogueSize),
      novelty: mean(exposure.informationSum, exposure.informationCount),
      gini: gini(exposure.perItem, catalogueSize),
      diversity: mean(exposure.distanceSum, exposure.distanceCount),
    };
  }

  /** Counts one list at every cut-off; the sum of distances grows from one cut-off to the next. */
  #expose(list: Int32Array): void {
    let distances = 0;
    let rank = 0;
    for (const [n, cutoff] of this.#cutoffs.entries()) {
      const length = Math.min(cutoff, list.length);
      for (; rank < length; rank++) {
        for (let other = 0; other < rank; other++)
          distances += this.#distance.between(list[rank]!, list[other]!);
      }
      const exposure = this.#exposures[n]!;
      for (let r = 0; r < length; r++) {
        exposure.perItem[list[r]!]!++;
        const bits = this.#information[list[r]!]!;
        if (Number.isNaN(bits)) continue;
        exposure.informationSum += bits;
        exposure.informationCount++;
      }
      if (length < 2) continue;
      exposure.distanceSum += distances / ((length * (length - 1)) / 2);
      exposure.distanceCount++;
    }
  }

  #gainsOf(user: number, list: Int32Array, ranks: number[]): Float64Array {
    const { values } = this.#relevant;
    return Float64Array.from(ranks, (rank) =>
      this.#convention.gain!(values[positionOf(this.#relevant, user, list[rank - 1]!)]!, this.#threshold),
    );
  }

  #bestGains(): Float64Array[] {
    const { pointers, values } = this.#relevant;
    return Array.from(this.#users, (user) =>
      Float64Array.from(values.subarray(pointers[user], pointers[user + 1]), (rating) =>
        this.#convention.gain!(rating, this.#threshold),
      )
        .sort()
        .toReversed(),
    );
  }
}

/**
 * Every per-user metric at cut-off `k`, from the ranks of the hits (1-based, ascending; ranks beyond k are ignored) and
 * the number of relevant items: what a record keeps is enough to call it again.
 */
export function perUserMetrics(
  hitRanks: readonly ArrayLike<number>[],
  relevant: ArrayLike<number>,
  k: number,
  extra: {
    convention?: Convention;
    /** Lengths of the lists; read only by conventions that divide by it. Default: k. */
    lengths?: ArrayLike<number>;
    gains?: { hits: Float64Array[]; best: Float64Array[] } | undefined;
  } = {},
): Record<UserMetric, Float64Array> {
  const convention = extra.convention ?? conventions.recsys;
  const discounts: Discounts = discountTable(k, convention);
  const column = () => new Float64Array(hitRanks.length);
  const metrics: Record<UserMetric, Float64Array> = {
    precision: column(),
    recall: column(),
    f1: column(),
    ndcg: column(),
    map: column(),
    mrr: column(),
    hitRate: column(),
  };
  const outcome: Outcome = { k, relevant: 0, length: 0, hits: 0, ranks: new Int32Array(k), start: 0 };
  for (let row = 0; row < hitRanks.length; row++) {
    const ranks = hitRanks[row]!;
    outcome.hits = 0;
    while (outcome.hits < ranks.length && ranks[outcome.hits]! <= k) {
      outcome.ranks[outcome.hits] = ranks[outcome.hits]!;
      outcome.hits++;
    }
    outcome.relevant = relevant[row]!;
    outcome.length = Math.min(k, extra.lengths?.[row] ?? k);
    const p = (metrics.precision[row] = precision(outcome, convention));
    const r = (metrics.recall[row] = recall(outcome, convention));
    metrics.f1[row] = f1(p, r);
    metrics.ndcg[row] = extra.gains
      ? gradedNdcg(outcome, extra.gains.hits[row] ?? new Float64Array(), extra.gains.best[row]!, discounts)
      : ndcg(outcome, discounts, convention);
    metrics.map[row] = averagePrecision(outcome);
    metrics.mrr[row] = reciprocalRank(outcome);
    metrics.hitRate[row] = hit(outcome);
  }
  return metrics;
}

/** Where `column` stands among the entries of `row`, or -1. */
function positionOf({ pointers, indices }: Csr, row: number, column: number): number {
  let low = pointers[row]!;
  let high = pointers[row + 1]!;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (indices[middle]! < column) low = middle + 1;
    else high = middle;
  }
  return low < pointers[row + 1]! && indices[low] === column ? low : -1;
}
