/** From a written title to a movie of the catalogue: by rule, never by likeness. */
import type { Movies } from '../data/dataset.ts';
import { splitYear } from '../data/titles.ts';
import {
  loosenName,
  normalizeName,
  numbersIn,
  numeralKey,
  partKey,
  restoreArticle,
  splitNames,
  splitParts,
  variantsOf,
  withoutAuthor,
  withoutOpening,
} from './titles/keys.ts';
import { readWrittenTitle, type WrittenTitle } from './titles/written.ts';

/**
 * How a written title was found: `exact`, to the letter; `normalized`, with the year equal and the name the same but for
 * article, a.k.a. names, accents, case, punctuation, numerals, or an author or subtitle left out; `year-off`, with the
 * letters of the name equal and the year one off or missing; where it is missing, numerals, "&" and "vs." may be written
 * in another way as well. `ambiguous`: several movies fit and none is guessed.
 */
export type TitleMatch =
  | { class: MatchedClass; item: number }
  | { class: 'ambiguous'; items: readonly number[] }
  | { class: 'out-of-catalogue' };

type MatchedClass = 'exact' | 'normalized' | 'year-off';

/** Tells which movies may be meant: of several that fit, the only one of these is taken. */
export type Eligible = (item: number) => boolean;

/** Years by which the same film is dated apart, festival and release; more is another film ("Dune" 1984 and 2021). */
const MAX_YEARS_APART = 1;

/** "Matrix, The (1999)" as people write it: "The Matrix (1999)". A name in parentheses keeps its form. */
export function toNaturalTitle(title: string): string {
  const { name, year } = splitYear(title);
  const bracket = name.indexOf(' (');
  const [main, rest] = bracket < 0 ? [name, ''] : [name.slice(0, bracket), name.slice(bracket)];
  return `${restoreArticle(main)}${rest}${year === 0 ? '' : ` (${year})`}`;
}

/** A movie's natural title; its released id where the data has no title of it. */
export function nameMovie(
  { movies, itemIds }: { movies: Pick<Movies, 'titles'>; itemIds: ArrayLike<number | string> },
  item: number,
): string {
  const title = movies.titles[item]!;
  return title === '' ? `movie ${itemIds[item]}` : toNaturalTitle(title);
}

/** Movies by name; most names have one. */
class Names {
  readonly #items = new Map<string, number | number[]>();

  add(name: string, item: number): void {
    const items = this.#items.get(name);
    if (items === undefined) this.#items.set(name, item);
    else if (typeof items === 'number') this.#items.set(name, [items, item]);
    else items.push(item);
  }

  get(name: string): readonly number[] {
    const items = this.#items.get(name) ?? [];
    return typeof items === 'number' ? [items] : items;
  }
}

/** Finds movies by title. Built once per data set: linear in the number of titles. */
export class TitleIndex {
  readonly #titles: readonly string[];
  readonly #years: Int16Array;
  readonly #exact = new Names();
  /** Normalized main name, then normalized other names: a film's own name wins over another film's second name. */
  readonly #names: readonly [Names, Names] = [new Names(), new Names()];
  /** Normalized names without the author that they begin with. */
  readonly #authorless = new Names();
  /** By item, in the order of the title. */
  readonly #normalized: string[][] = [];
  readonly #itemsByYear = new Map<number, number[]>();
  /** By year, when first asked for: loose keys of whole names, then of their parts. */
  readonly #looseNames = new Map<number, [Names, Names]>();
  /** By `numeralKey`, when first asked for. */
  #numerals: Names | undefined;

  constructor({ titles, years }: Pick<Movies, 'titles' | 'years'>) {
    this.#titles = titles;
    this.#years = years;
    for (const [item, title] of titles.entries()) {
      if (title === '') continue;
      this.#exact.add(title, item);
      const names = splitNames(splitYear(title).name).map(normalizeName);
      for (const [n, name] of names.entries()) {
        this.#names[n === 0 ? 0 : 1].add(name, item);
        const authorless = withoutAuthor(name);
        if (authorless !== name) this.#authorless.add(authorless, item);
      }
      this.#normalized[item] = names;
      const sameYear = this.#itemsByYear.get(years[item]!);
      if (sameYear) sameYear.push(item);
      else this.#itemsByYear.set(years[item]!, [item]);
    }
  }

