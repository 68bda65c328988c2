/**
 * What kill -9 and two runs at once do to results: `npx tsx scripts/faults.ts [KILLS] [PAIRS]` (default: 100 20), after
 * `npm run build`. The baselines and `explore` take turns; GPT-2 and chat are left out. Counts
 *
 * - lost: a run after a kill fails, or a record that was there before is gone;
 * - wrong: a record differs from the one of an undisturbed run, or both runs of a pair end with another's numbers;
 * - left: files that an undisturbed run does not leave, after the run that follows a kill.
 *
 * Ends with exit code 1 when any of them is not 0.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { packageRoot } from '../src/util/package.ts';
import { Rng } from '../src/util/rng.ts';

const cli = join(packageRoot, 'dist', 'cli.js');
const commands: { argv: string; record: string }[] = [
  { argv: 'popularity', record: 'popularity_metrics.json' },
  { argv: 'mf --iterations 4 --save-recommendations', record: 'mf_metrics.json' },
  { argv: 'fm --iterations 4', record: 'fm_metrics.json' },
  { argv: 'baseline --models popularity,mf', record: 'baseline_metrics.json' },
  { argv: 'ease', record: 'ease_metrics.json' },
  { argv: 'explore', record: 'exploration.json' },
];

interface Finished {
  code: number | null;
  milliseconds: number;
}

/** Runs a command in `folder`; killed after `killAfter` milliseconds where that is given. */
async function run(argv: string, folder: string, killAfter?: number): Promise<Finished> {
  const started = performance.now();
  const child = spawn(process.execPath, [cli, ...argv.split(' '), '--quiet', '--results-dir', folder], {
    stdio: 'ignore',
  });
  const exit = new Promise<number | null>((resolve) => child.on('exit', resolve));
  if (killAfter !== undefined) {
    await Promise.race([exit, setTimeout(killAfter)]);
    child.kill('SIGKILL');
  }
  return { code: await exit, milliseconds: performance.now() - started };
}

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => !/^older(\/|$)/.test(name)).sort();
}

/** What a record says besides where and how fast it was made; undefined where there is none that can be read. */
async function numbersOf(path: string): Promise<string | undefined> {
  try {
    const { environment: _, timing: __, checksum: ___, ...rest } = JSON.parse(await readFile(path, 'utf8'));
    return JSON.stringify(rest);
  } catch {
    return undefined;
  }
}

const [kills = 100, pairs = 20] = process.argv.slice(2).map(Number);
const count = { killed: 0, pairs: 0, refused: 0, lost: 0, wrong: 0, left: 0 };
const rng = new Rng(1);
const undisturbed = new Map<string, { files: string[]; numbers: string; milliseconds: number }>();
for (const { argv, record } of commands) {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-faults-'));
  const { code, milliseconds } = await run(argv, folder);
  const numbers = await numbersOf(join(folder, record));
  if (code !== 0 || numbers === undefined) throw new Error(`recsys ${argv}: exit code ${code}`);
  undisturbed.set(argv, { files: await filesIn(folder), numbers, milliseconds });
  await rm(folder, { recursive: true });
}

for (let n = 0; n < kills; n++) {
  const { argv, record } = commands[n % commands.length]!;
  const { files, numbers, milliseconds } = undisturbed.get(argv)!;
  const folder = await mkdtemp(join(tmpdir(), 'recsys-faults-'));
  const { code } = await run(argv, folder, rng.uniform() * milliseconds);
  if (code === null) count.killed++;
  const next = await run(argv, folder);
  if (next.code !== 0) count.lost++;
  if ((await numbersOf(join(folder, record))) !== numbers) count.wrong++;
  if ((await filesIn(folder)).join() !== files.join()) count.left++;
  await rm(folder, { recursive: true });
}

for (let n = 0; n < pairs; n++) {
  const { argv, record } = commands[n % commands.length]!;
  const { files, numbers } = undisturbed.get(argv)!;
  const folder = await mkdtemp(join(tmpdir(), 'recsys-faults-'));
  const both = await Promise.all([run(argv, folder), run(`${argv} --seed 7`, folder)]);
  count.pairs++;
  count.refused += both.filter(({ code }) => code === 1).length;
  const found = await numbersOf(join(folder, record));
  const seed = (JSON.parse(found ?? '{}') as { protocol?: { seed: number } }).protocol?.seed;
  if (found === undefined) count.lost++;
  else if (both[0].code === 0 && both[1].code !== 0 && found !== numbers) count.wrong++;
  else if (both[0].code !== 0 && seed === 42) count.wrong++;
  if ((await filesIn(folder)).join() !== files.join()) count.left++;
  await rm(folder, { recursive: true });
}

process.stdout.write(`${JSON.stringify(count)}\n`);
if (count.lost + count.wrong + count.left > 0) process.exitCode = 1;
