import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { KernelPool } from '../../src/numeric/pool/pool.ts';
import { FitError } from '../../src/util/errors.ts';
import { packageRoot } from '../../src/util/package.ts';

/** Runs `gramBlocks` over `blocks` blocks of one row of ones, each of which adds 1 to its own first cell. */
function runGram(pool: KernelPool, blocks: number): Float32Array {
  const factors = pool.float32(blocks * 8).fill(1);
  const partialGrams = pool.float32(blocks * 64);
  pool.run(
    'gramBlocks',
    { rows: blocks, grain: 1 },
    { factors, rows: blocks, blockRows: 1, k: 8, partialGrams },
  );
  return partialGrams.filter((_, i) => i % 64 === 0);
}

test('a job does every row once, with more threads than rows and with none to spare', async () => {
  const pool = KernelPool.create({ threads: 3 });
  for (const rows of [1, 2, 1000]) expect(Array.from(runGram(pool, rows))).toEqual(Array(rows).fill(1));
  await pool.dispose();
});

test('small work starts no workers', async () => {
  const pool = KernelPool.create({ threads: 4, operations: 1e6 });
  expect(pool.threads).toBe(1);
});

test('allocations are aligned, zero, and stay valid while the memory grows', async () => {
  const pool = KernelPool.create({ threads: 1 });
  const first = pool.int32([1, 2, 3]);
  const large = pool.float64(1_000_000);
  const bytes = pool.uint8(3);
  first[0] = 7;
  expect([first, large, bytes].map((array) => array.byteOffset % 64)).toEqual([0, 0, 0]);
  expect(Array.from(first)).toEqual([7, 2, 3]);
  expect(large.every((value) => value === 0)).toBe(true);
});

test('more than a WebAssembly memory can hold is an error about the fit, as no machine has more', async () => {
  const pool = KernelPool.create({ threads: 1 });
  expect(() => pool.float64(2 ** 30)).toThrow(FitError);
});

test('a trap in a kernel becomes an error, and the pool does not hang', async () => {
  const pool = KernelPool.create({ threads: 2 });
  const array = pool.float32(8);
  const arrays = { gram: array, lambdas: array, choleskyFactors: array };
  const k = 8000; // a matrix of 128 MB, far longer than the memory
  expect(() => pool.run('factorGrams', { rows: 50, grain: 1 }, { ...arrays, k })).toThrow(/out of bounds/);
  await pool.dispose();
});

test('a trap in a worker thread is thrown by the main thread', async () => {
  const pool = KernelPool.create({ threads: 2 });
  const [rows, k] = [50_000, 64];
  const out = pool.float32(2 * k * (k + 8));
  const job = { rows: 2, grain: 1 };
  // Allocates the scratch, so that `y` ends the memory.
  pool.run('gramBlocks', job, { factors: out, rows: 0, blockRows: 1, k, partialGrams: out });
  const y = pool.float32(rows * k);
  // Block 0, of 20 ms, is all of `y`; block 1 begins where the memory ends. Who takes which is a race, so try again.
  let message = '';
  for (let attempt = 0; attempt < 100 && !message.includes('worker thread'); attempt++) {
    try {
      pool.run('gramBlocks', job, { factors: y, rows: 2 * rows, blockRows: rows, k, partialGrams: out });
    } catch (error) {
      message = String(error);
    }
  }
  expect(message).toMatch(/failed in a worker thread.*out of bounds/);
  await pool.dispose();
});

test('an array outside the memory of the kernels is refused by its name', async () => {
  const pool = KernelPool.create({ threads: 1 });
  const outside = new Float32Array(64);
  const values = { factors: outside, rows: 1, blockRows: 1, k: 8, partialGrams: pool.float32(64) };
  expect(() => pool.run('gramBlocks', { rows: 1, grain: 1 }, values)).toThrow(/'factors' must be/);
});

test('a pool that is not disposed of does not keep the process alive', () => {
  const script = `
    const { KernelPool } = await import('./src/numeric/pool/pool.ts');
    const pool = KernelPool.create({ threads: 2 });
    const [factors, partialGrams] = [pool.float32(8), pool.float32(64)];
    pool.run('gramBlocks', { rows: 0, grain: 1 }, { factors, rows: 0, blockRows: 1, k: 8, partialGrams });
    console.log('done');
  `;
  const run = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd: packageRoot,
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect([run.stdout.trim(), run.status]).toEqual(['done', 0]);
});
