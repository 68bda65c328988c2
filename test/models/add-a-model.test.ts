/** CONTRIBUTING.md, "Add a model": a folder and one entry in the registry are all. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordSchema } from '../../src/experiment/record.ts';
import { packageRoot } from '../../src/util/package.ts';
import { smallFolder, type Finished } from '../support/cli.ts';

const options = `
import { z } from 'zod';

export const recentOptions = z.object({
  order: z.enum(['newest', 'oldest']).default('newest').describe('which years come first'),
});

export type RecentOptions = z.output<typeof recentOptions>;
`;

const model = `
import { has } from '../../data/csr.ts';
import { throwIfAborted } from '../../util/errors.ts';
import type { Recommender } from '../recommender.ts';
import type { RecentOptions } from './options.ts';

export function createRecent({ order }: RecentOptions): Recommender {
  return {
    name: 'recent',
    async fit({ catalogue, movies, byUser }, { signal }) {
      throwIfAborted(signal);
      const sign = order === 'newest' ? 1 : -1;
      const score = (item: number) => sign * movies.years[item]!;
      const ranking = catalogue.toSorted((a, b) => score(b) - score(a) || a - b);
      return {
        recommend: async (users, k) => {
          const items = new Int32Array(users.length * k).fill(-1);
          const scores = new Float32Array(users.length * k);
          for (const [row, user] of users.entries()) {
            const best = ranking.filter((item) => !has(byUser, user, item)).slice(0, k);
            items.set(best, row * k);
            scores.set(best.map(score), row * k);
          }
          return { k, items, scores };
        },
      };
    },
  };
}
`;

const entry = `
  recent: entry({
    summary: 'movies by their year',
    options: recentOptions,
    variants: { 'recent-oldest': { order: 'oldest' } },
    create: async (options) => (await import('./recent/index.ts')).createRecent(options),
  }),
`;

let root: string;
let dataset: string;
beforeAll(async () => {
  dataset = await smallFolder();
  root = await mkdtemp(join(tmpdir(), 'recsys-added-'));
  for (const name of ['src', 'test', 'package.json', 'vitest.config.ts', 'tsconfig.json']) {
    await cp(join(packageRoot, name), join(root, name), { recursive: true });
  }
  for (const name of ['node_modules', 'dist', 'data']) {
    await symlink(join(packageRoot, name), join(root, name));
  }
  const folder = join(root, 'src', 'models', 'recent');
  await mkdir(folder);
  await writeFile(join(folder, 'options.ts'), options);
  await writeFile(join(folder, 'index.ts'), model);
  const path = join(root, 'src', 'models', 'registry.ts');
  const registry = await readFile(path, 'utf8');
  const begin = 'export const registry = {';
  expect(registry).toContain(begin);
  await writeFile(
    path,
    `import { recentOptions } from './recent/options.ts';\n${registry.replace(begin, begin + entry)}`,
  );
});
afterAll(() => rm(root, { recursive: true }));

function run(...argv: string[]): Promise<Finished> {
  return new Promise((resolve) => {
    const env = { ...process.env, CI: '' }; // with CI set, vitest's report would go to a file
    execFile(process.execPath, argv, { cwd: root, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const recsys = (...argv: string[]) => run('--import', 'tsx', 'src/cli.ts', ...argv);

describe('a model added by a folder and an entry in the registry', () => {
  it('has a command with its options as flags', async () => {
    const { stdout } = await recsys('recent', '--help');
    expect(stdout).toContain('movies by their year');
    expect(stdout).toMatch(/--order <name> +which years come first \(default: newest\)/);
    expect(stdout).toContain('--dataset');
  });

  it('gets a record with intervals, which reproduces', async () => {
    const { code, stderr } = await recsys('recent', '--dataset', dataset, '--order', 'oldest');
    expect([code, stderr]).toEqual([0, expect.stringContaining('saved results/recent_metrics.json')]);
    const path = join(root, 'results', 'recent_metrics.json');
    const record = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    const [result] = record.models;
    expect(result).toMatchObject({
      name: 'recent',
      hyperparameters: { order: 'oldest' },
      intervals: 'bootstrap',
    });
    const { mean, ci95 } = result!.metrics['10']!.f1;
    expect(ci95[0]).toBeLessThan(mean);
    expect(ci95[1]).toBeGreaterThan(mean);
    const again = await recsys('reproduce', path);
    expect(again.stdout).toContain('reproduced to the digit (recent)');
  });

  it('joins --models with its variants, and --compare-with', async () => {
    const { stdout } = await recsys('baseline', '--models', 'recent,recent-oldest', '--dataset', dataset);
    expect(stdout).toMatch(/^recent +\*?0\.\d{4}/m);
    expect(stdout).toMatch(/^recent-oldest +\*?0\.\d{4}/m);
    expect((await recsys('openai', '--help')).stdout.replaceAll(/\s+/g, ' ')).toContain('recent-oldest');
  });

  it('is held to the contract of a recommender', async () => {
    const vitest = join('node_modules', 'vitest', 'vitest.mjs');
    const argv = ['run', 'test/models/contract.test.ts', '-t', 'recent', '--reporter', 'json'];
    const { stdout } = await run(vitest, ...argv);
    const { numPassedTests, numFailedTests } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as Record<
      string,
      number
    >;
    expect(numFailedTests).toBe(0);
    expect(numPassedTests).toBeGreaterThanOrEqual(10); // five properties of each of two names
  });
});
