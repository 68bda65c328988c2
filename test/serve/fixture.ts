/** A server over small models of every kind, with records and a hostile title. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { protocolSchema } from '../../src/experiment/protocol.ts';
import { runExperiment } from '../../src/experiment/run.ts';
import { saveRecord } from '../../src/experiment/store.ts';
import { languageRecordSchema, recordSchema } from '../../src/experiment/record.ts';
import { specOf } from '../../src/models/registry.ts';
import { openServer, type ServeOptions } from '../../src/serve/index.ts';
import { fitAndSave, saverOfModels } from '../../src/use/fit.ts';
import { fitSchema } from '../../src/use/fit-options.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { smallFolder } from '../support/cli.ts';

export const hostile = `<script>document.title = 'owned'</script><img src=x onerror="document.title = 'owned'"> (1999)`;
const context = { progress: silentProgress, signal: new AbortController().signal, threads: 1 };

export interface Fixture {
  folder: string;
  options: ServeOptions;
  remove(): Promise<void>;
}

/** Models `mf` and `popularity-count` of a split, `ease` of all ratings, `ease-clicks` of equal ones, `mf-bpr`, which takes no new people. */
export async function servedFolder(): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-serve-'));
  const small = await smallFolder();
  const data = join(folder, 'data');
  await cp(small, data, { recursive: true });
  await rm(small, { recursive: true });
  const movies = await readFile(join(data, 'movies.csv'), 'utf8');
  await writeFile(
    join(data, 'movies.csv'),
    movies.replace(/^1,"[^\n]*"/m, `1,"${hostile.replaceAll('"', '""')}"`),
  );
  const models = join(folder, 'models');
  const results = join(folder, 'results');
  const protocol = protocolSchema.parse({});
  const names = ['mf', 'popularity-count'];
  const { record } = await runExperiment(
    { experiment: 'baseline', data: { dataset: data }, protocol, models: names.map((name) => specOf(name)) },
    { ...context, onFitted: saverOfModels(models) },
  );
  for (const [name, model] of [
    ['ease', specOf('ease')],
    ['mf-bpr', specOf('mf-bpr')],
  ] as const) {
    await fitAndSave(join(models, name), model, { dataset: data }, fitSchema.parse({}), context);
  }
  const clicks = { dataset: data, binarize: 4 };
  await fitAndSave(join(models, 'ease-clicks'), specOf('ease'), clicks, fitSchema.parse({}), context);
  await saveRecord(join(results, 'baseline_metrics.json'), recordSchema, record);
  await saveRecord(join(results, 'gpt2.json'), languageRecordSchema, languageRecord(record));
  const options = { models: [models], dataset: data, resultsDir: results, host: '127.0.0.1', port: 0 };
  return { folder, options, remove: () => rm(folder, { recursive: true }) };
}

/** A recorded answer to user 3 that names the hostile movie first, with a hostile reason. */
function languageRecord(record: Awaited<ReturnType<typeof runExperiment>>['record']) {
  const [mf] = record.models;
  return {
    ...record,
    experiment: 'gpt2',
    models: [
      { ...mf!, name: 'gpt2', model: 'gpt2', perUser: { userIds: [3], relevant: [2], hitRanks: [[1]] } },
    ],
    language: {
      template: 'a test',
      shares: {},
      truncatedHistories: 0,
      details: {},
      users: [
        {
          userId: 3,
          history: '',
          state: 'answered',
          reply: '',
          recommendations: [
            {
              rank: 1,
              text: hostile,
              movieId: 1,
              title: hostile,
              reason: `you like ${hostile}`,
              match: 'exact',
            },
          ],
        },
      ],
    },
  };
}

export async function serve({ options }: Fixture) {
  return (await openServer(options, context)).listening;
}
