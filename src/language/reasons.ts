/**
 * What a reason says about its reader, checked against the history that the model was shown: by rule, without a model.
 * Movies, genres and ratings that a reason names are looked up. What it says of the recommended movie is not judged.
 */
import type { Movies } from '../data/dataset.ts';
import { splitYear } from '../data/titles.ts';
import { normalizeName, splitNames } from './titles/keys.ts';

export const verdicts = ['supported', 'unsupported', 'contradicted'] as const;

/**
 * `supported`: the history shows it. `unsupported`: the history says nothing of it. `contradicted`: the history says
 * otherwise: the movie has another rating, or the genre that the user is said to like is rated below the user's mean.
 */
export type Verdict = (typeof verdicts)[number];

export const claimKinds = ['movie', 'genre', 'rating'] as const;

/** One thing that a reason says. */
export interface Claim {
  kind: (typeof claimKinds)[number];
  /** The title as released, the genre, or the title with the stars that the reason gives it. */
  subject: string;
  verdict: Verdict;
}

/** A rating that the prompt showed. */
export interface ShownRating {
  /** Item index. */
  item: number;
  stars: number;
}

/** Shorter names ("M", "It", "Up") are words of any sentence, unless a year stands behind them. */
const MIN_NAME_LENGTH = 5;
/** Words in a name at most; the longest prefix of a sentence that is looked up. */
const MAX_NAME_WORDS = 12;
/** Longer reasons are read up to here. */
const MAX_REASON_LENGTH = 2000;
/** Characters behind a title within which a rating belongs to it. */
const MAX_RATING_DISTANCE = 40;

/** Names of genres as people write them, by the names that MovieLens gives them, both normalized. */
const GENRE_WORDS: ReadonlyMap<string, string> = new Map([
  ['science fiction', 'sci fi'],
  ['scifi', 'sci fi'],
  ['sf', 'sci fi'],
  ['comedies', 'comedy'],
  ['dramas', 'drama'],
  ['thrillers', 'thriller'],
  ['westerns', 'western'],
  ['musicals', 'musical'],
  ['mysteries', 'mystery'],
  ['documentaries', 'documentary'],
  ['animated', 'animation'],
  ['noir', 'film noir'],
]);

/** A reason, with the movies that its words name. */
export interface ReadReason {
  text: string;
  /** In the order of the text, which `text` quotes up to its index `end`; movies that share the name stand together. */
  named: readonly { items: readonly number[]; text: string; end: number }[];
}

/** Checks reasons against one data set. Built once: linear in the number of titles. */
export class ReasonChecker {
  readonly #movies: Pick<Movies, 'titles' | 'years' | 'genres'>;
  readonly #itemsByName = new Map<string, number[]>();
  /** What names begin with, up to the end of one of their words. */
  readonly #beginnings = new Set<string>();
  readonly #genres = new Map<string, string>();
  /** Genres by the words that stand for them, both normalized. */
  readonly #genreWords: readonly (readonly [string, string])[];

  constructor(movies: Pick<Movies, 'titles' | 'years' | 'genres'>) {
    this.#movies = movies;
    for (const [item, title] of movies.titles.entries()) {
      for (const name of new Set(splitNames(splitYear(title).name).map(normalizeName))) {
        const items = this.#itemsByName.get(name);
        if (items) items.push(item);
        else this.#itemsByName.set(name, [item]);
        this.#addBeginnings(name);
      }
      for (const genre of movies.genres[item]!) this.#genres.set(normalizeName(genre), genre);
    }
    this.#genreWords = [...[...this.#genres.keys()].map((name) => [name, name] as const), ...GENRE_WORDS];
  }

