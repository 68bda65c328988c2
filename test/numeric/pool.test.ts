import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { KernelPool } from '../../src/numeric/pool/pool.ts';
import { packageRoot } from '../../src/util/files.ts';

/** Runs `gramBlocks` over `blocks` blocks of one row of ones, each of which adds 1 to its own first cell. */
function runGram(pool: KernelPool, blocks: number): Float32Array {
  const y = pool.float32(blocks * 8).fill(1);
  const out = pool.float32(blocks * 64);
  pool.run('gramBlocks', { rows: blocks, grain: 1, scratchBytes: 2048 }, [y, blocks, 1, 8, out]);
  return out.filter((_, i) => i % 64 === 0);
}

test('a job does every row once, with more threads than rows and with none to spare', async () => {
  const pool = await KernelPool.create({ threads: 3 });
  for (const rows of [1, 2, 1000]) expect(Array.from(runGram(pool, rows))).toEqual(Array(rows).fill(1));
  await pool.dispose();
});

test('small work starts no workers', async () => {
  const pool = await KernelPool.create({ threads: 4, operations: 1e6 });
  expect(pool.threads).toBe(1);
});

test('allocations are aligned, zero, and stay valid while the memory grows', async () => {
  const pool = await KernelPool.create({ threads: 1 });
  const first = pool.int32([1, 2, 3]);
  const large = pool.float64(1_000_000);
  const bytes = pool.uint8(3);
  first[0] = 7;
  expect([first, large, bytes].map((array) => array.byteOffset % 64)).toEqual([0, 0, 0]);
  expect(Array.from(first)).toEqual([7, 2, 3]);
  expect(large.every((value) => value === 0)).toBe(true);
});

test('a trap in a kernel becomes an error, and the pool does not hang', async () => {
  const pool = await KernelPool.create({ threads: 2 });
  const beyond = 4_000_000_000; // far outside the memory
  const job = { rows: 50, grain: 1, scratchBytes: 0 };
  expect(() => pool.run('factorGrams', job, [beyond, beyond, 8, beyond])).toThrow(/out of bounds/);
  await pool.dispose();
});

test('a trap in a worker thread is thrown by the main thread', async () => {
  const pool = await KernelPool.create({ threads: 2 });
  const [rows, k] = [50_000, 64];
  const out = pool.float32(2 * k * (k + 8));
  const job = { rows: 2, grain: 1, scratchBytes: 64 * k * 4 };
  pool.run('gramBlocks', job, [out, 0, 1, k, out]); // allocates the scratch, so that `y` ends the memory
  const y = pool.float32(rows * k);
  // Block 0, of 20 ms, is all of `y`; block 1 begins where the memory ends. Who takes which is a race, so try again.
  let message = '';
  for (let attempt = 0; attempt < 100 && !message.includes('worker thread'); attempt++) {
    try {
      pool.run('gramBlocks', job, [y, 2 * rows, rows, k, out]);
    } catch (error) {
      message = String(error);
    }
  }
  expect(message).toMatch(/failed in a worker thread.*out of bounds/);
  await pool.dispose();
});

test('an unknown kernel is named with those there are', async () => {
  const pool = await KernelPool.create({ threads: 1 });
  expect(() => pool.call('nonsense', [])).toThrow(/no kernel 'nonsense'.*alsCholesky/);
});

test('a pool that nobody disposes of does not keep the process alive', () => {
  const script = `
    const { KernelPool } = await import('./dist/numeric/pool.js');
    const pool = await KernelPool.create({ threads: 2 });
    pool.run('gramBlocks', { rows: 0, grain: 1, scratchBytes: 0 }, []);
    console.log('done');
  `;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: packageRoot,
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect([run.stdout.trim(), run.status]).toEqual(['done', 0]);
});
