import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/util/package.ts';

interface Printed {
  models: { name: string; metrics: { 10: { ndcg: { mean: number } } } }[];
}

test('examples/library.mjs runs, and prints the numbers of the committed baseline', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['examples/library.mjs'], {
    cwd: packageRoot,
  });
  const record = JSON.parse(
    await readFile(join(packageRoot, 'results/baseline_metrics.json'), 'utf8'),
  ) as Printed;
  for (const name of ['popularity-count', 'mf']) {
    const { metrics } = record.models.find((model) => model.name === name)!;
    expect(stdout).toContain(`${name}: NDCG@10 ${metrics[10].ndcg.mean.toFixed(4)}\n`);
  }
  expect(stdout.trim().split('\n').length).toBe(4);
});
