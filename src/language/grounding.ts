/** What a language model recommended, entry by entry, as movies of the catalogue or as the reason why not. */
import type { TitleIndex } from './titles.ts';

/**
 * What became of an entry. `exact`, `normalized`, `year-off` and `ambiguous` as in `TitleMatch`; `out-of-catalogue`: no
 * movie of the data set has the title; `no-training-rating`: a movie has it, but no training rating;
 * `number-mismatch`: the number of a candidate with the title of something else, which is credited to neither.
 */
export const matchClasses = [
  'exact',
  'normalized',
  'year-off',
  'ambiguous',
  'out-of-catalogue',
  'no-training-rating',
  'outside-candidates',
  'number-mismatch',
  'already-seen',
  'repeated',
] as const;
export type MatchClass = (typeof matchClasses)[number];

/** One recommendation as the reply gave it. */
export interface Entry {
  title: string;
  reason: string;
  /** 1-based number that the reply gives, that of a candidate where the prompt carried some; of no meaning elsewhere. */
  candidate?: number;
  /** Other ways to split the text into title and reason, tried in this order before the one above. */
  readings?: readonly { title: string; reason: string }[];
}

export interface GroundedEntry extends Omit<Entry, 'readings'> {
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
const RECOMMENDED_CLASSES: ReadonlySet<string> = new Set<MatchClass>(['exact', 'normalized', 'year-off']);

/** Finds each entry's movie. An entry is `repeated` when an entry above it has the same movie. */
export function ground(entries: readonly Entry[], context: GroundingContext): GroundedEntry[] {
  const above = new Set<number>();
  return entries.map((entry) => {
    const grounded = findMovie(entry, context);
    const { item } = grounded;
    const repeated = item >= 0 && above.has(item);
    if (item >= 0) above.add(item);
    return repeated ? { ...grounded, match: 'repeated' } : grounded;
  });
}

function findMovie({ readings = [], candidate, ...entry }: Entry, context: GroundingContext): GroundedEntry {
  if (context.candidates && candidate !== undefined)
    return { ...entry, candidate, ...findByNumber(entry, candidate, context.candidates, context.titles) };
  for (const reading of readings) {
    const found = findByTitle(reading.title, context);
    if (found.item >= 0) return { ...entry, ...reading, ...found };
  }
  return { ...entry, ...findByTitle(entry.title, context) };
}

interface Found {
  item: number;
  match: MatchClass;
}

/** The candidate of that number, unless the title beside the number names something else. */
function findByNumber({ title }: Entry, number: number, candidates: Int32Array, titles: TitleIndex): Found {
  const item = candidates[number - 1];
  if (item === undefined) return { item: -1, match: 'outside-candidates' };
  if (!/[\p{L}\p{N}]/u.test(title)) return { item, match: 'exact' };
  const match = titles.match(title, (other) => other === item);
  return 'item' in match && match.item === item
    ? { item, match: 'exact' }
    : { item: -1, match: 'number-mismatch' };
}

function findByTitle(title: string, { titles, candidates, inCatalogue, seen }: GroundingContext): Found {
  const offered = candidates && new Set(candidates);
  const match = titles.match(title, offered ? (item) => offered.has(item) : inCatalogue);
  if (!('item' in match)) return { item: -1, match: match.class };
  const { item } = match;
  if (seen(item)) return { item, match: 'already-seen' };
  if (!inCatalogue(item)) return { item, match: 'no-training-rating' };
  if (offered && !offered.has(item)) return { item, match: 'outside-candidates' };
  return { item, match: match.class };
}

/** Returns the recommendations proper: items in order, without what was not found, seen, repeated or outside the candidates. */
export function listRecommendations(entries: readonly GroundedEntry[]): number[] {
  return entries.filter(({ match }) => RECOMMENDED_CLASSES.has(match)).map(({ item }) => item);
}

/**
 * The rank of each entry in the list that is evaluated, from 1; null for one that does not count, which takes no place:
 * those below it move up. The ranks of hits are these.
 */
export function listRanks(entries: readonly { match: string }[]): (number | null)[] {
  let rank = 0;
  return entries.map(({ match }) => (RECOMMENDED_CLASSES.has(match) ? ++rank : null));
}

/** Returns the share of all entries in each class, 0 to 1; all 0 when there is none. */
export function computeMatchShares(entries: readonly GroundedEntry[]): Record<MatchClass, number> {
  const shares = Object.fromEntries(matchClasses.map((name) => [name, 0])) as Record<MatchClass, number>;
  for (const { match } of entries) shares[match] += 1 / entries.length;
  return shares;
}
