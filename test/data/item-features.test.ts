import { expect, test } from 'vitest';
import { itemFeatures } from '../../src/data/item-features.ts';

const movies = {
  titles: ['A (1999)', 'B (2000)', 'C', 'D (1994)', 'E (1995)', 'F (1996)'],
  years: Int16Array.of(1999, 2000, 0, 1994, 1995, 1996),
  genres: [['Drama', 'Comedy'], ['Drama'], [], [], [], []],
};
const tagged = (pairs: [number, string][]) => ({
  users: new Int32Array(pairs.length),
  items: Int32Array.from(pairs, ([item]) => item),
  texts: pairs.map(([, text]) => text),
  timestamps: new Int32Array(pairs.length),
});
const namesOf = ({ names, matrix }: ReturnType<typeof itemFeatures>, item: number) =>
  Array.from(matrix.indices.subarray(matrix.pointers[item], matrix.pointers[item + 1]), (f) => names[f]);

test('genres and decades become one column per value, in the order of the fields', () => {
  const features = itemFeatures({ itemCount: 6, movies }, ['decade', 'genres']);
  expect(features.names).toEqual(['genres:Comedy', 'genres:Drama', 'decade:1990', 'decade:2000']);
  expect(namesOf(features, 0)).toEqual(['genres:Comedy', 'genres:Drama', 'decade:1990']);
  expect(namesOf(features, 1)).toEqual(['genres:Drama', 'decade:2000']);
});

test('a movie without genre and year has an empty row', () => {
  expect(namesOf(itemFeatures({ itemCount: 6, movies }, ['genres', 'decade']), 2)).toEqual([]);
});

test('a series, whose title gives years from-to, has no decade', () => {
  const series = { ...movies, titles: ['A (1999-2001)', ...movies.titles.slice(1)] };
  expect(namesOf(itemFeatures({ itemCount: 6, movies: series }, ['decade']), 0)).toEqual([]);
});

test('a tag counts once per movie, whatever its case, and needs five movies', () => {
  const funny: [number, string][] = [0, 1, 2, 3, 4].map((item) => [item, item % 2 ? 'Funny' : ' funny ']);
  const rare: [number, string][] = [0, 0, 0, 1, 2, 3].map((item) => [item, 'rare']);
  const features = itemFeatures({ itemCount: 6, movies, tags: tagged([...funny, ...rare, [0, 'FUNNY']]) }, [
    'tags',
  ]);
  expect(features.names).toEqual(['tags:funny']);
  expect(Array.from(features.matrix.pointers)).toEqual([0, 1, 2, 3, 4, 5, 5]);
});

test('without tags in the training set the field adds no column', () => {
  expect(itemFeatures({ itemCount: 6, movies }, ['tags']).names).toEqual([]);
});
