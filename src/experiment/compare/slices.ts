/** Accuracy on a part of the movies: hits and relevant movies of that part alone, at their ranks in the whole lists. */
import type { Id } from '../../data/dataset.ts';
import { COLD_BELOW_RATINGS } from '../../evaluation/cold.ts';
import { byKey } from '../../evaluation/metric-keys.ts';
import { perUserMetrics, rankingEstimates } from '../../evaluation/per-user.ts';
import { sum } from '../../util/arrays.ts';
import { Rng } from '../../util/rng.ts';
import type { ProbeRecord } from '../probe/record.ts';
import type { ModelResult, PerUser } from '../record.ts';
import { estimatesOverSeeds, perUserOfSeeds } from '../seeds/combine.ts';
import { restrict, type Population } from './populations.ts';
import type { RecordedModel } from './recorded-models.ts';
import { sliceMetrics, type ComparedSlice } from './record.ts';

/** A part of the movies. */
export interface Slice {
  name: string;
  /** What its movies have in common, as it stands in a sentence. */
  movies: string;
  /** Of a record over seeds, whether the part's movies are known of the split of its first seed alone. */
  isOfFirstSeed: boolean;
  /** Rows of the users of `perUser`; undefined where the record does not tell the part's movies apart. */
  hitsOf(perUser: PerUser): Pick<PerUser, 'relevant' | 'hitRanks'> | undefined;
}

export const coldSlice: Slice = {
  name: 'cold',
  movies: `movies with fewer than ${COLD_BELOW_RATINGS} training ratings`,
  isOfFirstSeed: false,
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
      isOfFirstSeed: true,
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
 * are the same for all models. Models of older records have no values. Slices without such a user are left out. Of
 * records over seeds, hits and movies are counted over all seeds, and metrics are means over the seeds with such a user.
 */
export function compareSlices(
  slices: readonly Slice[],
  { recorded, users }: Population,
  { k, seed }: { k: number; seed: number },
): ComparedSlice[] {
  return slices.flatMap((slice) => {
    const found = recorded.map(({ result }) => sliceOf(slice, result));
    const known = found.find((own) => own !== undefined)?.map((own) => withRelevant(own, users));
    const seeds = known?.filter(({ userIds }) => userIds.length > 0) ?? [];
    if (known === undefined || seeds.length === 0) return [];
    const scored = found.map((own) => own?.map((perUser, n) => restrict(perUser, known[n]!.userIds)));
    const estimates = estimatesOf(
      scored.filter((own) => own !== undefined),
      { k, seed },
    ).values();
    return [
      {
        name: slice.name,
        movies: describeMovies(slice, recorded),
        users: new Set(seeds.flatMap(({ userIds }) => userIds)).size,
        relevant: sum(seeds.flatMap(({ relevant }) => relevant)),
        models: recorded.map(({ name }, n) => {
          const own = scored[n];
          const estimate = own && estimates.next().value;
          return {
            name,
            hits: own ? hitsUpTo(own, k) : null,
            metrics: estimate ? byKey(sliceMetrics, (key) => estimate[key]) : null,
          };
        }),
      },
    ];
  });
}

/** What each seed gave in the slice; undefined where the record does not tell its movies apart. */
function sliceOf(slice: Slice, result: ModelResult): PerUser[] | undefined {
  const seeds = slice.isOfFirstSeed ? [result.perUser] : perUserOfSeeds(result);
  const found = seeds.flatMap((perUser) => {
    const own = slice.hitsOf(perUser);
    return own === undefined ? [] : [{ userIds: perUser.userIds, ...own }];
  });
  return found.length === seeds.length ? found : undefined;
}

/** Of `users`, those with a relevant movie. */
function withRelevant(own: PerUser, users: readonly Id[]): PerUser {
  const { userIds, relevant } = restrict(own, users);
  return restrict(
    own,
    userIds.filter((_, row) => relevant[row]! > 0),
  );
}

/** Metrics of each model from what its seeds gave. A seed without users counts in none. */
function estimatesOf(models: readonly PerUser[][], { k, seed }: { k: number; seed: number }) {
  const evaluated = models.map((seeds) => seeds.filter(({ userIds }) => userIds.length > 0));
  if (evaluated[0]!.length > 1) return evaluated.map((seeds) => estimatesOverSeeds(seeds, k, seed));
  // Of all models in one call: users are drawn once.
  const columns = evaluated.flat().map(({ hitRanks, relevant }) => perUserMetrics(hitRanks, relevant, k));
  return rankingEstimates(columns, new Rng(seed).derive('bootstrap'));
}

function describeMovies({ movies, isOfFirstSeed }: Slice, recorded: readonly RecordedModel[]): string {
  if (recorded[0]!.result.seeds === undefined) return movies;
  return `${movies}, with ${isOfFirstSeed ? 'the first seed' : 'all seeds together'}`;
}

function hitsUpTo(seeds: readonly PerUser[], k: number): number {
  return sum(
    seeds.flatMap(({ hitRanks }) => hitRanks.map((ranks) => ranks.filter((rank) => rank <= k).length)),
  );
}
