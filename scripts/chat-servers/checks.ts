/** What the scripts for chat servers share: a server is installed and started where it can be, then commands are tried. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The project's folder. */
export const root = resolve(import.meta.dirname, '../..');

/** A run of `recsys openai` and what it must end with. */
export interface Check {
  /** A sentence about what is expected. */
  name: string;
  argv: readonly string[];
  code: number;
  /** Of standard error, then output. */
  output: RegExp;
}

/** Says what came of an expectation; `details` are printed where it was not met. */
export function report(name: string, passed: boolean, details = ''): boolean {
  process.stdout.write(`${passed ? 'ok' : 'FAILED'}: ${name}\n${passed ? '' : details}`);
  if (!passed) process.exitCode = 1;
  return passed;
}

/** Runs the built program; returns its exit code and what it wrote, standard error first. */
export function runProgram(argv: readonly string[]): { code: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist/cli.js'), ...argv], {
    encoding: 'utf8',
  });
  return { code: status, text: stderr + stdout };
}

/** Tries each command; `common` are options of all. A failure sets the exit code of this process. */
export function runChecks(common: readonly string[], checks: readonly Check[]): void {
  for (const { name, argv, code, output } of checks) {
    const found = runProgram(['openai', ...common, ...argv]);
    report(name, found.code === code && output.test(found.text), found.text);
  }
}

/** Does the work of an installation; where it fails, says that the script is skipped. Returns whether it worked. */
export function tryToInstall(what: string, work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    process.stdout.write(`skipped: ${what} cannot be installed here (${String(error).split('\n')[0]})\n`);
    return false;
  }
}

/** Starts a server and waits for its `health` address; undefined, with a message, where it does not come up. */
export async function startServer(
  what: string,
  [program, ...argv]: readonly [string, ...string[]],
  health: string,
  { seconds, env }: { seconds: number; env?: NodeJS.ProcessEnv },
): Promise<ChildProcess | undefined> {
  const server = spawn(program, argv, { stdio: 'ignore', env: { ...process.env, ...env } });
  server.on('error', () => {}); // no such program: it has no pid
  for (let waited = 0; waited < seconds; waited++) {
    if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) break;
    const response = await fetch(health).catch(() => undefined);
    if (response?.ok) return server;
    await sleep(1000);
  }
  server.kill();
  process.stdout.write(`skipped: ${what} does not run here\n`);
  return undefined;
}
