/** Finding movies by parts of their titles. */
import { distance } from 'fastest-levenshtein';
import type { TrainingSet } from '../data/training-set.ts';
import { normalizeName } from '../language/titles/keys.ts';

type Searched = Pick<TrainingSet, 'catalogue' | 'movies' | 'ratingCounts'>;

/** The titles of a catalogue, normalized once. */
export class TitleSearch {
  readonly #names: { item: number; name: string; ratings: number }[];

  constructor({ catalogue, movies, ratingCounts }: Searched) {
    this.#names = Array.from(catalogue, (item) => ({
      item,
      name: bareName(movies.titles[item]!),
      ratings: ratingCounts[item]!,
    })).sort((a, b) => b.ratings - a.ratings);
  }

  /**
   * At most `count` items: those whose titles hold every word of `written`, most ratings first; where there is none, titles
   * that are a few edits away, nearest first.
   */
  search(written: string, count: number): number[] {
    const key = bareName(written);
    const words = key.split(' ').filter((word) => word !== '');
    if (words.length === 0) return [];
    const containing = this.#names.filter(({ name }) => words.every((word) => name.includes(word)));
    const found = containing.length > 0 ? containing : this.#nearest(key);
    return found.slice(0, count).map(({ item }) => item);
  }

  #nearest(key: string) {
    return this.#names
      .map((movie) => ({ ...movie, edits: distance(key, movie.name) }))
      .filter(({ edits }) => edits <= Math.max(2, key.length / 4))
      .sort((a, b) => a.edits - b.edits);
  }
}

/** Normalized, without year and article. */
function bareName(title: string): string {
  return normalizeName(title.replace(/\s*\(\d{4}.*$/, '')).replace(/^(?:the|an?) /, '');
}
