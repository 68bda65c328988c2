/** Processes of a benchmark of GPT-2, ours or the peer's, measured in turns. */
import { spawnSync } from 'node:child_process';

/** What a process of `ours.ts` or `peer.py` prints: medians over its repetitions. */
export interface Measured {
  /** GFLOP/s of the product of matrices. */
  tokensPerSecond: number;
  peakMB: number;
  /** Of the first updates. */
  losses: number[];
}

export interface Run {
  /** The program and its first arguments. */
  command: readonly string[];
  args: readonly (string | number)[];
  /** Another way of the peer, such as "bf16"; "" as it stands. */
  variant: string;
  timeoutMs?: number;
}

/** One process. Throws Error with the reason in one line where it fails or is not done in time. */
export function measure({ command: [program, ...before], args, variant, timeoutMs }: Run): Measured {
  const { status, stdout, stderr, error } = spawnSync(program!, [...before, ...args.map(String)], {
    encoding: 'utf8',
    env: { ...process.env, PEER_VARIANT: variant },
    ...(timeoutMs !== undefined && { timeout: timeoutMs, killSignal: 'SIGKILL' }),
  });
  if (status === 0) return JSON.parse(stdout) as Measured;
  throw new Error(error === undefined ? lastError(stderr) : describeFailure(error, timeoutMs));
}

function describeFailure(error: NodeJS.ErrnoException, timeoutMs = Infinity): string {
  return error.code === 'ETIMEDOUT' ? `not done after ${timeoutMs / 1000} seconds` : error.message;
}

/** The last line of a Python traceback that names an error; what follows may be advice. */
function lastError(stderr: string): string {
  const lines = stderr.trim().split('\n');
  return lines.findLast((line) => /^[\w.]*(Error|Exception)\b/.test(line)) ?? lines.at(-1)!;
}

/** What a side measured in every turn, or why it failed. */
export interface Side {
  name: string;
  measured: Measured[];
  reason?: string;
}

/**
 * Every side `turns` times, one after the other in each turn, so that what else the machine does meets all of them. One
 * that fails is not tried again.
 */
export function measureInTurns(
  title: string,
  sides: readonly { name: string; run: Run }[],
  turns: number,
): Side[] {
  const found = sides.map(({ name, run }) => ({ run, side: { name, measured: [] } as Side }));
  for (let turn = 0; turn < turns; turn++) {
    for (const { run, side } of found) {
      if (side.reason !== undefined) continue;
      try {
        side.measured.push(measure(run));
      } catch (error) {
        side.reason = (error as Error).message;
      }
      const speed = side.measured.at(-1)?.tokensPerSecond.toFixed(0);
      process.stderr.write(`${title}, ${side.name}: ${side.reason ?? speed}\n`);
    }
  }
  return found.map(({ side }) => side);
}
