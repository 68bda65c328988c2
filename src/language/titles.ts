/** From a written title to a movie of the catalogue: by rule, never by likeness. */
import type { Movies } from '../data/dataset.ts';
import { splitYear } from '../data/titles.ts';

/**
 * How a written title was found: to the letter; after normalising article, a.k.a. names, accents, case and punctuation
 * with the year equal; with the year missing or one off. `ambiguous`: several movies fit and none is guessed.
 */
export type TitleMatch =
  | { class: 'exact' | 'normalized' | 'year-off'; item: number }
  | { class: 'ambiguous'; items: number[] }
  | { class: 'out-of-catalogue' };

/** Years by which the same film is dated apart, festival and release; more is another film ("Dune" 1984 and 2021). */
const YEARS_APART = 1;

/** Articles as MovieLens moves them behind a comma, in the languages of its titles. */
const articles =
  'the a an la le les l el lo los las il i gli un une una uno der die das den det ein eine de het en et o os as';
const inverted = new RegExp(`^(.+), (${articles.split(' ').join('|')}|l'|l’)$`, 'iu');

/** "Matrix, The (1999)" as people write it: "The Matrix (1999)". A name in parentheses keeps its form. */
export function toNaturalTitle(title: string): string {
  const { name, year } = splitYear(title);
  const bracket = name.indexOf(' (');
  const [main, rest] = bracket < 0 ? [name, ''] : [name.slice(0, bracket), name.slice(bracket)];
  return `${uninvert(main)}${rest}${year === 0 ? '' : ` (${year})`}`;
}

/** Finds movies by title. Built once per data set: linear in the number of titles. */
export class TitleIndex {
  readonly #exact = new Map<string, number[]>();
  /** Normalised main name, then normalised other names: a film's own name wins over another film's second name. */
  readonly #names: [Map<string, number[]>, Map<string, number[]>] = [new Map(), new Map()];
  readonly #years: Int16Array;

  constructor({ titles, years }: Pick<Movies, 'titles' | 'years'>) {
    this.#years = years;
    for (const [item, title] of titles.entries()) {
      if (title === '') continue;
      add(this.#exact, title, item);
      const [main, ...others] = namesOf(splitYear(title).name);
      add(this.#names[0], normalize(main!), item);
      for (const other of others) add(this.#names[1], normalize(other), item);
    }
  }

  match(written: string): TitleMatch {
    const text = written.trim();
    const exact = this.#exact.get(text);
    if (exact) return found('exact', exact);
    const { name, year } = splitYear(text);
    const keys = namesOf(name).map(normalize);
    if (keys[0] === '') return { class: 'out-of-catalogue' };
    for (const names of this.#names) {
      const candidates = unique(keys.flatMap((key) => names.get(key) ?? []));
      const sameYear = year === 0 ? [] : candidates.filter((item) => this.#years[item] === year);
      if (sameYear.length > 0) return found('normalized', sameYear);
    }
    const near = unique(this.#names.flatMap((names) => keys.flatMap((key) => names.get(key) ?? []))).filter(
      (item) => year === 0 || this.#years[item] === 0 || Math.abs(this.#years[item]! - year) <= YEARS_APART,
    );
    return near.length === 0 ? { class: 'out-of-catalogue' } : found('year-off', near);
  }
}

function found(how: 'exact' | 'normalized' | 'year-off', items: number[]): TitleMatch {
  return items.length === 1 ? { class: how, item: items[0]! } : { class: 'ambiguous', items };
}

/** "Seven (a.k.a. Se7en)" to ["Seven", "Se7en"]; the first is the main name. */
function namesOf(name: string): string[] {
  const others = [...name.matchAll(/\(([^()]*)\)/gu)].map(([, inner]) =>
    inner!.replace(/^a\.?\s?k\.?\s?a\.?\s+/iu, ''),
  );
  const main = name.replaceAll(/\s*\([^()]*\)/gu, '').trim();
  return main === '' ? [name] : [main, ...others];
}

function uninvert(name: string): string {
  const match = inverted.exec(name);
  if (!match) return name;
  const [, rest, article] = match;
  return /['’]$/u.test(article!) ? `${article}${rest}` : `${article} ${rest}`;
}

/** Article first, no accents, lower case, letters and digits with single spaces: "Amélie, Le" is "le amelie". */
function normalize(name: string): string {
  return uninvert(name.trim().replaceAll(/\s+/gu, ' '))
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toUpperCase() // first, for small letters that share a capital: "ı" and "i", "ß" and "ss"
    .toLowerCase()
    .replaceAll('&', ' and ')
    .replaceAll(/['’`´]/gu, '')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

function unique(items: number[]): number[] {
  return [...new Set(items)];
}

function add(map: Map<string, number[]>, key: string, item: number): void {
  const items = map.get(key);
  if (items) items.push(item);
  else map.set(key, [item]);
}
