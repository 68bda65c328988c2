/** What a language model recommended, entry by entry, as movies of the catalogue or as the reason why not. */
import type { TitleIndex } from './titles.ts';

export const matchClasses = [
  'exact',
  'normalized',
  'year-off',
  'ambiguous',
  'out-of-catalogue',
  'outside-candidates',
  'already-seen',
  'repeated',
] as const;
export type MatchClass = (typeof matchClasses)[number];

/** One recommendation as the reply gave it. */
export interface Entry {
  title: string;
  reason: string;
  /** 1-based number in the list of candidates that the prompt carried, where the reply gives one. */
  candidate?: number;
}

export interface GroundedEntry extends Entry {
  /** Item index, also for movies already seen or repeated; -1 where no movie was found. */
  item: number;
  match: MatchClass;
}

export interface GroundingContext {
  titles: TitleIndex;
  /** Is the item in the training catalogue? */
  inCatalogue: (item: number) => boolean;
  /** Has this user rated it in train? */
  seen: (item: number) => boolean;
  /** Item indices of the candidates in the order of their numbers, when the prompt carried some. */
  candidates?: Int32Array;
}

/** Classes whose entries count as recommendations: a movie of the catalogue, new to the user, named once. */
const RECOMMENDED_CLASSES = new Set<MatchClass>(['exact', 'normalized', 'year-off']);

/** Finds each entry's movie. An entry is `repeated` when an entry above it has the same movie. */
export function ground(entries: readonly Entry[], context: GroundingContext): GroundedEntry[] {
  const above = new Set<number>();
  return entries.map((entry) => {
    const { item, match } = findMovie(entry, context);
    const repeated = item >= 0 && above.has(item);
    if (item >= 0) above.add(item);
    return { ...entry, item, match: repeated ? 'repeated' : match };
  });
}

function findMovie(entry: Entry, context: GroundingContext): { item: number; match: MatchClass } {
  const { titles, candidates, inCatalogue, seen } = context;
  if (candidates && entry.candidate !== undefined) {
    const item = candidates[entry.candidate - 1];
    return item === undefined ? { item: -1, match: 'outside-candidates' } : { item, match: 'exact' };
  }
  const match = titles.match(entry.title);
  if (!('item' in match)) return { item: -1, match: match.class };
  const { item } = match;
  if (seen(item)) return { item, match: 'already-seen' };
  if (!inCatalogue(item)) return { item, match: 'out-of-catalogue' };
  if (candidates && !candidates.includes(item)) return { item, match: 'outside-candidates' };
  return { item, match: match.class };
}

/** Returns the recommendations proper: items in order, without what was not found, seen, repeated or outside the candidates. */
export function listRecommendations(entries: readonly GroundedEntry[]): number[] {
  return entries.filter(({ match }) => RECOMMENDED_CLASSES.has(match)).map(({ item }) => item);
}

/** Returns the share of all entries in each class, 0 to 1; all 0 when there is none. */
export function computeMatchShares(entries: readonly GroundedEntry[]): Record<MatchClass, number> {
  const shares = Object.fromEntries(matchClasses.map((name) => [name, 0])) as Record<MatchClass, number>;
  for (const { match } of entries) shares[match] += 1 / entries.length;
  return shares;
}