  /** Of a name as it stands, and of one whose article is moved behind a comma. */
  #addBeginnings(name: string): void {
    for (let end = name.indexOf(' '); end >= 0; end = name.indexOf(' ', end + 1)) {
      this.#beginnings.add(name.slice(0, end));
      this.#beginnings.add(name.slice(name.indexOf(' ') + 1, end));
    }
    this.#beginnings.add(name);
    this.#beginnings.add(name.slice(name.indexOf(' ') + 1));
  }

  /** `judge` of a reason that was just read. */
  check(text: string, shown: readonly ShownRating[], recommended: number): Claim[] {
    return this.judge(this.read(text), shown, recommended);
  }

  /**
   * Returns the claims of a reason in the order of its words; none for a reason that names nothing. `shown` is the
   * history in the prompt; `recommended` is the movie that the reason is for (-1 when it was not found), whose own title
   * is no claim, nor are its genres unless the reason speaks of the user's liking. Of movies that share a name, those in
   * the history are meant.
   */
  judge({ text: reason, named }: ReadReason, shown: readonly ShownRating[], recommended: number): Claim[] {
    const stars = new Map(shown.map((rating) => [rating.item, rating.stars]));
    const others = named.filter(({ items }) => !items.includes(recommended));
    let rest = reason;
    for (const { text } of others) rest = rest.replace(text, ' '.repeat(text.length));
    return [
      ...others.flatMap(({ items, end }) => {
        const meant = items.find((item) => stars.has(item)) ?? items[0]!;
        return this.#movieClaims(meant, stars, reason.slice(end, end + MAX_RATING_DISTANCE));
      }),
      ...this.#genreClaims(rest, shown),
    ];
  }

  /** Finds the movies that a reason names, the longest name first at each word. Long reasons are read in part. */
  read(reason: string): ReadReason {
    const text = reason.slice(0, MAX_REASON_LENGTH);
    return { text, named: this.#namedMovies(text) };
  }

  #namedMovies(reason: string): ReadReason['named'] {
    const words = [...reason.matchAll(/[\p{L}\p{N}&][\p{L}\p{N}\p{M}'’.&·/-]*/gu)];
    const found: { items: number[]; text: string; end: number }[] = [];
    for (let first = 0; first < words.length; first++) {
      for (let last = this.#lastWord(reason, words, first); last >= first; last--) {
        const start = words[first]!.index;
        const end = words[last]!.index + words[last]![0].length;
        const text = reason.slice(start, end).replace(/[.'’]+s?$/u, '');
        const items = this.#moviesNamed(
          text,
          reason.slice(start + text.length),
          start === 0 || /[.!?]\s+$/u.test(reason.slice(Math.max(0, start - 4), start)),
        );
        if (items.length === 0) continue;
        found.push({ items, text, end });
        first = last;
        break;
      }
    }
    return found;
  }

  /** The last word that a name beginning with word `first` can have: what is before it begins a title. */
  #lastWord(reason: string, words: readonly RegExpExecArray[], first: number): number {
    const start = words[first]!.index;
    const most = Math.min(words.length, first + MAX_NAME_WORDS) - 1;
    let last = first;
    while (last < most) {
      const { index, 0: word } = words[last]!;
      const beginning = `${reason.slice(start, index + word.length)}.`; // with a point no article is moved
      if (!this.#beginnings.has(normalizeName(beginning))) break;
      last++;
    }
    return last;
  }

  #moviesNamed(text: string, after: string, beginsSentence: boolean): number[] {
    const items = this.#itemsByName.get(normalizeName(text)) ?? [];
    if (items.length === 0) return [];
    const year = /^["”*_]*\s*[([](\d{4})[)\]]/u.exec(after)?.[1];
    if (year !== undefined)
      return items.filter((item) => Math.abs(this.#movies.years[item]! - Number(year)) <= 1);
    const capitals = text.split(/\s+/u).filter((word) => /^[\p{Lu}\p{N}]/u.test(word)).length;
    if (text.length < MIN_NAME_LENGTH || capitals === 0 || this.#genres.has(normalizeName(text))) return [];
    return beginsSentence && !text.includes(' ') ? [] : items;
  }

  #movieClaims(item: number, stars: ReadonlyMap<number, number>, after: string): Claim[] {
    const title = this.#movies.titles[item]!;
    const own = stars.get(item);
    const claims: Claim[] = [
      { kind: 'movie', subject: title, verdict: own === undefined ? 'unsupported' : 'supported' },
    ];
    const said = starsIn(after);
    if (said !== undefined) {
      const verdict = own === undefined ? 'unsupported' : own === said ? 'supported' : 'contradicted';
      claims.push({ kind: 'rating', subject: `${title}: ${said}`, verdict });
    }
    return claims;
  }

  /** Genres that the user is said to like: supported when the user rated one of its movies, at the own mean or above. */
  #genreClaims(text: string, shown: readonly ShownRating[]): Claim[] {
    if (!LIKING_WORDS.test(text)) return [];
    const mean = shown.reduce((sum, { stars }) => sum + stars, 0) / shown.length;
    const words = ` ${normalizeName(text)} `;
    const named = new Set<string>();
    for (const [written, genre] of this.#genreWords)
      if (words.includes(` ${written} `) && this.#genres.has(genre)) named.add(this.#genres.get(genre)!);
    return [...named].map((genre): Claim => {
      const own = shown.filter(({ item }) => this.#movies.genres[item]!.includes(genre));
      const average = own.reduce((sum, { stars }) => sum + stars, 0) / own.length;
      const verdict = own.length === 0 ? 'unsupported' : average >= mean ? 'supported' : 'contradicted';
      return { kind: 'genre', subject: genre, verdict };
    });
  }
}

/** Words that make a genre a claim about the reader, not about the movie. */
const LIKING_WORDS =
  /\b(?:you(?:r|['’]ve|['’]re)?|user['’]?s?|their|they|he|she|viewer['’]?s?)\b.*\b(?:lik|lov|enjoy|rat|prefer|favou?r|appreciat|watch|fan|interest|taste|highly)/iu;

/** "rated 4.5/5", "5 stars", "a 4.0", "(4.5)": stars behind a title; undefined where none is given. */
function starsIn(text: string): number | undefined {
  const match =
    /^[^.!?;]*?(?:\b(?:rated|rating|gave|given|scored)\D{0,16}|[(:,]\s*)(?<a>[0-5](?:\.\d)?)(?!\d)(?:\s*(?:\/\s*5|stars?|out of (?:5|five)))?/iu.exec(
      text,
    )?.groups ?? /^[^.!?;]*?(?<a>[0-5](?:\.\d)?)\s*(?:\/\s*5|stars?|out of (?:5|five))/iu.exec(text)?.groups;
  return match === undefined ? undefined : Number(match['a']);
}

/** Shares of the claims by verdict, 0 to 1; undefined without claims, which is not the same as no support. */
export function shareVerdicts(claims: readonly Claim[]): Record<Verdict, number> | undefined {
  if (claims.length === 0) return undefined;
  const share = (verdict: Verdict) =>
    claims.filter((claim) => claim.verdict === verdict).length / claims.length;
  return {
    supported: share('supported'),
    unsupported: share('unsupported'),
    contradicted: share('contradicted'),
  };
}