  /**
   * Finds the movie that a title names. A written year decides, in whatever form it is written: no film of another year
   * is found, but for a name to the letters whose year is one off. Of several movies that fit, the only `eligible` one
   * is taken. Never throws; the time is bounded by the title's length.
   */
  match(written: string, eligible?: Eligible): TitleMatch {
    const exact = this.#exact.get(written.trim());
    if (exact.length > 0) return resolve('exact', exact, eligible);
    const plain = PLAIN_TITLE.exec(written)?.groups;
    if (plain) {
      const items = this.#sameYear({ name: plain['name']!, year: Number(plain['year']) });
      if (items.length > 0) return resolve('normalized', items, eligible);
    }
    const { readings, years } = readWrittenTitle(written);
    const fits = (item: number) => this.#fitsYears(item, years);
    const searches: readonly [MatchedClass, (reading: WrittenTitle) => number[]][] = [
      ['normalized', (reading) => this.#sameYear(reading)],
      ['normalized', (reading) => this.#loose(reading)],
      ['year-off', (reading) => this.#nearYear(reading)],
      ['year-off', (reading) => this.#anyYear(reading)],
    ];
    for (const [how, search] of searches) {
      for (const reading of readings) {
        const items = search(reading).filter(fits);
        if (items.length > 0) return resolve(how, items, eligible);
      }
    }
    return { class: 'out-of-catalogue' };
  }

  /** Where the text has numbers that could be years and are not in the film's name, the film's year is near one. */
  #fitsYears(item: number, years: readonly number[]): boolean {
    const own = this.#years[item]!;
    if (years.length === 0 || own === 0) return true;
    const { name } = splitYear(this.#titles[item]!);
    const dates = years.filter((year) => !name.includes(String(year)));
    return dates.length === 0 || dates.some((year) => Math.abs(year - own) <= MAX_YEARS_APART);
  }

  #sameYear({ name, year }: WrittenTitle): number[] {
    if (year === 0) return [];
    const keys = namesIn(name).map(normalizeName);
    for (const names of this.#names) {
      const items = lookUp(names, keys).filter((item) => this.#years[item] === year);
      if (items.length > 0) return items;
    }
    return [];
  }

  #loose({ name, year }: WrittenTitle): number[] {
    if (year === 0) return [];
    const [whole, parts] = this.#looseOf(year);
    const keys = looseKeys(name);
    const items = lookUp(whole, keys);
    if (items.length > 0) return items;
    const numbers = numbersIn(name);
    const hasNumbers = (item: number) => {
      const own = numbers.length === 0 ? [] : numbersIn(splitYear(this.#titles[item]!).name);
      return numbers.every((number) => own.includes(number));
    };
    const byPart = lookUp(
      parts,
      looseKeys(name, (own) => [partKey(own)]),
    ).filter(hasNumbers);
    if (byPart.length > 0) return byPart;
    return this.#shareParts(name, parts).filter(hasNumbers);
  }

  /** Every part of the written name is a part of the film's: "Star Wars: A New Hope" leaves "Episode IV" out. */
  #shareParts(name: string, parts: Names): number[] {
    const keys = splitParts(splitNames(name)[0]!).map(partKey);
    if (keys.length < 2) return [];
    const [first, ...others] = keys.map((key) => parts.get(key));
    return [...new Set(first)].filter((item) => others.every((items) => items.includes(item)));
  }

  #nearYear({ name, year }: WrittenTitle): number[] {
    const [main, ...others] = splitNames(name);
    const known = others.every(
      (other) => DESCRIPTIVE_WORDS.test(other) || lookUp(this.#names[1], [normalizeName(other)]).length > 0,
    );
    const keys = known ? [main!, ...others].map(normalizeName) : [normalizeName(name)];
    // Without a year, "Romeo + Juliet" may be "Romeo and Juliet (1968)" or "William Shakespeare's Romeo + Juliet (1996)".
    const searched = year === 0 ? [...this.#names, this.#authorless] : this.#names;
    return [...new Set(searched.flatMap((names) => lookUp(names, keys)))].filter(
      (item) =>
        year === 0 || this.#years[item] === 0 || Math.abs(this.#years[item]! - year) <= MAX_YEARS_APART,
    );
  }

  /** Without a year, only numerals and joining words may differ. */
  #anyYear({ name, year }: WrittenTitle): number[] {
    const [main, ...others] = splitNames(name);
    if (year !== 0 || !others.every((other) => DESCRIPTIVE_WORDS.test(other))) return [];
    this.#numerals ??= this.#indexNumerals();
    return lookUp(this.#numerals, variantsOf(normalizeName(main!)).map(numeralKey));
  }

  #indexNumerals(): Names {
    const index = new Names();
    for (const [item, names] of this.#normalized.entries()) {
      const keys = (names ?? []).flatMap(variantsOf).map(numeralKey);
      for (const key of new Set(keys)) if (key !== '') index.add(key, item);
    }
    return index;
  }

  #looseOf(year: number): [Names, Names] {
    let loose = this.#looseNames.get(year);
    if (loose === undefined) {
      loose = [new Names(), new Names()];
      for (const item of this.#itemsByYear.get(year) ?? []) {
        const { name } = splitYear(this.#titles[item]!);
        const bracketed = name.includes('(');
        const keys = [
          ...this.#normalized[item]!.flatMap(variantsOf).map((own) => loosenName(own)),
          ...(bracketed ? looseKeys(name) : []),
        ];
        for (const key of new Set(keys)) loose[0].add(key, item);
        const parts = (bracketed ? splitNames(name) : [name]).flatMap(splitParts);
        if (parts.length === 0) continue;
        for (const key of new Set(parts.map(partKey))) loose[1].add(key, item);
      }
      this.#looseNames.set(year, loose);
    }
    return loose;
  }
}

/** A title as it should be written: needs no further reading where it is found. */
const PLAIN_TITLE = /^(?<name>[a-z][a-z\d ,.:'&!?-]*) \((?<year>(?:18|19|20)\d{2})\)$/iu;

/** What brackets behind a name may say without naming another film. */
const DESCRIPTIVE_WORDS =
  /^(?:(?:the|a|an|whole|entire|full|complete|original|classic|first|film|films|movie|movies|motion|picture|feature|series|trilogy|saga|franchise|collection|cut|director.?s|edition|version|dvd|uncut|extended|theatrical|black|white|and|silent|animated|animation|documentary|english|french|german|italian|spanish|japanese|drama|comedy|action|thriller|horror|sci-fi|crime|romance|western|musical|war|adventure|fantasy|noir)[\s-]*)+$|^(?:dir(?:ected|ector|\.)?:?\s|by\s)/iu;

/** The names that a written name may stand for: without its brackets, or what is in them. */
function namesIn(name: string): string[] {
  return name.includes('(') ? [...splitNames(name), name] : [name];
}

function looseKeys(name: string, keysOf = looseKeysOf): string[] {
  if (!name.includes('(')) return keysOf(name);
  const names = [...splitNames(name), ...splitNames(withoutOpening(name)), name.replaceAll(/[()]/gu, '')];
  return [...new Set([...new Set(names)].flatMap((own) => keysOf(own)))].filter((key) => key !== '');
}

function looseKeysOf(name: string): string[] {
  return variantsOf(normalizeName(name)).map((own) => loosenName(own));
}

function lookUp(names: Names, keys: readonly string[]): number[] {
  const items = keys.flatMap((key) => (key === '' ? [] : names.get(key)));
  return items.length > 1 ? [...new Set(items)] : items;
}

function resolve(how: MatchedClass, items: readonly number[], eligible?: Eligible): TitleMatch {
  if (items.length === 1) return { class: how, item: items[0]! };
  const meant = eligible ? items.filter(eligible) : [];
  return meant.length === 1 ? { class: how, item: meant[0]! } : { class: 'ambiguous', items };
}
