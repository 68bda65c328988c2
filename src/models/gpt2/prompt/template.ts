/**
 * How GPT-2 is asked and how it answers: a text to be continued, unlike the messages of chat models.
 *
 *     User 425 has watched Trainspotting (1996), rated 5.0/5, ... .
 *     Recommendations:
 *     1. The Matrix (1999) - You rate Action and Sci-Fi highly.
 *     2. ...
 *
 * Texts are put into tokens piece by piece, the same pieces in training and in generation, so that what is forced
 * while generating is what was learned.
 */
import type { TrainingSet } from '../../../data/training-set.ts';
import type { History } from '../../../language/history.ts';
import { toNaturalTitle } from '../../../language/titles.ts';
import type { ListForm } from '../decoding/list-constraint.ts';
import type { Gpt2Tokenizer } from '../../../huggingface/tokenizer.ts';
import { buildTrie, type Trie } from '../decoding/trie.ts';

/** Name and version that records keep: change the words, raise the version. */
export const templateName = 'completion@1';

/** Tokens that an entry of the list takes, with room: ten for a title, eleven for a reason, three around them. */
export const TOKENS_PER_ENTRY = 24;
/** The longest reason by our rule has 16 tokens ("Something new for you: Film-Noir and Sci-Fi."). */
const LONGEST_REASON = 16;
/** Number, title and the shortest reason: what later entries are left when a reason goes on. */
const SHORTEST_ENTRY = 13;

/** The template in the tokens of one tokenizer. */
export class Wording {
  readonly tokenizer: Gpt2Tokenizer;
  readonly #train: Pick<TrainingSet, 'movies' | 'catalogue'>;
  readonly #titles = new Map<number, readonly number[]>();
  readonly #pieces = new Map<string, readonly number[]>();
  readonly #newline: number;

  constructor(tokenizer: Gpt2Tokenizer, train: Pick<TrainingSet, 'movies' | 'catalogue'>) {
    this.tokenizer = tokenizer;
    this.#train = train;
    this.#newline = tokenizer.encode('\n')[0]!;
  }

  /**
   * Everything before the first entry. A history is put into tokens movie by movie and each movie once: GPT-2 never
   * joins a digit and a comma, so a text cut between them has the same tokens.
   */
  prompt(history: Pick<History, 'text'>): number[] {
    return `${history.text}\nRecommendations:\n`
      .split(/(?<=\d)(?=,)/u)
      .flatMap((piece) => this.#encodePiece(piece));
  }

  #encodePiece(piece: string): readonly number[] {
    let tokens = this.#pieces.get(piece);
    if (tokens === undefined) this.#pieces.set(piece, (tokens = this.tokenizer.encode(piece)));
    return tokens;
  }

  /** The list of `items` with reasons, and the token that ends a text. */
  answer(items: readonly number[], favourites: readonly string[]): number[] {
    const entries = items.flatMap((item, index) => this.entry(index, item, favourites));
    return [...entries, this.tokenizer.endOfText];
  }

  /** Entry `index`, 0-based: number, title, dash, reason, newline. */
  entry(index: number, item: number, favourites: readonly string[]): number[] {
    const reason = this.tokenizer.encode(` ${reasonFor(this.#train.movies.genres[item]!, favourites)}`);
    return [...this.lead(index), ...this.title(item), ...reason, this.#newline];
  }

  /** The parts of a line that `entry` could have written. */
  readEntry(line: string, index: number, item: number): { title: string; reason: string } {
    const title = toNaturalTitle(this.#train.movies.titles[item]!);
    return { title, reason: line.slice(`${index + 1}. ${title} -`.length).trim() };
  }

  lead(index: number): number[] {
    return this.tokenizer.encode(`${index + 1}.`);
  }

  /** A title in natural form up to its dash, which ends it: no other title goes on with " -". */
  title(item: number): readonly number[] {
    let tokens = this.#titles.get(item);
    if (tokens === undefined) {
      tokens = this.tokenizer.encode(` ${toNaturalTitle(this.#train.movies.titles[item]!)} -`);
      this.#titles.set(item, tokens);
    }
    return tokens;
  }

  /** All titles that may be recommended. Movies without a title cannot be written. */
  trie(): Trie {
    const items = this.#train.catalogue.filter((item) => this.#train.movies.titles[item] !== '');
    return buildTrie(
      items,
      Array.from(items, (item) => this.title(item)),
    );
  }

  /** The form of a constrained list of `length` entries, `maxTokens` long at most. */
  form(length: number, maxTokens: number): ListForm {
    const leads = Array.from({ length }, (_, index) => this.lead(index));
    return {
      length,
      maxTokens,
      before: (index) => leads[index]!,
      reason: { end: this.#newline, maxTokens: LONGEST_REASON },
      reserve: SHORTEST_ENTRY,
    };
  }
}

/** Why a movie: what it shares with the user's favourite genres. */
export function reasonFor(genres: readonly string[], favourites: readonly string[]): string {
  const shared = favourites.filter((genre) => genres.includes(genre)).slice(0, 2);
  if (shared.length > 0) return `You rate ${shared.join(' and ')} highly.`;
  return genres.length > 0
    ? `Something new for you: ${genres.slice(0, 2).join(' and ')}.`
    : 'It fits what you like.';
}
