/** Records that disks, servers and people have changed: refused by file and field, or the same numbers; never a crash. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compare } from '../../src/experiment/compare/index.ts';
import { comparisonSchema } from '../../src/experiment/compare/record.ts';
import { anyRecordSchema, recordSchema, type ResultsRecord } from '../../src/experiment/record.ts';
import { protocolSchema } from '../../src/experiment/protocol.ts';
import { reproducible, reproduce } from '../../src/experiment/reproduce.ts';
import { runExperiment } from '../../src/experiment/run.ts';
import { readRecord, saveRecord } from '../../src/experiment/store.ts';
import { specOf } from '../../src/models/registry.ts';
import { compareReport } from '../../src/report/compare/report.ts';
import { DataError, RecsysError } from '../../src/util/errors.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { Rng } from '../../src/util/rng.ts';
import { smallFolder } from '../support/cli.ts';
import { mutateBytes, mutateJson, mutationRuns } from '../support/mutations.ts';
import { recordOf } from '../support/records.ts';

const context = { progress: silentProgress, signal: new AbortController().signal, threads: 1 };

let folder: string;
let dataset: string;
let record: ResultsRecord;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recsys-damaged-'));
  dataset = await smallFolder();
  const spec = {
    experiment: 'baseline',
    data: { dataset },
    protocol: protocolSchema.parse({ k: [3, 5] }),
    models: [specOf('popularity'), specOf('popularity-count')],
  };
  record = (await runExperiment(spec, context)).record;
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(dataset, { recursive: true });
});

/** What `work` gives; undefined for an error that a person can act on. Any other error fails the test. */
async function outcome<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RecsysError) return undefined;
    throw error;
  }
}

test('a saved record with changed bytes is refused, or says what it said before', async () => {
  const path = join(folder, 'saved.json');
  await saveRecord(path, recordSchema, record);
  const bytes = await readFile(path);
  const before = reproducible(await readRecord(path, anyRecordSchema));
  const rng = new Rng(1);
  for (let n = mutationRuns(300); n > 0; n--) {
    await writeFile(path, mutateBytes(bytes, rng));
    const read = await outcome(() => readRecord(path, anyRecordSchema));
    if (read) expect(reproducible(read)).toEqual(before);
  }
});

test('a record without checksum that is changed is compared or run again, or refused; nothing crashes', async () => {
  const path = join(folder, 'edited.json');
  const rng = new Rng(2);
  for (let n = mutationRuns(150); n > 0; n--) {
    await writeFile(path, JSON.stringify(mutateJson(record, rng)));
    const compared = await outcome(() => compare({ files: [path], resultsDir: folder }, context));
    if (compared) {
      expect(comparisonSchema.safeParse(compared).error).toBeUndefined();
      compareReport(compared);
    }
    await outcome(() => reproduce(path, { ...context, resultsDir: folder }));
  }
});

test.each<[string, RegExp, (record: ResultsRecord) => unknown]>([
  [
    'fewer users than it says',
    /models\.0\.perUser\.relevant: 3 entries, expected one for each of 2 users/,
    (r) => r.models[0]!.perUser.userIds.pop(),
  ],
  ['a user twice', /models\.0\.perUser\.userIds: a user twice/, (r) => (r.models[0]!.perUser.userIds[1] = 1)],
  [
    'nothing relevant for a user',
    /perUser\.relevant\.1: 0, expected at least 1/,
    (r) => (r.models[0]!.perUser.relevant[1] = 0),
  ],
  [
    'more hits than relevant movies',
    /hitRanks\.0: 5 hits, expected at most the 4/,
    (r) => (r.models[0]!.perUser.hitRanks[0] = [1, 2, 3, 4, 5]),
  ],
  [
    'ranks that descend',
    /hitRanks\.0\.1: 1, expected ranks from 1 that ascend/,
    (r) => (r.models[0]!.perUser.hitRanks[0] = [3, 1]),
  ],
  [
    'a mean that its users do not give',
    /metrics\.10\.ndcg\.mean: 0\.9, where the users' hits give 0\.\d+/,
    (r) => (r.models[0]!.metrics['10']!.ndcg.mean = 0.9),
  ],
  ['a negative seed', /protocol\.seed: /, (r) => (r.protocol.seed = -2)],
])('a record with %s is refused by file and field', async (_, message, change) => {
  const path = join(folder, 'wrong.json');
  const wrong = recordOf({ mf: [[1, 3], [2], []] });
  change(wrong);
  await writeFile(path, JSON.stringify(wrong));
  await expect(readRecord(path, anyRecordSchema)).rejects.toThrow(DataError);
  await expect(readRecord(path, anyRecordSchema)).rejects.toThrow(message);
});

test('hyper-parameters that a model does not have are refused by file, model and field', async () => {
  const path = join(folder, 'options.json');
  const [first] = record.models;
  const models = [{ ...first!, hyperparameters: { ...first!.hyperparameters, damping: 'much' } }];
  await writeFile(path, JSON.stringify({ ...record, models }));
  await expect(reproduce(path, { ...context, resultsDir: folder })).rejects.toThrow(
    /options\.json: popularity: damping: .*expected options of popularity/,
  );
});
