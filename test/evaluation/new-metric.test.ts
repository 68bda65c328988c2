/** What it takes to add a metric: one entry in the table. Here two are added, and nothing else is touched. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { compare } from '../../src/experiment/compare/index.ts';
import { comparisonSchema } from '../../src/experiment/compare/record.ts';
import { dataSchema, protocolSchema } from '../../src/experiment/protocol.ts';
import { recordSchema, type ResultsRecord } from '../../src/experiment/record.ts';
import { runExperiment } from '../../src/experiment/run.ts';
import { readRecord, saveRecord } from '../../src/experiment/store.ts';
import type { CatalogueMetricEntry, UserMetricEntry } from '../../src/evaluation/metric-table.ts';
import { specOf } from '../../src/models/registry.ts';
import { comparePage } from '../../src/report/compare/page.ts';
import { recordTable } from '../../src/report/record-table.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { smallFolder } from '../support/cli.ts';

/** Before the imports, as `vi.mock` is. */
const added = vi.hoisted(() => {
  /** R-precision: hits among the first |R| places, over |R|; here with R at most k. */
  const rPrecision: UserMetricEntry = {
    kind: 'user',
    title: 'R-precision',
    meaning: 'Precision among as many places as there are relevant movies.',
    format: 'score',
    best: 'highest',
    column: 'main',
    perUser: ({ relevant, hits, ranks, start, k }) => {
      const places = Math.min(relevant, k);
      return ranks.subarray(start, start + hits).filter((rank) => rank <= places).length / places;
    },
  };
  /** The number of movies that are in some list. */
  const recommended: CatalogueMetricEntry = {
    kind: 'catalogue',
    title: 'recommended movies',
    meaning: 'Movies that are in at least one list.',
    format: 'score',
    best: 'highest',
    column: 'more',
    ofExposures: (exposures) => exposures.filter((lists) => lists > 0).length,
  };
  return { rPrecision, recommended };
});

vi.mock('../../src/evaluation/metric-table.ts', async (importOriginal) => {
  const original = await importOriginal<{ metrics: object }>();
  return { ...original, metrics: { ...original.metrics, ...added } };
});

const context = { progress: silentProgress, signal: new AbortController().signal, threads: 1 };
let folder: string;
let record: ResultsRecord;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recsys-metric-'));
  const outcome = await runExperiment(
    {
      experiment: 'baseline',
      data: dataSchema.parse({ dataset: await smallFolder() }),
      protocol: protocolSchema.parse({}),
      models: [specOf('popularity'), specOf('popularity-count')],
    },
    context,
  );
  record = outcome.record;
  await saveRecord(join(folder, 'baseline_metrics.json'), recordSchema, record);
});

const valuesOf = (from: ResultsRecord) => from.models[0]!.metrics['10'] as unknown as Record<string, unknown>;

describe('a metric that is one entry of the table', () => {
  it('is in the record, with an interval where it is a mean over users', async () => {
    const read = await readRecord(join(folder, 'baseline_metrics.json'), recordSchema);
    expect(valuesOf(read)['rPrecision']).toMatchObject({ mean: expect.any(Number), ci95: expect.any(Array) });
    expect(valuesOf(read)['recommended']).toBeGreaterThanOrEqual(10);
  });

  it('has a column in the terminal where the entry asks for one', () => {
    const text = recordTable(record);
    expect(text).toMatch(/k = 10 .*R-precision/);
    expect(text).toMatch(/Also in the record: [^]*recommended\s+movies\./);
  });

  it('is in the comparison, its file and its page', async () => {
    const found = await compare({ files: [], resultsDir: folder }, context);
    const [model] = comparisonSchema.parse(JSON.parse(JSON.stringify(found))).models;
    expect(model!.metrics['10']).toHaveProperty('rPrecision.mean');
    expect(model!.lists).toHaveProperty('recommended');
    const page = await comparePage(found, 'recsys compare');
    expect(page).toContain('R-precision');
    expect(page).toContain('recommended movies');
  });

  it('is computed for a record that is older than it, to the digit, where hit ranks tell it', async () => {
    const older = JSON.parse(await readFile(join(folder, 'baseline_metrics.json'), 'utf8')) as ResultsRecord;
    delete (older as { checksum?: string }).checksum; // of the record before this test changed it
    for (const { metrics } of older.models) {
      const values = metrics['10'] as unknown as Record<string, unknown>;
      delete values['rPrecision'];
      delete values['recommended'];
    }
    const path = join(folder, 'older.json');
    await writeFile(path, JSON.stringify(older));
    const read = await readRecord(path, recordSchema);
    expect(valuesOf(read)['rPrecision']).toEqual(valuesOf(record)['rPrecision']);
    expect(valuesOf(read)['recommended']).toBeUndefined();
  });
});
