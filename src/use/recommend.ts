/** Lists with titles and reasons from a saved model: for its users and for a new person. */
import type { Csr } from '../data/csr.ts';
import { REFERENCE_STARS } from '../data/rating-levels.ts';
import { splitYear } from '../data/titles.ts';
import { nameMovie } from '../language/titles.ts';
import type { Selection, UsableModel } from '../models/saved.ts';
import { itemsOfRow } from '../models/top-k.ts';
import { UsageError } from '../util/errors.ts';
import { ratingsFor, rowsOfHistories, type History } from './history.ts';
import type { SavedModel } from './saved-model.ts';

export interface Recommendation {
  rank: number;
  movieId: number | string;
  /** As people write it, without the year: "The Matrix". */
  title: string;
  year: number | null;
  genres: string[];
  score: number;
  /** Why, strongest first: movies that the person liked, or features such as "genres:Drama". */
  why: { because: string; weight: number }[];
}

/** Most reasons given for a recommendation. */
const MAX_REASONS = 3;
/** Most movies that a message names. */
const MAX_NAMED = 5;

/** The user index of a released id. Throws UsageError for an unknown one, with what to do. */
export function userIndex(
  { train, manifest }: Pick<SavedModel, 'train' | 'manifest'>,
  id: number | string,
): number {
  const { userIds } = train;
  const user = Array.from<number | string>(userIds).findIndex((own) => String(own) === String(id));
  if (user >= 0) return user;
  throw new UsageError({
    place: '--user',
    found: `no user ${id} among the ${userIds.length} of ${manifest.dataset.name} (ids ${userIds[0]} to ${userIds.at(-1)})`,
    remedy: 'For a person who is not in the data, give --ratings FILE or --like "Heat (1995)".',
  });
}

/** Lists of user indices of `model`, which is the saved model or one that people were folded into. */
export async function recommendTo(
  saved: Pick<SavedModel, 'train'>,
  model: UsableModel,
  users: readonly number[],
  k: number,
  selection: Selection,
): Promise<Recommendation[][]> {
  const lists = await model.recommend(Int32Array.from(users), k, selection);
  return users.map((user, row) => {
    const own = itemsOfRow(lists, row);
    const reasons = model.explain?.(user, own, MAX_REASONS) ?? [];
    return Array.from(own, (item, n) => ({
      rank: n + 1,
      ...describeMovie(saved.train, item),
      score: lists.scores[row * lists.k + n]!,
      why: (reasons[n] ?? []).map(({ because, weight }) => ({
        because: typeof because === 'number' ? nameMovie(saved.train, because) : because,
        weight,
      })),
    }));
  });
}

/** Id, title, year and genres of an item, as lists show them. */
export function describeMovie(
  { itemIds, movies }: Pick<SavedModel['train'], 'itemIds' | 'movies'>,
  item: number,
) {
  const { name, year } = splitYear(nameMovie({ itemIds, movies }, item));
  return {
    movieId: itemIds[item]!,
    title: name,
    year: movies.years[item] || year || null,
    genres: movies.genres[item]!,
  };
}

/** A model with one person, as user 0. */
export interface ModelForPerson {
  model: UsableModel;
  /** Titles of the person's movies that the model does not know, which count for nothing. */
  unknown: string[];
  /** Items to leave out of the list: the person did not like them, which the model cannot be told. See `ratingsFor`. */
  notLiked: number[];
}

/**
 * Throws UsageError where the model knows none of the movies, where it can be told of none, and as `foldIn` does.
 */
export async function withPerson(saved: SavedModel, history: History): Promise<ModelForPerson> {
  const { train, model, manifest } = saved;
  const { told, notLiked } = ratingsFor(train, history);
  if (told.size === 0 && notLiked.length > 0) {
    throw new UsageError({
      place: manifest.name,
      found: `no liked movie, and the ratings that it was fitted on are all equal: they say "liked" and nothing else`,
      wanted: `a movie that is liked, or has ${REFERENCE_STARS} stars or more`,
    });
  }
  const known = model.items && new Set(model.items);
  const unknown = [...told.keys()].filter((item) => known && !known.has(item));
  const titles = unknown.map((item) => nameMovie(train, item));
  if (unknown.length > 0 && unknown.length === told.size) {
    throw new UsageError({
      place: manifest.name,
      found: `none of the rated movies is among the ${known?.size} that the model knows: ${titles.slice(0, MAX_NAMED).join(', ')}`,
      wanted: 'a rating of a movie that it knows',
      remedy: 'Rate others, or ask another model.',
    });
  }
  const folded = await foldIn(saved, rowsOfHistories([told], train.itemCount));
  return { model: folded, unknown: titles, notLiked };
}

/** The model for people who are not in the data. Throws UsageError for a model that would have to be trained again. */
async function foldIn({ model, manifest }: SavedModel, histories: Csr): Promise<UsableModel> {
  if (model.foldIn !== undefined) return await model.foldIn(histories);
  const { solver } = manifest.hyperparameters;
  throw new UsageError({
    place: '--model',
    found: `${manifest.name}${typeof solver === 'string' ? ` by solver ${solver}` : ''} cannot take up a new person`,
    wanted: 'popularity, ease, gpt2, mf by ials or sgd, or fm by ials or pointwise',
    remedy: 'Fit one of those: `recsys fit mf --save DIR`.',
  });
}
