/** Recommendation lists as files: CSV that `recsys evaluate` and other tools read, JSON with titles for people. */
import { writeFileAtomic } from '../util/files.ts';
import { csvCell } from '../util/process/terminal.ts';
import type { Outcome } from './run.ts';
import type { Lists } from './score.ts';
import { jsonText } from './store.ts';

/**
 * Writes `<stem>.<model>.csv` (userId,movieId,rank,score) per model and `<stem>.json` with titles for all of them.
 * Returns the paths written.
 */
export async function saveLists(stem: string, { prepared, lists }: Outcome): Promise<string[]> {
  const { userIds, itemIds, movies } = prepared.dataset;
  const paths: string[] = [];
  const readable: Record<string, unknown> = {};
  for (const [model, list] of lists) {
    const lines = ['userId,movieId,rank,score'];
    const users = [];
    for (let row = 0; row < list.users.length; row++) {
      const userId = userIds[list.users[row]!]!;
      const recommendations = [];
      for (const { item, rank, score } of rowsOf(list, row)) {
        const movieId = itemIds[item]!;
        lines.push([userId, movieId, rank, score].map(csvCell).join(','));
        recommendations.push({ rank, movieId, title: movies.titles[item]!, score });
      }
      users.push({ userId, recommendations });
    }
    paths.push(`${stem}.${model}.csv`);
    await writeFileAtomic(paths.at(-1)!, `${lines.join('\n')}\n`);
    readable[model] = users;
  }
  paths.push(`${stem}.json`);
  await writeFileAtomic(paths.at(-1)!, jsonText(readable));
  return paths;
}

/** One user's list without its padding; ranks count from 1. */
function* rowsOf(list: Lists, row: number): Generator<{ item: number; rank: number; score: number }> {
  for (let n = 0; n < list.k; n++) {
    const cell = row * list.k + n;
    if (list.items[cell]! < 0) return;
    yield { item: list.items[cell]!, rank: n + 1, score: list.scores[cell]! };
  }
}
