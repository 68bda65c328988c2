import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordSchema } from '../../src/experiment/record.ts';
import { readRecord, saveRecord } from '../../src/experiment/store.ts';
import { recordOf } from '../support/records.ts';

const temporary = () => mkdtemp(join(tmpdir(), 'recsys-'));

describe('the results store', () => {
  it('reads back what it wrote, at full precision', async () => {
    const path = join(await temporary(), 'record.json');
    const record = recordOf({ mf: [[1, 3], [], [2]] });
    record.timing['mf.fit'] = 0.1 + 0.2;
    await saveRecord(path, recordSchema, record);
    expect(await readRecord(path, recordSchema)).toEqual(record);
  });

  it('refuses NaN, naming file and field, and writes nothing', async () => {
    const folder = await temporary();
    const record = recordOf({ mf: [[1]] });
    record.models[0]!.metrics['10']!.precision.mean = NaN;
    await expect(saveRecord(join(folder, 'r.json'), recordSchema, record)).rejects.toThrow(
      /r\.json: models\.0\.metrics\.10\.precision\.mean: .*NaN/,
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it('says what is wrong with a file that is no record', async () => {
    const path = join(await temporary(), 'r.json');
    await expect(readRecord(path, recordSchema)).rejects.toThrow(
      /r\.json: no such record, expected a results record/,
    );
    await writeFile(path, '{"schemaVersion": 1,');
    await expect(readRecord(path, recordSchema)).rejects.toThrow(
      /r\.json: not JSON, expected a results record/,
    );
    await writeFile(path, JSON.stringify({ ...recordOf({ mf: [[1]] }), schemaVersion: 99 }));
    await expect(readRecord(path, recordSchema)).rejects.toThrow(
      /r\.json: schemaVersion: .*version 2 or earlier/,
    );
  });

  it('keeps the committed JSON Schema in step with the zod schema', async () => {
    const { z } = await import('zod');
    const { languageRecordSchema } = await import('../../src/experiment/record.ts');
    const committed: unknown = JSON.parse(await readFile('results/record.schema.json', 'utf8'));
    expect(committed).toEqual(z.toJSONSchema(languageRecordSchema.partial({ language: true })));
  });
});
