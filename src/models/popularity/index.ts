/** Popularity: one ranking for all users, from which each user's own movies are left out. */
import type { TrainingSet } from '../../data/training-set.ts';
import { mean } from '../../util/arrays.ts';
import { indicesOf } from '../../util/sparse-rows.ts';
import { interruptible } from '../../util/process/signals.ts';
import type { Recommender, SavedState, TopK } from '../recommender.ts';
import { savedArray, type Selection, type UsableModel } from '../saved.ts';
import type { PopularityOptions } from './options.ts';

type Score = (sum: number, count: number, mean: number) => number;

export function createPopularity(options: PopularityOptions): Recommender {
  return {
    name: 'popularity',
    fit: async (train, { signal }) =>
      fitted(await interruptible(signal, () => rank(train, scoreOf(options))), train),
  };
}

/** The fitted model from its saved state. Throws DataError when the state does not fit. */
export async function loadPopularity(
  _options: PopularityOptions,
  state: SavedState,
  train: TrainingSet,
): Promise<UsableModel> {
  const { length } = train.catalogue;
  const items = savedArray(state, 'items', Int32Array, length);
  return fitted({ items, scores: savedArray(state, 'scores', Float32Array, length) }, train);
}

/** The catalogue, best first. */
interface Ranking {
  items: Int32Array;
  scores: Float32Array;
}

type Ratings = Pick<TrainingSet, 'byUser' | 'itemCount'>;

function fitted(ranking: Ranking, train: Ratings): UsableModel {
  return {
    recommend: async (users, k, selection) => firstOf(ranking, train, users, k, selection),
    foldIn: async (histories) => fitted(ranking, { itemCount: train.itemCount, byUser: histories }),
    save: () => ({ ...ranking }),
  };
}

/** `mean` is the mean of all training ratings. Damped mean: (sum + d mean) / (count + d), after Funk 2006. */
function scoreOf({ by, damping }: PopularityOptions): Score {
  const scores: Record<PopularityOptions['by'], Score> = {
    mean: (sum, count) => sum / count,
    count: (_sum, count) => count,
    damped: (sum, count, mean) => (sum + damping * mean) / (count + damping),
  };
  return scores[by];
}

/** The catalogue, best first, equal scores by ascending item index. */
function rank({ byUser, catalogue, itemCount, ratingCounts, ratings }: TrainingSet, score: Score): Ranking {
  const overallMean = mean(ratings.values);
  const sums = new Float64Array(itemCount);
  const { indices, values } = byUser;
  for (let n = 0; n < indices.length; n++) sums[indices[n]!]! += values[n]!;
  const scores = new Float32Array(itemCount);
  for (const item of catalogue) scores[item] = score(sums[item]!, ratingCounts[item]!, overallMean);
  const items = catalogue.toSorted((a, b) => scores[b]! - scores[a]! || a - b);
  return { items, scores: Float32Array.from(items, (item) => scores[item]!) };
}

function firstOf(
  ranking: Ranking,
  { byUser, itemCount }: Ratings,
  users: Int32Array,
  k: number,
  selection?: Selection,
): TopK {
  const items = new Int32Array(users.length * k).fill(-1);
  const scores = new Float32Array(users.length * k);
  const isCandidate = selection && new Uint8Array(itemCount);
  for (const item of selection?.candidates ?? []) isCandidate![item] = 1;
  const seenBy = new Int32Array(itemCount).fill(-1);
  users.forEach((user, row) => {
    if (!selection?.includeSeen) for (const item of indicesOf(byUser, user)) seenBy[item] = user;
    let found = 0;
    for (let rank = 0; rank < ranking.items.length && found < k; rank++) {
      const item = ranking.items[rank]!;
      if (seenBy[item] === user || isCandidate?.[item] === 0) continue;
      items[row * k + found] = item;
      scores[row * k + found] = ranking.scores[rank]!;
      found++;
    }
  });
  return { k, items, scores };
}
