import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeLeftovers } from '../../../src/util/files.ts';
import { isLeftover, lock, temporaryName } from '../../../src/util/process/lock.ts';
import { packageRoot } from '../../../src/util/package.ts';

const temporary = () => mkdtemp(join(tmpdir(), 'recsys-lock-'));

/** A process of its own that takes the lock, says so and holds it until it is killed. */
async function holder(target: string) {
  const script = `
    const { lock } = await import(${JSON.stringify(join(packageRoot, 'src/util/process/lock.ts'))});
    await lock(${JSON.stringify(target)}, '');
    process.stdout.write('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

describe('a lock', () => {
  it('is refused, with the holder, while another process has it, and free once that one was killed', async () => {
    const target = join(await temporary(), 'record.json');
    const child = await holder(target);
    await expect(lock(target, 'Wait for it.')).rejects.toThrow(
      new RegExp(`record.json: another run \\(process ${child.pid} on .*\\) is writing it. Wait for it.`),
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    const held = await lock(target, '');
    await expect(lock(target, 'Wait.')).rejects.toThrow(`process ${process.pid}`);
    await held.release();
    expect(await readdir(dirname(target))).toEqual([]);
  });

  it('names a file that stands where the folder should be', async () => {
    const file = join(await temporary(), 'file');
    await writeFile(file, '');
    await expect(lock(join(file, 'record.json'), '')).rejects.toThrow(
      /file: a file where a folder should be/,
    );
  });
});

describe('a temporary name', () => {
  it('is a leftover when its process has died on this machine, and no other time', async () => {
    const target = join(await temporary(), 'a.json');
    const child = await holder(target);
    const own = basename(temporaryName(target));
    const running = own.replace(`~${process.pid}~`, `~${child.pid}~`);
    expect([own, running, 'a.json', '.a.json.other~1~00000000.tmp'].map(isLeftover)).toEqual(
      Array(4).fill(false),
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isLeftover(running)).toBe(true);
    await writeFile(join(dirname(target), running), 'half');
    await writeFile(join(dirname(target), own), 'half');
    await removeLeftovers(dirname(target));
    const left = await readdir(dirname(target));
    expect(left).toContain(own);
    expect(left).not.toContain(running);
  });
});
