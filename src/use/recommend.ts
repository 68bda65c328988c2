/** Lists with titles and reasons from a saved model: for its users and for a new person. */
import type { Csr } from '../data/csr.ts';
import { splitYear } from '../data/titles.ts';
import { nameMovie } from '../language/titles.ts';
import type { Selection, UsableModel } from '../models/saved.ts';
import { itemsOfRow } from '../models/top-k.ts';
import { UsageError } from '../util/errors.ts';
import { rowsOfHistories, type History } from './history.ts';
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

/**
 * The model with one person, as user 0, and the titles of the person's movies that it does not know, which count for nothing.
 * Throws UsageError where it knows none of them, and as `foldIn` does.
 */
export async function withPerson(
  saved: SavedModel,
  history: History,
): Promise<{ model: UsableModel; unknown: string[] }> {
  const { train, model, manifest } = saved;
  const known = model.items && new Set(model.items);
  const unknown = [...history.keys()].filter((item) => known && !known.has(item));
  const titles = unknown.map((item) => nameMovie(train, item));
  if (unknown.length > 0 && unknown.length === history.size) {
    throw new UsageError({
      place: manifest.name,
      found: `none of the rated movies is among the ${known?.size} that the model knows: ${titles.slice(0, MAX_NAMED).join(', ')}`,
      wanted: 'a rating of a movie that it knows',
      remedy: 'Rate others, or ask another model.',
    });
  }
  return { model: await foldIn(saved, rowsOfHistories([history], train.itemCount)), unknown: titles };
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
