/** The reasons of a language model checked against the histories that it was shown, and against those of other users. */
import type { TrainingSet } from '../../data/training-set.ts';
import { estimates } from '../../evaluation/intervals.ts';
import { byKey } from '../../evaluation/metric-keys.ts';
import {
  claimKinds,
  ReasonChecker,
  shareVerdicts,
  verdicts,
  type Claim,
  type ShownRating,
  type Verdict,
} from '../../language/reasons.ts';
import type { Exchange } from '../../models/language-model.ts';
import { itemsOfRow } from '../../models/top-k.ts';
import { Rng } from '../../util/rng.ts';
import { entriesOf } from '../../util/sparse-rows.ts';
import type { Prepared } from '../prepare.ts';
import type { ReasonCheck } from '../record.ts';
import type { Lists } from '../score.ts';

/** The reasons of one user: each with the movie that it is for, -1 where that was not found. */
interface OwnReasons {
  reasons: { text: string; item: number }[];
  shown: ShownRating[];
}

/** Checks reasons of exchanges against one data set; `setting` is that of the run. Built once per run. */
export class ReasonAudit {
  readonly #checker: ReasonChecker;
  readonly #train: TrainingSet;
  readonly #seed: number;

  constructor({ dataset, train, protocol }: Pick<Prepared, 'dataset' | 'train' | 'protocol'>) {
    this.#checker = new ReasonChecker(dataset.movies);
    this.#train = train;
    this.#seed = protocol.seed;
  }

  /** Of every entry that has a reason, whether its movie was found or not. */
  check(model: string, exchanges: readonly Exchange[]): ReasonCheck {
    return this.#describe(
      model,
      exchanges.map(({ user, history, entries }) => ({
        reasons: entries.map(({ reason, item }) => ({ text: reason, item })),
        shown: this.#shown(user, history.items),
      })),
    );
  }

  /** Of a blended list: the reasons of the movies in it that the language model named. */
  checkBlend(model: string, exchanges: readonly Exchange[], lists: Lists): ReasonCheck {
    const rowOf = new Map(Array.from(lists.users, (user, row) => [user, row]));
    return this.check(
      model,
      exchanges.map((exchange) => {
        const row = rowOf.get(exchange.user);
        const list = row === undefined ? [] : [...itemsOfRow(lists, row)];
        const first = new Map(
          exchange.entries.toReversed().map((entry) => [entry.item, entry]), // named twice: the first reason
        );
        return { ...exchange, entries: list.flatMap((item) => first.get(item) ?? []) };
      }),
    );
  }

  #shown(user: number, items: readonly number[]): ShownRating[] {
    const stars = new Map(entriesOf(this.#train.byUser, user));
    return items.map((item) => ({ item, stars: stars.get(item)! }));
  }

  #describe(model: string, users: readonly OwnReasons[]): ReasonCheck {
    const found = users.map(({ reasons, shown }, n) => {
      const read = reasons
        .filter(({ text }) => text.trim() !== '')
        .map(({ text, item }) => ({ reason: this.#checker.read(text), item }));
      const against = (history: readonly ShownRating[]) =>
        read.map(({ reason, item }) => this.#checker.judge(reason, history, item));
      const other = users[(n + 1) % users.length]!;
      return { claims: against(shown), swapped: users.length < 2 ? [] : against(other.shown) };
    });
    const speaking = found.filter(({ claims }) => claims.flat().length > 0);
    const all = found.flatMap(({ claims }) => claims);
    return {
      model,
      reasons: all.length,
      withClaims: all.filter((claims) => claims.length > 0).length,
      claims: byKey(claimKinds, (kind) => countVerdicts(all.flat(), kind)),
      users: speaking.length,
      ...this.#estimate(speaking.map(({ claims, swapped }) => [claims.flat(), swapped.flat()])),
    };
  }

  /** Means over users of their shares of claims; `pairs` holds each user's claims against the own and another history. */
  #estimate(pairs: readonly [Claim[], Claim[]][]): Pick<ReasonCheck, 'shares' | 'swapped'> {
    const own = pairs.flatMap(([claims]) => shareVerdicts(claims) ?? []);
    const other = pairs.flatMap(([, claims]) => shareVerdicts(claims) ?? []);
    if (own.length === 0) return { shares: null, swapped: null };
    const rng = () => new Rng(this.#seed).derive('reasons');
    const shares = estimates(
      byKey(verdicts, (verdict) => Float64Array.from(own, (share) => share[verdict])),
      rng(),
    );
    if (other.length < own.length) return { shares, swapped: null };
    const columns = {
      supported: Float64Array.from(other, ({ supported }) => supported),
      difference: Float64Array.from(own, ({ supported }, n) => supported - other[n]!.supported),
    };
    return { shares, swapped: estimates(columns, rng()) };
  }
}

function countVerdicts(claims: readonly Claim[], kind: Claim['kind']): Record<Verdict, number> {
  const count = (verdict: Verdict) =>
    claims.filter((claim) => claim.kind === kind && claim.verdict === verdict).length;
  return byKey(verdicts, count);
}
