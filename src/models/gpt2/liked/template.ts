/**
 * How GPT-2 is fed titles by liking, as many as fit:
 *
 *     Disliked: Congo; Striptease;
 *     Watched: Twister;
 *     Liked: The Matrix; Trainspotting; Alien;
 *
 * What the user likes is what goes on behind the last title, so that learning to recommend is learning to go on. Years
 * stand only where two movies of the catalogue share a name. Texts are made of pieces in tokens, the same in training and
 * in ranking; the tokens in use are numbered anew, and nothing else is computed.
 */
import type { TrainingSet } from '../../../data/training-set.ts';
import { splitYear } from '../../../data/titles.ts';
import { splitNames, restoreArticle } from '../../../language/titles/keys.ts';
import { toNaturalTitle } from '../../../language/titles.ts';
import type { Gpt2Tokenizer } from '../../../huggingface/tokenizer.ts';

/** Name and version that records keep: change the words, raise the version. */
export const likedTemplateName = 'liked@1';

/** Sections of a prompt, in their order; `liked` is last and always there. */
export const sections = ['disliked', 'watched', 'liked'] as const;
export type Section = (typeof sections)[number];
const headings: Record<Section, string> = {
  disliked: 'Disliked:',
  watched: '\nWatched:',
  liked: '\nLiked:',
};

/** Item indices by section, each in the order of the text. */
export type Taste = Record<Section, readonly number[]>;

/** The template in the tokens of one tokenizer, numbered anew from 0. */
export class LikedTemplate {
  readonly tokenizer: Gpt2Tokenizer;
  /** The tokenizer's id of each token in use, ascending. */
  readonly vocabulary: Int32Array;
  /** Movies of the catalogue that have a title, ascending. */
  readonly items: Int32Array;
  readonly #titles = new Map<number, readonly number[]>();
  readonly #headings: Record<Section, readonly number[]>;

  constructor(tokenizer: Gpt2Tokenizer, { movies, catalogue }: Pick<TrainingSet, 'movies' | 'catalogue'>) {
    this.tokenizer = tokenizer;
    this.items = catalogue.filter((item) => movies.titles[item] !== '');
    const [end] = tokenizer.encode(';');
    const names = shortTitles(movies.titles, this.items);
    const titles = new Map(
      Array.from(this.items, (item) => [item, [...tokenizer.encode(` ${names.get(item)!}`), end!]]),
    );
    const heads = sections.map((section) => tokenizer.encode(headings[section]));
    const used = new Set([...[...titles.values()].flat(), ...heads.flat()]);
    this.vocabulary = Int32Array.from(used).sort();
    const numberOf = new Map(Array.from(this.vocabulary, (token, n) => [token, n]));
    const renumber = (tokens: readonly number[]) => tokens.map((token) => numberOf.get(token)!);
    for (const [item, tokens] of titles) this.#titles.set(item, renumber(tokens));
    this.#headings = {
      disliked: renumber(heads[0]!),
      watched: renumber(heads[1]!),
      liked: renumber(heads[2]!),
    };
  }

  /** A title up to the semicolon that ends it. */
  title(item: number): readonly number[] {
    return this.#titles.get(item)!;
  }

  /** Sections that hold nothing are left out, the liked one never. */
  prompt(taste: Taste): number[] {
    return sections.flatMap((section) =>
      taste[section].length === 0 && section !== 'liked'
        ? []
        : [...this.#headings[section], ...taste[section].flatMap((item) => this.title(item))],
    );
  }

  /** Tokens of all headings. */
  get headingLength(): number {
    return sections.reduce((sum, section) => sum + this.#headings[section].length, 0);
  }

  decode(tokens: readonly number[]): string {
    return this.tokenizer.decode(tokens.map((token) => this.vocabulary[token]!)).trim();
  }
}

/** Each item's name without year and other names; the natural title where two movies share the name. */
function shortTitles(titles: readonly string[], items: Int32Array): Map<number, string> {
  const names = new Map(
    Array.from(items, (item) => [item, restoreArticle(splitNames(splitYear(titles[item]!).name)[0]!)]),
  );
  const counts = new Map<string, number>();
  for (const name of names.values()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map(
    [...names].map(([item, name]) => [item, counts.get(name) === 1 ? name : toNaturalTitle(titles[item]!)]),
  );
}
