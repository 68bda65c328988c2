/** Runs of the built command line as child processes. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { packageRoot } from '../../src/util/package.ts';

const cli = join(packageRoot, 'dist', 'cli.js');

export interface Finished {
  /** Null after a kill. */
  code: number | null;
  milliseconds: number;
  stderr: string;
}

interface RunOptions {
  /** What Node.js runs in place of the built command line. */
  program?: readonly string[] | undefined;
  /** Milliseconds after which the run is killed, as the system kills. */
  killAfter?: number;
}

/** Runs `recsys ...argv`. */
export async function run(
  argv: readonly string[],
  { program = [cli], killAfter }: RunOptions = {},
): Promise<Finished> {
  const started = performance.now();
  const child = spawn(process.execPath, [...program, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.on('exit', resolve));
  if (killAfter !== undefined) {
    await Promise.race([exit, setTimeout(killAfter)]);
    child.kill('SIGKILL');
  }
  return { code: await exit, milliseconds: performance.now() - started, stderr };
}
