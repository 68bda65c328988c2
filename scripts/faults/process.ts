/** Runs of the built command line as child processes. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { packageRoot } from '../../src/util/package.ts';

const cli = join(packageRoot, 'dist', 'cli.js');

/**
 * From now on all temporary files, those of children too, go to a folder that is removed at the end of this process, also
 * after Ctrl-C, unless `keep` was called, which names it.
 */
export async function ownTemporaryFolder(): Promise<{ keep: () => void }> {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-faults-'));
  let isKept = false;
  process.env['TMPDIR'] = folder;
  process.once('SIGINT', () => process.exit(130));
  process.on('exit', () => isKept || rmSync(folder, { recursive: true, force: true }));
  return {
    keep: () => {
      isKept = true;
      process.stderr.write(`kept: ${folder}\n`);
    },
  };
}

export interface Finished {
  /** Null after a kill. */
  code: number | null;
  /** What ended it, where that was a signal. */
  signal: string | null;
  milliseconds: number;
  /** Milliseconds from the kill to the exit; undefined where it ended before. */
  sinceKill: number | undefined;
  stderr: string;
}

interface RunOptions {
  /** What Node.js runs in place of the built command line. */
  program?: readonly string[] | undefined;
  /** Milliseconds after which the run is killed. */
  killAfter?: number;
  /** Default: SIGKILL. */
  killWith?: NodeJS.Signals;
}

/** Runs `recsys ...argv`. */
export async function run(
  argv: readonly string[],
  { program = [cli], killAfter, killWith = 'SIGKILL' }: RunOptions = {},
): Promise<Finished> {
  const started = performance.now();
  let killed: number | undefined;
  const child = spawn(process.execPath, [...program, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exit = new Promise<Pick<Finished, 'code' | 'signal'>>((resolve) =>
    child.on('exit', (code, signal) => resolve({ code, signal })),
  );
  if (killAfter !== undefined) {
    await Promise.race([exit, setTimeout(killAfter)]);
    if (child.exitCode === null) killed = performance.now();
    child.kill(killWith);
  }
  const ended = await exit;
  const now = performance.now();
  const sinceKill = killed === undefined ? undefined : now - killed;
  return { ...ended, milliseconds: now - started, sinceKill, stderr };
}
