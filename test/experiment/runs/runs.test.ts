import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import { recordSchema } from '../../../src/experiment/record.ts';
import { listRuns, type Run } from '../../../src/experiment/runs/list.ts';
import { exportToMlflow } from '../../../src/experiment/runs/mlflow.ts';
import { differingKeys, filterRuns, sortRuns } from '../../../src/experiment/runs/select.ts';
import { saveRecord } from '../../../src/experiment/store.ts';
import { differencesTable, runsTable } from '../../../src/report/runs/table.ts';
import { recordOf } from '../../support/records.ts';

/** Two users with 4 relevant movies: ten places hit once and twice give precision 0.1 and 0.2. */
const once = [[1], [2]];
const twice = [
  [1, 2],
  [1, 3],
];

let folder: string;
let runs: Run[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recsys-runs-'));
  const wide = recordOf({ mf: twice, popularity: once }, { seed: 42 });
  wide.models[0]!.hyperparameters = { factors: 128, features: [] };
  const narrow = recordOf({ mf: once }, { seed: 7 });
  narrow.models[0]!.hyperparameters = { factors: 8, features: ['genres'] };
  narrow.environment.date = '2026-02-02T00:00:00.000Z';
  await saveRecord(join(folder, 'narrow.json'), recordSchema, narrow);
  await saveRecord(join(folder, 'wide.json'), recordSchema, wide);
  await writeFile(join(folder, 'other.json'), '{"a": 1}');
  await writeFile(
    join(folder, 'broken.json'),
    '{"experiment": "x", "protocol": {}, "models": [], "checksum": "0"}',
  );
  await mkdir(join(folder, 'older'));
  await saveRecord(join(folder, 'older', 'before.json'), recordSchema, recordOf({ ease: once }));
  ({ runs } = await listRuns([], folder));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const namesOf = (list: readonly Run[]) => list.map(({ name }) => name);

test('every model of every record is a run, and equal names are told apart by what differs', () => {
  expect(namesOf(runs)).toEqual([
    'mf (factors 8, features ["genres"])',
    'mf (factors 128, features [])',
    'popularity',
  ]);
});

test('a damaged record is left out with a note, and thrown when it was named', async () => {
  const { notes } = await listRuns([], folder);
  expect(notes).toHaveLength(1);
  expect(notes[0]).toContain('broken.json');
  await expect(listRuns([join(folder, 'broken.json')], folder)).rejects.toThrow('broken.json');
});

test('records that later runs have replaced are listed when they are asked for', async () => {
  const { runs } = await listRuns([], folder, true);
  expect(runs.map(({ file }) => file)).toContain(join('older', 'before.json'));
});

describe('filters', () => {
  it.each([
    [['model=mf'], 2],
    [['model!=mf'], 1],
    [['factors>=64'], 1],
    [['factors<64', 'precision>0.15'], 0],
    [['features=genres'], 1],
    [['seed=42'], 2],
  ])('%j leaves %i runs', (conditions, count) => {
    expect(filterRuns(runs, conditions)).toHaveLength(count);
  });

  it('refuses an unknown name, with the nearest, and what is no condition', () => {
    expect(() => filterRuns(runs, ['factor=1'])).toThrow("Did you mean 'factors'?");
    expect(() => filterRuns(runs, ['factors'])).toThrow('NAME=VALUE');
  });
});

test('numbers and dates are sorted highest first, and runs without the value come last', () => {
  expect(sortRuns(runs, 'factors').map(({ values }) => values['factors'])).toEqual([128, 8, undefined]);
  expect(sortRuns(runs, 'factors', true).map(({ values }) => values['factors'])).toEqual([8, 128, undefined]);
  expect(sortRuns(runs, 'date')[0]!.values['seed']).toBe(7);
});

test('what differs between two runs is their settings and scores, and nothing that is equal', () => {
  const two = filterRuns(runs, ['model=mf']);
  const keys = differingKeys(two);
  expect(keys).toEqual(expect.arrayContaining(['seed', 'factors', 'features', 'precision']));
  expect(keys).not.toContain('split');
  expect(differencesTable(two, 'csv')).toContain('factors,8,128\n');
});

test('tables are Markdown, LaTeX with escapes, and CSV with every digit', () => {
  const [run] = filterRuns(runs, ['factors=128']);
  const columns = ['model', 'dataset', 'precision'];
  const renamed = { ...run!, values: { ...run!.values, dataset: 'a_b|c & 50%' } };
  expect(runsTable([renamed], columns, 'markdown')).toBe(
    '| model | dataset | precision |\n| --- | --- | ---: |\n| mf | a_b\\|c & 50% | 0.2000 |\n',
  );
  expect(runsTable([renamed], columns, 'latex')).toContain('  mf & a\\_b|c \\& 50\\% & 0.2000 \\\\\n');
  expect(runsTable([renamed], columns, 'csv')).toBe('model,dataset,precision\nmf,a_b|c & 50%,0.2\n');
});

test('an export to MLflow has the files of its store, with the same ids when it is repeated', async () => {
  const target = join(folder, 'mlruns');
  await exportToMlflow(runs, target);
  const before = await readdir(target, { recursive: true });
  await exportToMlflow(runs, target);
  expect((await readdir(target, { recursive: true })).sort()).toEqual(before.sort());
  const [experiment] = await readdir(target);
  expect(experiment).toMatch(/^\d{18}$/);
  const meta = parse(await readFile(join(target, experiment!, 'meta.yaml'), 'utf8')) as object;
  expect(meta).toMatchObject({
    experiment_id: experiment,
    lifecycle_stage: 'active',
    name: 'made by a test',
  });
  const ids = (await readdir(join(target, experiment!))).filter((name) => name !== 'meta.yaml');
  expect(ids).toHaveLength(3);
  const files = await Promise.all(
    ids.map(async (id) => ({
      precision: await readFile(join(target, experiment!, id, 'metrics', 'precision_at_10'), 'utf8'),
      factors: await readFile(join(target, experiment!, id, 'params', 'factors'), 'utf8').catch(() => ''),
    })),
  );
  expect(files).toContainEqual({
    precision: `${Date.parse('2026-01-01T00:00:00Z')} 0.2 0\n`,
    factors: '128',
  });
});
