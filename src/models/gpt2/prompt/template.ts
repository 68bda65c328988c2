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
import type { Gpt2Tokenizer } from '../../../huggingface/tokenizer.ts';
import { reasonFor } from './genre-reasons.ts';

/** Name and version that records keep: change the words, raise the version. */
export const templateName = 'completion@1';

/** Tokens reserved for an entry of the list: ten for a title, eleven for a reason, three around them. */
export const TOKENS_PER_ENTRY = 24;
/** The longest reason by our rule has 16 tokens ("Something new for you: Film-Noir and Sci-Fi."). */
export const LONGEST_REASON_TOKENS = 16;
/** Number, title and the shortest reason: tokens that a long reason leaves to each entry after it. */
export const SHORTEST_ENTRY_TOKENS = 13;

/** The template in the tokens of one tokenizer. */
export class PromptTemplate {
  readonly tokenizer: Gpt2Tokenizer;
  readonly #train: Pick<TrainingSet, 'movies' | 'catalogue'>;
  readonly #titles = new Map<number, readonly number[]>();
  readonly #pieces = new Map<string, readonly number[]>();
  /** The token that ends a line. */
  readonly newline: number;

  constructor(tokenizer: Gpt2Tokenizer, train: Pick<TrainingSet, 'movies' | 'catalogue'>) {
    this.tokenizer = tokenizer;
    this.#train = train;
    this.newline = tokenizer.encode('\n')[0]!;
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
    return [...this.listMarker(index), ...this.title(item), ...reason, this.newline];
  }

  /** The parts of a line that `entry` could have written. */
  readEntry(line: string, index: number, item: number): { title: string; reason: string } {
    const title = toNaturalTitle(this.#train.movies.titles[item]!);
    return { title, reason: line.slice(`${index + 1}. ${title} -`.length).trim() };
  }

  /** What stands before the title of entry `index`, 0-based: "1.". */
  listMarker(index: number): number[] {
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

  /** The movies of the training catalogue that have a title. */
  titledItems(): Int32Array {
    const { catalogue, movies } = this.#train;
    return catalogue.filter((item) => movies.titles[item] !== '');
  }
}
