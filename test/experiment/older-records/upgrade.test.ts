import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readRecords } from '../../../src/experiment/compare/files.ts';
import { anyRecordSchema } from '../../../src/experiment/record.ts';
import { readRecord } from '../../../src/experiment/store.ts';
import { upgradeRecord } from '../../../src/experiment/older-records/upgrade.ts';

// Cut from results/gpt2_recommendations.json as version 0.1.0 wrote it: two of its users, two of its models.
const path = 'test/fixtures/record-v1.json';

test('a record of schema version 1 is read as one of version 2, with nothing lost', async () => {
  const before = JSON.parse(await readFile(path, 'utf8')) as {
    schemaVersion: number;
    models: { hyperparameters: object }[];
    language: { historiesCut: number; users: unknown[] };
  };
  expect(before.schemaVersion).toBe(1);
  const record = await readRecord(path, anyRecordSchema);
  expect(record.schemaVersion).toBe(2);
  expect(record.language!.truncatedHistories).toBe(before.language.historiesCut);
  expect(record.language!.users).toEqual(before.language.users);
  expect(record.models[0]!.hyperparameters).toEqual({ gpu: false, ...before.models[0]!.hyperparameters });
  expect(record.models[1]).toEqual(before.models[1]);
});

test('a record of version 1 can be compared with others', async () => {
  const [file] = await readRecords([path], 'nowhere');
  expect(file!.record.models.map(({ name }) => name)).toEqual(['gpt2', 'mf']);
});

test('a record of the present version and what is no record are left alone', async () => {
  const record = await readRecord(path, anyRecordSchema);
  expect(upgradeRecord(record)).toBe(record);
  const comparison = { schemaVersion: 1, experiment: 'comparison' };
  expect(upgradeRecord(comparison)).toBe(comparison);
});

test('a record of a version yet to come is refused', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'recsys-')), 'r.json');
  await writeFile(file, JSON.stringify({ ...(await readRecord(path, anyRecordSchema)), schemaVersion: 3 }));
  await expect(readRecord(file, anyRecordSchema)).rejects.toThrow(/schemaVersion: .*version 2 or earlier/);
});
