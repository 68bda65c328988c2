/** Lists for users and for people who are not in the data, one computation at a time. */
import pLimit from 'p-limit';
import { leaveOut, selectionOf, type Filters } from '../use/filter.ts';
import { MovieFinder, personScale, type History } from '../use/history.ts';
import { recommendTo, withPerson, type Recommendation } from '../use/recommend.ts';
import { UsageError } from '../util/errors.ts';
import { heldOutHits, type Contents, type ServedModel } from './contents.ts';

export interface ListedMovie extends Recommendation {
  /** Whether the user rated it 4 stars or more and the model did not know; null where nothing was held out. */
  hit: boolean | null;
}

export interface ListOptions {
  k: number;
  filters: Filters;
}

export class Asker {
  readonly #contents: Contents;
  readonly #finder: MovieFinder;
  /** Each computation may take all threads and as much memory as the item factors. */
  readonly #limit = pLimit(1);

  constructor(contents: Contents) {
    this.#contents = contents;
    this.#finder = new MovieFinder(contents.ratings);
  }

  /** The list of a user index. Throws UsageError for filters that leave no movie. */
  async forUser(model: ServedModel, user: number, { k, filters }: ListOptions): Promise<ListedMovie[]> {
    const { saved } = model;
    const list = await this.#limit(() =>
      recommendTo(saved, saved.model, [user], k, selectionOf(saved.train, filters)),
    );
    const hits = heldOutHits(this.#contents, model, user);
    return list[0]!.map((movie) => ({ ...movie, hit: hits ? hits.has(movie.movieId) : null }));
  }

  /** The list of a person with these ratings. Throws UsageError for a model that cannot take up a new person. */
  async forPerson(
    { saved }: ServedModel,
    history: History,
    { k, filters }: ListOptions,
  ): Promise<ListedMovie[]> {
    const list = await this.#limit(async () => {
      const { model, notLiked } = await withPerson(saved, history);
      const selection = leaveOut(selectionOf(saved.train, filters), notLiked);
      return await recommendTo(saved, model, [0], k, selection);
    });
    return list[0]!.map((movie) => ({ ...movie, hit: null }));
  }

  /** Ratings written as "318:5", movie id and stars; of two of a movie the later counts. Throws UsageError. */
  historyOf(
    ratings: readonly string[],
    liked: readonly string[] = [],
    disliked: readonly string[] = [],
  ): History {
    const scale = personScale(this.#contents.ratings);
    const history: History = new Map();
    for (const written of ratings) {
      const at = written.lastIndexOf(':');
      const [id, stars] = [written.slice(0, at), Number(written.slice(at + 1))];
      const item = this.#finder.byId(id);
      if (at < 1 || item === undefined || !(stars >= scale.min && stars <= scale.max)) {
        throw new UsageError({
          place: 'rating',
          found: `'${written}'`,
          wanted: `the id of a movie and ${scale.min} to ${scale.max} stars, such as ${this.#contents.ratings.itemIds[0]}:${scale.max}`,
        });
      }
      history.set(item, stars);
    }
    for (const title of liked) history.set(this.#finder.find(title, 'like'), scale.max);
    for (const title of disliked) history.set(this.#finder.find(title, 'dislike'), scale.min);
    return history;
  }
}
