/** A text index over the movies: title, genres and tags. Retrieval for prompts that carry candidates. */
import { has } from '../data/csr.ts';
import { splitYear } from '../data/titles.ts';
import type { TrainingSet } from '../data/training-set.ts';
import { log } from '../util/math.ts';

/** Saturation of term frequency and strength of length normalization, as Robertson and Zaragoza 2009 suggest. */
const BM25_K1 = 1.2;
const BM25_B = 0.75;

interface Posting {
  item: number;
  frequency: number;
}

/**
 * BM25 (Robertson and Zaragoza 2009, eq. 3.15): score(d, q) = sum over the terms of q of idf(t) * f (k1 + 1) /
 * (f + k1 (1 - b + b |d| / mean |d|)), with idf(t) = log(1 + (N - n + 0.5) / (n + 0.5)). Only movies of the training
 * catalogue are indexed.
 */
export class TextIndex {
  readonly #postings = new Map<string, Posting[]>();
  readonly #terms: string[][];
  readonly #catalogue: Int32Array;
  readonly #meanLength: number;

  constructor(train: Pick<TrainingSet, 'itemCount' | 'movies' | 'tags' | 'catalogue'>) {
    this.#catalogue = train.catalogue;
    this.#terms = collectTerms(train);
    let total = 0;
    for (const item of train.catalogue) {
      const terms = this.#terms[item]!;
      total += terms.length;
      for (const [term, frequency] of countTerms(terms)) {
        const list = this.#postings.get(term);
        if (list) list.push({ item, frequency });
        else this.#postings.set(term, [{ item, frequency }]);
      }
    }
    this.#meanLength = total / Math.max(1, train.catalogue.length);
  }

  /** Returns one score per item index for the text of the `liked` movies taken together; 0 where no term is shared. */
  score(liked: readonly number[]): Float64Array {
    const scores = new Float64Array(this.#terms.length);
    const count = this.#catalogue.length;
    for (const [term, weight] of countTerms(liked.flatMap((item) => this.#terms[item]!))) {
      const postings = this.#postings.get(term) ?? [];
      const idf = log(1 + (count - postings.length + 0.5) / (postings.length + 0.5));
      for (const { item, frequency } of postings) {
        const length = this.#terms[item]!.length / this.#meanLength;
        scores[item]! +=
          (weight * idf * frequency * (BM25_K1 + 1)) / (frequency + BM25_K1 * (1 - BM25_B + BM25_B * length));
      }
    }
    return scores;
  }
}

/** Returns the catalogue items that the user has not rated, best score first, equal scores by ascending index. */
export function rankByScore(
  scores: Float64Array,
  { catalogue, byUser }: Pick<TrainingSet, 'catalogue' | 'byUser'>,
  user: number,
): Int32Array {
  return catalogue
    .filter((item) => !has(byUser, user, item))
    .sort((a, b) => scores[b]! - scores[a]! || a - b);
}

/** Per item: the words of the title without its year, each genre as one term, each tag's words. */
function collectTerms({
  itemCount,
  movies,
  tags,
}: Pick<TrainingSet, 'itemCount' | 'movies' | 'tags'>): string[][] {
  const terms = Array.from({ length: itemCount }, (_, item) => [
    ...splitWords(splitYear(movies.titles[item]!).name),
    ...movies.genres[item]!.map((genre) => `genre:${genre}`),
  ]);
  tags?.texts.forEach((text, n) => terms[tags.items[n]!]!.push(...splitWords(text)));
  return terms;
}

const stopWords = new Set(['the', 'a', 'an', 'of', 'and', 'in', 'to', 'on', 'la', 'le', 'de', 'el']);

function splitWords(text: string): string[] {
  return (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => !stopWords.has(word));
}

function countTerms(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}
