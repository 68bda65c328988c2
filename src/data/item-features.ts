/** What is known of each movie as sparse binary features: genres, decade of release, tags. */
import { toCsr, type Csr } from './csr.ts';
import { splitYear } from './titles.ts';
import type { TrainingSet } from './training-set.ts';

/** The fields that features can be made of, in the order in which their columns stand. */
export const featureFields = ['genres', 'decade', 'tags'] as const;
export type FeatureField = (typeof featureFields)[number];

export interface ItemFeatures {
  /** One per feature: `genres:Drama`, `decade:1990`, `tags:time travel`; sorted by code unit within a field. */
  names: string[];
  /** items x features; every stored value is 1. Scale them where a model needs it. */
  matrix: Csr;
}

/** Tags on fewer movies than this say little and only widen the matrix. */
const MIN_MOVIES_PER_TAG = 5;

/**
 * The features of every item index. A movie without a genre or a year has no feature of that field, nor has a series
 * ("Fawlty Towers (1975-1979)") a decade. Tags are trimmed and lower-cased, counted once per movie, and dropped when fewer
 * than `MIN_MOVIES_PER_TAG` movies carry them; without tags in the training set the field adds nothing.
 */
export function itemFeatures(
  train: Pick<TrainingSet, 'itemCount' | 'movies' | 'tags'>,
  fields: readonly FeatureField[],
): ItemFeatures {
  const perField: Record<FeatureField, () => Set<string>[]> = {
    genres: () => train.movies.genres.map((genres) => new Set(genres)),
    decade: () => decadesByItem(train.movies),
    tags: () => tagsByItem(train),
  };
  const names: string[] = [];
  const items: number[] = [];
  const features: number[] = [];
  for (const field of featureFields) {
    if (!fields.includes(field)) continue;
    const values = perField[field]();
    const columns = new Map<string, number>();
    for (const value of [...new Set(values.flatMap((set) => [...set]))].sort()) {
      columns.set(value, names.length);
      names.push(`${field}:${value}`);
    }
    values.forEach((set, item) => {
      for (const value of set) {
        items.push(item);
        features.push(columns.get(value)!);
      }
    });
  }
  const ones = new Float32Array(items.length).fill(1);
  return {
    names,
    matrix: toCsr(Int32Array.from(items), Int32Array.from(features), ones, train.itemCount, names.length),
  };
}

function decadesByItem({ titles, years }: TrainingSet['movies']): Set<string>[] {
  return Array.from(years, (year, item) => {
    if (year === 0 || splitYear(titles[item] ?? '').isRange) return new Set();
    return new Set([String(year - (year % 10))]);
  });
}

function tagsByItem({ itemCount, tags }: Pick<TrainingSet, 'itemCount' | 'tags'>): Set<string>[] {
  const byItem = Array.from({ length: itemCount }, () => new Set<string>());
  tags?.texts.forEach((text, n) => byItem[tags.items[n]!]!.add(text.trim().toLowerCase()));
  const movies = new Map<string, number>();
  for (const set of byItem) for (const tag of set) movies.set(tag, (movies.get(tag) ?? 0) + 1);
  for (const set of byItem) {
    for (const tag of set) if (tag === '' || movies.get(tag)! < MIN_MOVIES_PER_TAG) set.delete(tag);
  }
  return byItem;
}
