import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
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
    expect(await readRecord(path, recordSchema)).toMatchObject(record);
  });

  it('leaves a record alone that says the same, and keeps another one beside the new one', async () => {
    const folder = await temporary();
    const path = join(folder, 'record.json');
    const record = recordOf({ mf: [[1]] });
    await saveRecord(path, recordSchema, record);
    const first = await readFile(path, 'utf8');
    await saveRecord(path, recordSchema, { ...record, timing: { load: 7 } });
    expect(await readFile(path, 'utf8')).toBe(first);
    const [kept] = await saveRecord(path, recordSchema, recordOf({ mf: [[2]] }));
    const [older] = await readdir(join(folder, 'older'));
    expect(kept).toBe(`kept the record before it as ${join(folder, 'older', older!)}`);
    expect(await readFile(join(folder, 'older', older!), 'utf8')).toBe(first);
    expect(await readFile(path, 'utf8')).not.toBe(first);
  });

  it('keeps the values of more than 10,000 users in a compressed file, which a replaced record finds as well', async () => {
    const folder = await temporary();
    const path = join(folder, 'record.json');
    const many = (rank: number) => recordOf({ mf: Array.from({ length: 10_001 }, () => [rank]) });
    await saveRecord(path, recordSchema, many(1));
    const text = await readFile(path, 'utf8');
    expect(text).not.toContain('hitRanks');
    expect(text.length).toBeLessThan(10_000);
    expect(await readRecord(path, recordSchema)).toMatchObject(many(1));
    expect(await saveRecord(path, recordSchema, many(1))).toEqual([
      `${path} holds the same numbers and stays`,
    ]);

    await saveRecord(path, recordSchema, many(2));
    const [older] = await readdir(join(folder, 'older'));
    expect(await readRecord(join(folder, 'older', older!), recordSchema)).toMatchObject(many(1));
    expect(await readRecord(path, recordSchema)).toMatchObject(many(2));
  });

  it('refuses values per user that are missing, damaged, or those of another record', async () => {
    const folder = await temporary();
    const many = (rank: number) => recordOf({ mf: Array.from({ length: 10_001 }, () => [rank]) });
    const [one, two] = [join(folder, 'one.json'), join(folder, 'two.json')];
    await saveRecord(one, recordSchema, many(1));
    const first = await readdir(join(folder, 'per-user'));
    await saveRecord(two, recordSchema, many(2));
    const second = (await readdir(join(folder, 'per-user'))).find((name) => !first.includes(name))!;
    const values = (name: string) => join(folder, 'per-user', name);
    const whole = await readFile(values(first[0]!));
    await writeFile(values(second), whole);
    await expect(readRecord(two, recordSchema)).rejects.toThrow(/SHA-256 .*changed or damaged.*two[.]json/s);
    await writeFile(values(second), whole.subarray(0, 100));
    await expect(readRecord(two, recordSchema)).rejects.toThrow(/no gzip file/);
    await rm(values(second));
    await expect(readRecord(two, recordSchema)).rejects.toThrow(
      /no such file.*values per user of .*two[.]json/s,
    );
  });

  it('refuses a record that was changed after it was saved', async () => {
    const path = join(await temporary(), 'record.json');
    await saveRecord(path, recordSchema, recordOf({ mf: [[1]] }));
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"mf"', '"mg"'));
    await expect(readRecord(path, recordSchema)).rejects.toThrow(
      /record.json: SHA-256 .* changed or damaged/,
    );
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
      /r\.json: no such file, expected a results record/,
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
