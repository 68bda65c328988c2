/** Accuracy on a part of the movies: hits and relevant movies of that part alone, at their ranks in the whole lists. */
import type { Id } from '../../data/dataset.ts';
import { COLD_BELOW_RATINGS } from '../../evaluation/cold.ts';
import { byKey } from '../../evaluation/metric-keys.ts';
import { perUserMetrics, rankingEstimates } from '../../evaluation/per-user.ts';
import { sum } from '../../util/arrays.ts';
import { Rng } from '../../util/rng.ts';
import type { ProbeRecord } from '../probe/record.ts';
import type { PerUser } from '../record.ts';
import type { Population } from './populations.ts';
import { sliceMetrics, type ComparedSlice } from './record.ts';

/** A part of the movies. */
export interface Slice {
  name: string;
  /** What its movies have in common, as it stands in a sentence. */
  movies: string;
  /** Rows of the users of `perUser`; undefined where the record does not tell the part's movies apart. */
  hitsOf(perUser: PerUser): Pick<PerUser, 'relevant' | 'hitRanks'> | undefined;
}

export const coldSlice: Slice = {
  name: 'cold',
  movies: `movies with fewer than ${COLD_BELOW_RATINGS} training ratings`,
  hitsOf: ({ cold }) => cold,
};

/** The movies that a model completed from their ids when it was probed, and those that it did not. */
export function knowledgeSlices({ model, knownItems, unknownItems, relevant }: ProbeRecord): Slice[] {
  const slice = (name: string, movies: string, items: readonly Id[], counts: readonly number[]): Slice => {
    const own = new Set(items);
    const countOf = new Map(relevant.userIds.map((userId, row) => [userId, counts[row]!]));
    return {
      name,
      movies,
      hitsOf: ({ userIds, hitRanks, hitItems }) =>
        hitItems && {
          relevant: userIds.map((userId) => countOf.get(userId) ?? 0),
          hitRanks: hitRanks.map((ranks, row) => ranks.filter((_, n) => own.has(hitItems[row]![n]!))),
        },
    };
  };
  return [
    slice(`known to ${model}`, `movies that ${model} knew by their ids`, knownItems, relevant.known),
    slice(
      `unknown to ${model}`,
      `movies that ${model} did not know by their ids`,
      unknownItems,
      relevant.unknown,
    ),
  ];
}

/**
 * Every model of a population on each slice, at cut-off `k`: over the users with a relevant movie in the slice, who
 * are the same for all models. Models of older records have no values. Slices without such a user are left out.
 */
export function compareSlices(
  slices: readonly Slice[],
  { recorded, users }: Population,
  { k, seed }: { k: number; seed: number },
): ComparedSlice[] {
  return slices.flatMap((slice) => {
    const rows = recorded.map(({ result }) => hitsByUser(slice, result.perUser));
    const known = rows.find((own) => own !== undefined);
    const own = users.filter((userId) => (known?.get(userId)?.relevant ?? 0) > 0);
    if (known === undefined || own.length === 0) return [];
    const scored = rows.map((hits) => hits && scoreHits(hits, own, k));
    // Of all models in one call: users are drawn once.
    const columns = scored.flatMap((of) => of?.columns ?? []);
    const estimates = rankingEstimates(columns, new Rng(seed).derive('bootstrap')).values();
    return [
      {
        name: slice.name,
        movies: slice.movies,
        users: own.length,
        relevant: sum(own.map((userId) => known.get(userId)!.relevant)),
        models: recorded.map(({ name }, n) => {
          const found = scored[n] && estimates.next().value;
          return {
            name,
            hits: scored[n]?.hits ?? null,
            metrics: found ? byKey(sliceMetrics, (key) => found[key]) : null,
          };
        }),
      },
    ];
  });
}

type Hits = ReadonlyMap<Id, { relevant: number; hitRanks: number[] }>;

function hitsByUser(slice: Slice, perUser: PerUser): Hits | undefined {
  const own = slice.hitsOf(perUser);
  if (own === undefined) return undefined;
  return new Map(
    perUser.userIds.map((userId, row) => [
      userId,
      { relevant: own.relevant[row]!, hitRanks: own.hitRanks[row]! },
    ]),
  );
}

/** Hits of `users` up to rank k, and their metrics. */
function scoreHits(hits: Hits, users: readonly Id[], k: number) {
  const own = users.map((userId) => hits.get(userId) ?? { relevant: 0, hitRanks: [] });
  const ranks = own.map(({ hitRanks }) => hitRanks);
  const relevant = own.map((user) => user.relevant);
  return {
    hits: sum(ranks.map((list) => list.filter((rank) => rank <= k).length)),
    columns: perUserMetrics(ranks, relevant, k),
  };
}
