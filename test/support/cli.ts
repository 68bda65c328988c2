/** The built command line as a child process: what a person sees. `npm test` builds before it runs. */
import { spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/util/package.ts';
import { Rng } from '../../src/util/rng.ts';

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  onStart?: (child: ReturnType<typeof spawn>) => void;
  onStderr?: (text: string, child: ReturnType<typeof spawn>) => void;
}

/** Runs `recsys ...argv` in `cwd`. `onStderr` sees what has been written so far, and the child, to send it signals. */
export function recsys(argv: string[], options: RunOptions = {}): Promise<Finished> {
  return run(process.execPath, [join(packageRoot, 'dist', 'cli.js'), ...argv], options);
}

/** As `recsys`, for any program. */
export function run(program: string, argv: string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    options.onStart?.(child);
    const finished: Finished = { code: null, stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (finished.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      finished.stderr += chunk.toString();
      options.onStderr?.(finished.stderr, child);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...finished, code }));
  });
}

/** A folder in MovieLens' CSV form: `users` x `items` with about half of the cells rated, seeded. */
export async function smallFolder(users = 30, items = 40): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-small-'));
  const rng = new Rng(5);
  const ratings = ['userId,movieId,rating,timestamp'];
  for (let user = 1; user <= users; user++) {
    for (let item = 1; item <= items; item++) {
      if (rng.uniform() < 0.5) continue;
      const stars = user % 2 === item % 2 ? 4 + rng.int(3) / 2 : 1 + rng.int(5) / 2;
      ratings.push(`${user},${item},${stars.toFixed(1)},${1_000_000_000 + 86_400 * rng.int(3000)}`);
    }
  }
  const genres = ['Drama', 'Comedy', 'Thriller'];
  const movies = Array.from(
    { length: items },
    (_, n) => `${n + 1},"Film ${n + 1}, The (${1980 + (n % 40)})",${genres[n % 3]}|${genres[(n + 1) % 3]}`,
  );
  await writeFile(join(folder, 'ratings.csv'), `${ratings.join('\n')}\n`);
  await writeFile(join(folder, 'movies.csv'), `movieId,title,genres\n${movies.join('\n')}\n`);
  return folder;
}
