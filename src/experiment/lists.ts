/** Recommendation lists as files: CSV that `recsys evaluate` and other tools read, JSON with titles for people. */
import { z } from 'zod';
import { rowLength } from '../util/sparse-rows.ts';
import { writeFileAtomic } from '../util/files.ts';
import { csvCell } from '../util/process/terminal.ts';
import { idSchema } from './record.ts';
import type { Outcome } from './run.ts';
import type { Lists } from './score.ts';
import { jsonText } from './store.ts';

/** The JSON of `saveLists`. Split and hyper-parameters say which record the lists belong to. */
export const savedListsSchema = z.object({
  splitDigest: z.string().describe('of the protocol of the record'),
  models: z.array(
    z.object({
      name: z.string(),
      hyperparameters: z.record(z.string(), z.unknown()),
      users: z.array(
        z.object({
          userId: idSchema,
          trainRatings: z.int().describe('training ratings of the user'),
          recommendations: z.array(
            z.object({ rank: z.int(), movieId: idSchema, title: z.string(), score: z.number() }),
          ),
        }),
      ),
    }),
  ),
});

export type SavedLists = z.output<typeof savedListsSchema>;

/**
 * Writes `<stem>.<model>.csv` (userId,movieId,rank,score) per model and `<stem>.json` with titles for all of them.
 * Returns the paths written.
 */
export async function saveLists(stem: string, outcome: Outcome): Promise<string[]> {
  const { protocol, models } = outcome.record;
  const paths: string[] = [];
  const readable: SavedLists = { splitDigest: protocol.splitDigest, models: [] };
  for (const { name, hyperparameters } of models) {
    const users = usersOf(outcome, outcome.lists.get(name)!);
    const lines = users.flatMap(({ userId, recommendations }) =>
      recommendations.map(({ movieId, rank, score }) =>
        [userId, movieId, rank, score].map(csvCell).join(','),
      ),
    );
    paths.push(`${stem}.${name}.csv`);
    await writeFileAtomic(paths.at(-1)!, `${['userId,movieId,rank,score', ...lines].join('\n')}\n`);
    readable.models.push({ name, hyperparameters, users });
  }
  paths.push(`${stem}.json`);
  await writeFileAtomic(paths.at(-1)!, jsonText(readable));
  return paths;
}

function usersOf({ prepared }: Outcome, list: Lists): SavedLists['models'][number]['users'] {
  const { userIds, itemIds, movies } = prepared.dataset;
  return Array.from(list.users, (user, row) => ({
    userId: userIds[user]!,
    trainRatings: rowLength(prepared.train.byUser, user),
    recommendations: rowsOf(list, row).map(({ item, rank, score }) => ({
      rank,
      movieId: itemIds[item]!,
      title: movies.titles[item]!,
      score,
    })),
  }));
}

/** One user's list without its padding; ranks count from 1. */
function rowsOf({ k, items, scores }: Lists, row: number): { item: number; rank: number; score: number }[] {
  const [own, values] = [items.subarray(row * k, (row + 1) * k), scores.subarray(row * k, (row + 1) * k)];
  return Array.from(own, (item, n) => ({ item, rank: n + 1, score: values[n]! })).filter(
    ({ item }) => item >= 0,
  );
}
