/**
 * Recall as Liang et al. 2018 and Rendle et al. 2021 divide it, by min(k, relevant), of each model of a record; recall in our
 * records divides by all relevant movies. NDCG is defined alike. `npx tsx scripts/capped-recall.ts RECORD` prints a table.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { recordSchema, type PerUser } from '../src/experiment/record.ts';
import { readRecord } from '../src/experiment/store.ts';
import { mean } from '../src/util/arrays.ts';

/** Mean over the users; each has at least one relevant movie. */
export function cappedRecall({ hitRanks, relevant }: PerUser, k: number): number {
  const hits = hitRanks.map((ranks) => ranks.filter((rank) => rank <= k).length);
  return mean(hits.map((found, user) => found / Math.min(k, relevant[user]!)));
}

async function printTable(path: string): Promise<void> {
  const { models, protocol } = await readRecord(path, recordSchema);
  for (const { name, perUser, metrics } of models) {
    const columns = protocol.k.map(
      (k) =>
        `R@${k} ${cappedRecall(perUser, k).toFixed(4)}  NDCG@${k} ${metrics[k]?.ndcg.mean.toFixed(4) ?? '-'}`,
    );
    console.log(`${name}: ${columns.join('  ')}`);
  }
}

const [, script, path] = process.argv;
if (path !== undefined && script !== undefined && resolve(script) === fileURLToPath(import.meta.url)) {
  await printTable(path);
}
