import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { comparisonSchema } from '../../src/experiment/compare/record.ts';
import { recsys, smallFolder } from '../support/cli.ts';
import { recordOf } from '../support/records.ts';

let cwd: string;
beforeAll(async () => {
  const dataset = await smallFolder();
  cwd = await mkdtemp(join(tmpdir(), 'recsys-cwd-'));
  await recsys(['baseline', '--dataset', dataset, '--models', 'popularity,mf', '--quiet'], { cwd });
});

describe('recsys compare', () => {
  it('after recsys baseline ranks MF over popularity and writes page and numbers', async () => {
    const { code, stdout, stderr } = await recsys(['compare'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nmf +\*?0\.\d{4}[^]*\npopularity +\*?0\.\d{4}/);
    expect(stdout.replace(/\s+/g, ' ')).toContain('The original work printed, by another protocol');
    expect(stdout).toContain('mf has the highest F1@10');
    expect(stderr).toContain('saved results/comparison.html');
    const numbers = JSON.parse(await readFile(join(cwd, 'results/comparison.json'), 'utf8')) as unknown;
    expect(comparisonSchema.parse(numbers).models.map(({ name }) => name)).toEqual(['mf', 'popularity']);
    expect(await readFile(join(cwd, 'results/comparison.html'), 'utf8')).toContain('Split: ');
  });

  it('says how many users of a record got no list', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recsys-partial-'));
    const record = recordOf({ mf: [[1], []], lists: [[], [1]] });
    record.models[1]!.users.emptyLists = 1;
    await writeFile(join(folder, 'record.json'), JSON.stringify(record));
    const { code, stderr } = await recsys(['compare', 'record.json'], { cwd: folder });
    expect(code).toBe(0);
    expect(stderr).toContain('lists: 1 of 2 users got no list and score 0 in these means.');
    expect(stderr).not.toContain('mf: ');
  });

  it('skips its own comparison.json when run again', async () => {
    const { code, stdout } = await recsys(['compare', '--json', '--quiet'], { cwd });
    expect(code).toBe(0);
    expect(comparisonSchema.parse(JSON.parse(stdout)).files).toEqual(['baseline_metrics.json']);
  });

  it('refuses records with another threshold with exit code 1, naming both files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recsys-mixed-'));
    await mkdir(join(folder, 'results'));
    for (const threshold of [3, 4]) {
      const record = recordOf({ mf: [[1], []] }, { threshold });
      await writeFile(join(folder, 'results', `at-${threshold}.json`), JSON.stringify(record));
    }
    const { code, stdout, stderr } = await recsys(['compare'], { cwd: folder });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('at-3.json and at-4.json: not comparable: other threshold (3 and 4)');
  });

  it('says what to run first where there are no results', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recsys-none-'));
    const { code, stderr } = await recsys(['compare'], { cwd: folder });
    expect(code).toBe(1);
    expect(stderr).toContain('Run `recsys baseline` first');
  });
});
