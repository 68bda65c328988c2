/** Lists against test ratings: every metric at every cut-off in one pass, in blocks of users. */
import { entryOf, toCsr, type Csr } from '../data/csr.ts';
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
  /** Mean over users of the mean self-information, in bits, of the movies in their lists. */
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

/** What the lists show at one cut-off. */
interface Exposure {
  /** Per item: lists that hold it. */
  perItem: Int32Array;
  /** Per evaluated user: mean self-information and mean distance within the list; NaN where there is none. */
  novelty: Float64Array;
  diversity: Float64Array;
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
  /** Per item: the last list that it was met in, so that a repeated item is no second hit. */
  readonly #met: Int32Array;
  #lists = 0;

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
      novelty: new Float64Array(this.#users.length).fill(NaN),
      diversity: new Float64Array(this.#users.length).fill(NaN),
    }));
    this.#met = new Int32Array(relevant.columns);
    this.#information = selfInformation(facts.usersWhoRated, facts.userCount);
    this.#distance = new GenreDistance(facts.genres);
  }

  /**
   * Adds the lists of users that have none yet. Lists of users who are not evaluated are passed over; a list ends at
   * its first negative item; an item that is repeated within a list takes its place but is no second hit.
   */
  add({ users, items, k }: ListBlock): void {
    const depth = Math.min(k, this.#cutoffs.at(-1)!);
    const ranks: number[] = [];
    for (let n = 0; n < users.length; n++) {
      const row = this.#rowOf[users[n]!]!;
      if (row < 0) continue;
      const start = n * k;
      const list = ++this.#lists;
      ranks.length = 0;
      let length = 0;
      while (length < depth && items[start + length]! >= 0) {
        const item = items[start + length++]!;
        if (this.#met[item] !== list && entryOf(this.#relevant, users[n]!, item) >= 0) ranks.push(length);
        this.#met[item] = list;
      }
      this.#lengths[row] = length;
      if (ranks.length > 0) this.#hitRanks[row] = Int32Array.from(ranks);
      if (this.#convention.gain) this.#hitGains[row] = this.#gainsOf(users[n]!, items, start, ranks);
      this.#expose(row, items, start, length);
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

  #beyondAccuracy({ perItem, novelty, diversity }: Exposure) {
    const { catalogueSize } = this.#facts;
    return {
      coverage: coverage(perItem, catalogueSize),
      novelty: meanOfNumbers(novelty),
      gini: gini(perItem, catalogueSize),
      diversity: meanOfNumbers(diversity),
    };
  }

  /** Looks at one list at every cut-off; the sums grow from one cut-off to the next. */
  #expose(row: number, items: Int32Array, start: number, length: number): void {
    let distances = 0;
    let bits = 0;
    let informative = 0;
    let rank = 0;
    for (let n = 0; n < this.#cutoffs.length; n++) {
      const shown = Math.min(this.#cutoffs[n]!, length);
      const { perItem, novelty, diversity } = this.#exposures[n]!;
      for (; rank < shown; rank++) {
        const item = items[start + rank]!;
        const information = this.#information[item]!;
        if (!Number.isNaN(information)) {
          bits += information;
          informative++;
        }
        for (let other = 0; other < rank; other++)
          distances += this.#distance.between(item, items[start + other]!);
      }
      for (let r = 0; r < shown; r++) {
        const item = items[start + r]!;
        if (this.#facts.usersWhoRated[item]! > 0) perItem[item]!++;
      }
      if (informative > 0) novelty[row] = bits / informative;
      if (shown > 1) diversity[row] = distances / ((shown * (shown - 1)) / 2);
    }
  }

  #gainsOf(user: number, items: Int32Array, start: number, ranks: number[]): Float64Array {
    const { values } = this.#relevant;
    return Float64Array.from(ranks, (rank) =>
      this.#convention.gain!(
        values[entryOf(this.#relevant, user, items[start + rank - 1]!)]!,
        this.#threshold,
      ),
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

/** Mean of the values that are numbers; 0 when none is. */
function meanOfNumbers(values: Float64Array): number {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return count === 0 ? 0 : sum / count;
}
