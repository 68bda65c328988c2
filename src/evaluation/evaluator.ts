/** Lists against test ratings: every metric at every cut-off in one pass, in blocks of users. */
import { entryOf, toCsr, type Csr } from '../data/csr.ts';
import type { Ratings } from '../data/dataset.ts';
import { range } from '../util/arrays.ts';
import { rowLength, valuesOf } from '../util/sparse-rows.ts';
import { GenreDistance, selfInformation, type RecommendedList } from './beyond-accuracy.ts';
import {
  byKey,
  listMetrics,
  metricOf,
  perListMetrics,
  type ListMetric,
  type UserMetric,
} from './metric-keys.ts';
import { conventions, type Convention, type ConventionName, type Gains } from './metrics.ts';
import { perUserMetrics } from './per-user.ts';

/** What is known of the catalogue from train; the metrics beyond accuracy need it. */
export interface CatalogueFacts {
  /** Movies with a training rating. */
  catalogueSize: number;
  /** Per item: users who rated it in train. */
  usersWhoRated: Int32Array;
  /** Users with a training rating. */
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

export interface CutoffEvaluation {
  k: number;
  /** One value per evaluated user, in the order of `Evaluation.users`. */
  perUser: Record<UserMetric, Float64Array>;
  /** Of all lists; means of values per list are over the users whose list has one. NaN where there is none. */
  lists: Record<ListMetric, number>;
}

export interface Evaluation {
  /** Evaluated users, ascending. */
  users: Int32Array;
  /** Relevant test items of each evaluated user. */
  relevant: Int32Array;
  /** 1-based ranks of each evaluated user's hits, ascending. */
  readonly hitRanks: Int32Array[];
  /** The items of these hits, in the same order. */
  readonly hitItems: Int32Array[];
  counts: { evaluated: number; withoutRelevant: number; shortLists: number; emptyLists: number };
  cutoffs: CutoffEvaluation[];
}

/**
 * users x items: test ratings of at least `threshold` stars. Threshold 0 makes every test row relevant, also where
 * the ratings are not stars.
 */
export function relevantItems(test: Ratings, threshold: number, userCount: number, itemCount: number): Csr {
  const { users, items, values } = test;
  return toCsr(users, items, values, userCount, itemCount, threshold === 0 ? undefined : threshold);
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

/** Room for so many hits at first. */
const FIRST_HITS = 1024;

type PerListMetric = (typeof perListMetrics)[number];

const perListValues = perListMetrics.map((key) => ({ key, valueOf: metricOf(key).perList }));

/** What the lists are like at one cut-off. */
interface ListColumns {
  /** Per item: lists that hold it. */
  exposures: Int32Array;
  /** One value per evaluated user; NaN where the list has none, or there is no list. */
  perList: Record<PerListMetric, Float64Array>;
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
  /** The hits of all lists, a list after another; grows. */
  #ranks = new Int32Array(FIRST_HITS);
  #hits = new Int32Array(FIRST_HITS);
  #hitCount = 0;
  /** By row: where its hits begin, and how many it has. */
  readonly #starts: Int32Array;
  readonly #counts: Int32Array;
  readonly #hitGains: Float64Array[];
  /** By cut-off. */
  readonly #columns: ListColumns[];
  readonly #list: RecommendedList;
  /** Per item: the number of the last list in which it is a hit that has not been found. */
  readonly #wantedIn: Int32Array;
  #lists = 0;

  constructor(relevant: Csr, facts: CatalogueFacts, options: EvaluationOptions) {
    this.#relevant = relevant;
    this.#facts = facts;
    this.#cutoffs = options.cutoffs;
    this.#convention = conventions[options.convention ?? 'recsys'];
    this.#threshold = options.threshold ?? 0;
    const asked = options.users ?? range(relevant.rows);
    this.#users = withEntries(asked, relevant);
    this.#withoutRelevant = asked.length - this.#users.length;
    this.#rowOf = new Int32Array(relevant.rows).fill(-1);
    for (let row = 0; row < this.#users.length; row++) this.#rowOf[this.#users[row]!] = row;
    this.#lengths = new Int32Array(this.#users.length);
    this.#starts = new Int32Array(this.#users.length);
    this.#counts = new Int32Array(this.#users.length);
    this.#hitGains = [];
    this.#columns = options.cutoffs.map(() => ({
      exposures: new Int32Array(relevant.columns),
      perList: byKey(perListMetrics, () => new Float64Array(this.#users.length).fill(NaN)),
    }));
    this.#wantedIn = new Int32Array(relevant.columns);
    this.#list = {
      items: new Int32Array(),
      start: 0,
      length: 0,
      information: selfInformation(facts.usersWhoRated, facts.userCount),
      distance: new GenreDistance(facts.genres),
    };
  }

  /**
   * Adds the lists of users that have none yet. Lists of users who are not evaluated are skipped; a list ends at
   * its first negative item; an item that is repeated within a list takes its place but is no second hit.
   */
  add({ users, items, k }: ListBlock): void {
    const depth = Math.min(k, this.#cutoffs.at(-1)!);
    const wantedIn = this.#wantedIn;
    const { pointers, indices } = this.#relevant;
    for (let n = 0; n < users.length; n++) {
      const user = users[n]!;
      const row = this.#rowOf[user]!;
      if (row < 0) continue;
      const list = ++this.#lists;
      for (let entry = pointers[user]!; entry < pointers[user + 1]!; entry++)
        wantedIn[indices[entry]!] = list;
      const start = n * k;
      this.#reserve(depth);
      const ranks = this.#ranks;
      const hitItems = this.#hits;
      const firstHit = this.#hitCount;
      let hits = firstHit;
      let length = 0;
      while (length < depth && items[start + length]! >= 0) {
        const item = items[start + length++]!;
        if (wantedIn[item] !== list) continue;
        wantedIn[item] = 0; // where it is repeated it is no second hit
        ranks[hits] = length;
        hitItems[hits++] = item;
      }
      this.#lengths[row] = length;
      this.#starts[row] = firstHit;
      this.#counts[row] = hits - firstHit;
      this.#hitCount = hits;
      if (this.#convention.gain) this.#hitGains[row] = this.#gainsOf(user, hitItems.subarray(firstHit, hits));
      this.#describeList(row, items, start, length);
    }
  }

  /** Makes room for `more` hits. */
  #reserve(more: number): void {
    if (this.#hitCount + more <= this.#ranks.length) return;
    const grown = (old: Int32Array) => {
      const array = new Int32Array(2 * old.length + more);
      array.set(old);
      return array;
    };
    this.#ranks = grown(this.#ranks);
    this.#hits = grown(this.#hits);
  }

  finish(): Evaluation {
    const users = this.#users;
    const relevant = new Int32Array(users.length);
    for (let row = 0; row < users.length; row++) relevant[row] = rowLength(this.#relevant, users[row]!);
    const longest = this.#cutoffs.at(-1)!;
    let shortLists = 0;
    let emptyLists = 0;
    for (const length of this.#lengths) {
      if (length < longest) shortLists++;
      if (length === 0) emptyLists++;
    }
    const starts = this.#starts;
    const counts = this.#counts;
    const byRow = (hits: Int32Array) =>
      Array.from(starts, (start, row) => hits.subarray(start, start + counts[row]!));
    const [ranks, hits] = [this.#ranks, this.#hits];
    return {
      users,
      relevant,
      get hitRanks() {
        return byRow(ranks);
      },
      get hitItems() {
        return byRow(hits);
      },
      counts: {
        evaluated: users.length,
        withoutRelevant: this.#withoutRelevant,
        shortLists,
        emptyLists,
      },
      cutoffs: this.#cutoffs.map((k, n) => ({
        k,
        perUser: this.#perUser(k, relevant),
        lists: byKey(listMetrics, (key) => this.#valueOfLists(key, this.#columns[n]!)),
      })),
    };
  }

  #perUser(k: number, relevant: Int32Array): Record<UserMetric, Float64Array> {
    const hits = { ranks: this.#ranks, starts: this.#starts, counts: this.#counts };
    return perUserMetrics(hits, relevant, k, {
      convention: this.#convention,
      lengths: this.#lengths,
      gains: this.#convention.gain && this.#gains(),
    });
  }

  #valueOfLists(key: ListMetric, { exposures, perList }: ListColumns): number {
    const entry = metricOf(key);
    if (entry.kind === 'catalogue') return entry.ofExposures(exposures, this.#facts.catalogueSize);
    return meanOfDefined(perList[key as PerListMetric]);
  }

  /** Values of one list at every cut-off. */
  #describeList(row: number, items: Int32Array, start: number, length: number): void {
    const list = this.#list;
    list.items = items;
    list.start = start;
    const { usersWhoRated } = this.#facts;
    for (let n = 0; n < this.#cutoffs.length; n++) {
      list.length = Math.min(this.#cutoffs[n]!, length);
      const { exposures, perList } = this.#columns[n]!;
      for (let position = start; position < start + list.length; position++) {
        if (usersWhoRated[items[position]!]! > 0) exposures[items[position]!]!++;
      }
      for (const { key, valueOf } of perListValues) perList[key][row] = valueOf(list);
    }
  }

  #gainsOf(user: number, hitItems: Int32Array): Float64Array {
    const { values } = this.#relevant;
    return Float64Array.from(hitItems, (item) =>
      this.#convention.gain!(values[entryOf(this.#relevant, user, item)]!, this.#threshold),
    );
  }

  #gains(): Gains[] {
    return Array.from(this.#users, (user, row) => ({
      hits: this.#hitGains[row] ?? new Float64Array(),
      best: Float64Array.from(valuesOf(this.#relevant, user), (rating) =>
        this.#convention.gain!(rating, this.#threshold),
      )
        .sort()
        .toReversed(),
    }));
  }
}

/** Those of `users` whose row is not empty. */
function withEntries(users: Int32Array, { pointers }: Csr): Int32Array {
  const found = new Int32Array(users.length);
  let count = 0;
  for (const user of users) if (pointers[user + 1]! > pointers[user]!) found[count++] = user;
  return found.slice(0, count);
}

/** Mean of the values that are numbers; NaN when none is. */
function meanOfDefined(values: Float64Array): number {
  let sum = 0;
  let defined = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    defined++;
  }
  return defined === 0 ? NaN : sum / defined;
}
