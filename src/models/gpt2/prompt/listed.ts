/** A ranking written as a list: titles, and reasons by rule. */
import type { TrainingSet } from '../../../data/training-set.ts';
import type { GroundedEntry } from '../../../language/grounding.ts';
import { nameMovie } from '../../../language/titles.ts';
import { reasonFor } from './template.ts';

/** The list of `items` as text, and its entries; `favourites` are the reader's genres, most liked first. */
export function writeList(
  train: Pick<TrainingSet, 'movies' | 'itemIds'>,
  items: Iterable<number>,
  favourites: readonly string[],
): { reply: string; entries: GroundedEntry[] } {
  const entries = Array.from(items, (item) => ({
    title: nameMovie(train, item),
    reason: reasonFor(train.movies.genres[item]!, favourites),
    item,
    match: 'exact' as const,
  }));
  return {
    entries,
    reply: entries.map(({ title, reason }, n) => `${n + 1}. ${title} - ${reason}\n`).join(''),
  };
}
