import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { recordSchema } from '../../src/experiment/record.ts';
import { recsys, smallFolder } from '../support/cli.ts';

let dataset: string;
let cwd: string;
beforeAll(async () => {
  dataset = await smallFolder();
  cwd = await mkdtemp(join(tmpdir(), 'recsys-cwd-'));
});

const baseline = (...more: string[]) =>
  recsys(['baseline', '--dataset', dataset, '--models', 'popularity,mf', ...more], { cwd });

describe('recsys baseline', () => {
  it('prints a table, writes the record and says where', async () => {
    const { code, stdout, stderr } = await baseline('--k', '5,10');
    expect(code).toBe(0);
    expect(stdout).toMatch(/popularity +\*?0\.\d{4}/);
    expect(stdout).toMatch(/mf +\*?0\.\d{4}/);
    expect(stderr).toContain('saved results/baseline_metrics.json');
    const record = JSON.parse(await readFile(join(cwd, 'results/baseline_metrics.json'), 'utf8')) as unknown;
    expect(recordSchema.parse(record).models.map(({ name }) => name)).toEqual(['popularity', 'mf']);
  });

  it('prints the record and nothing else on standard output with --json', async () => {
    const { stdout } = await baseline('--json', '--quiet');
    expect(recordSchema.parse(JSON.parse(stdout)).experiment).toBe('baseline');
  });

  it('saves the lists as CSV that `recsys evaluate` reads and as JSON with titles', async () => {
    await baseline('--save-recommendations');
    const files = (await readdir(join(cwd, 'results'))).filter((name) => name.startsWith('baseline_rec'));
    expect(files.sort()).toEqual([
      'baseline_recommendations.json',
      'baseline_recommendations.mf.csv',
      'baseline_recommendations.popularity.csv',
    ]);
    const csv = await readFile(join(cwd, 'results/baseline_recommendations.mf.csv'), 'utf8');
    expect(csv).toMatch(/^userId,movieId,rank,score\n1,\d+,1,/);
    const lists = JSON.parse(await readFile(join(cwd, 'results/baseline_recommendations.json'), 'utf8')) as {
      models: { name: string; users: { recommendations: { title: string }[] }[] }[];
    };
    const mf = lists.models.find(({ name }) => name === 'mf')!;
    expect(mf.users[0]!.recommendations[0]!.title).toMatch(/^Film \d+, The \(\d{4}\)$/);
  });

  it('refuses an unknown model, flag or value with exit code 2 and no stack trace', async () => {
    const unknown = await recsys(['baseline', '--models', 'svd'], { cwd });
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/^error: --models: unknown model 'svd', expected popularity, /);
    for (const argv of [
      ['--topn', '3'],
      ['--k', '0'],
      ['--test-share', 'x'],
      ['--split', 'half'],
    ]) {
      const { code, stderr, stdout } = await recsys(['baseline', ...argv], { cwd });
      expect([argv, code, stdout]).toEqual([argv, 2, '']);
      expect(stderr).toMatch(/^error: /);
      expect(stderr).not.toMatch(/ at .*[.]js/);
    }
  });

  it('fails with exit code 1 and what to do when the data set does not exist', async () => {
    const { code, stderr } = await recsys(['baseline', '--dataset', 'nope'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: no data set 'nope'.*recsys data list/);
  });
});

it('stops on Ctrl-C with exit code 130, leaves the former results alone, and goes on where it stopped', async () => {
  expect((await recsys(['mf', '--dataset', dataset], { cwd })).code).toBe(0);
  const before = await readFile(join(cwd, 'results/mf_metrics.json'), 'utf8');
  const argv = ['mf', '--iterations', '1000000', '--dataset', dataset, '--seed', '7'];
  const sweepsOfAStoppedRun = async () => {
    const { code, stderr } = await recsys(argv, {
      cwd,
      onStderr: (text, child) => {
        if (text.includes('sweeps') && !child.killed) child.kill('SIGINT');
      },
    });
    expect(code).toBe(130);
    expect(await readFile(join(cwd, 'results/mf_metrics.json'), 'utf8')).toBe(before);
    expect(stderr).toMatch(
      /The same command goes on from there: .* results.cache.fits.mf-[0-9a-f]{16}[.]fit/,
    );
    return Number(/stopped after (\d+) sweeps/.exec(stderr)![1]);
  };
  const first = await sweepsOfAStoppedRun();
  expect(await sweepsOfAStoppedRun()).toBeGreaterThan(first);
});

describe('recsys reproduce', () => {
  it('says so when every number comes out again', async () => {
    await baseline();
    const { code, stdout } = await recsys(['reproduce', 'results/baseline_metrics.json'], { cwd });
    expect([code, stdout]).toEqual([
      0,
      'results/baseline_metrics.json: reproduced to the digit (popularity, mf)\n',
    ]);
  });

  it('names the number that differs and exits 1', async () => {
    await baseline();
    const path = join(cwd, 'results/baseline_metrics.json');
    const record = JSON.parse(await readFile(path, 'utf8')) as ReturnType<typeof recordSchema.parse>;
    record.models[1]!.metrics['10']!.f1.ci95[0] += 1e-9; // a mean that its users do not give is refused before
    delete record.checksum;
    await writeFile(path, JSON.stringify(record));
    const { code, stderr } = await recsys(['reproduce', path], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(/models\.1\.metrics\.10\.f1\.ci95\.0: recorded 0\.\d+, found 0\.\d+/);
  });
});

describe('recsys', () => {
  it('lists its commands with --help and prints its version', async () => {
    const help = await recsys(['--help'], { cwd });
    expect(help.code).toBe(0);
    for (const name of ['baseline', 'mf', 'fm', 'ease', 'popularity', 'reproduce'])
      expect(help.stdout).toContain(name);
    expect((await recsys(['--version'], { cwd })).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('refuses an unknown command with exit code 2', async () => {
    const { code, stderr } = await recsys(['baselin'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(/unknown command 'baselin'/);
  });
});

it('reproduces no record without models, and names what it cannot run again', async () => {
  await baseline();
  const path = join(cwd, 'results/baseline_metrics.json');
  const record = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  const reproduce = async (changed: typeof record) => {
    await writeFile(path, JSON.stringify({ ...changed, checksum: undefined }));
    return recsys(['reproduce', path], { cwd });
  };
  const empty = await reproduce({ ...record, models: [] });
  expect([empty.code, empty.stderr]).toEqual([1, expect.stringContaining('a record without models')]);
  const external = await reproduce({ ...record, models: [{ ...record.models[0]!, model: 'external' }] });
  expect([external.code, external.stderr]).toEqual([1, expect.stringContaining('another tool made')]);
});
