import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recsys, run, smallFolder } from '../support/cli.ts';

let dataset: string;
let folder: string;
beforeAll(async () => {
  dataset = await smallFolder();
  folder = await mkdtemp(join(tmpdir(), 'recsys-slurm-'));
});
afterAll(async () => {
  await rm(dataset, { recursive: true });
  await rm(folder, { recursive: true });
});

const read = (path: string) => readFile(join(folder, path), 'utf8');
const recordOf = async (path: string) => ({
  ...(JSON.parse(await read(path)) as object),
  environment: 0,
  timing: 0,
  checksum: 0,
});
const inFolder = (argv: string[]) => recsys([...argv, '--threads', '1'], { cwd: folder });

/** Runs each task of `array/slurm/NAME.sbatch` as Slurm would: the script, with the number of the task. */
async function runTasks(name: string): Promise<number> {
  const script = join('array', 'slurm', `${name}.sbatch`);
  const [, last] = /^#SBATCH --array=0-(\d+)$/m.exec(await read(script))!;
  for (let task = 0; task <= Number(last); task++) {
    const env = { SLURM_ARRAY_TASK_ID: String(task), SLURM_CPUS_PER_TASK: '1' };
    const { code, stderr } = await run('bash', [join(folder, script)], { cwd: tmpdir(), env });
    expect([code, stderr]).toEqual([0, '']);
  }
  return Number(last) + 1;
}

describe('--emit slurm', () => {
  it('writes trials as tasks of an array job; the same command gathers the record of one process', async () => {
    const typed = ['tune', 'mf', '--dataset', dataset, '--k', '3', '--trials', '3', '--carve-seeds', '1'];
    const emitted = await inFolder([...typed, '--results-dir', 'array', '--emit', 'slurm']);
    expect([emitted.code, emitted.stdout]).toEqual([0, '']);
    expect(emitted.stderr).toContain('`sbatch array/slurm/tuning_mf.sbatch`');
    expect(await readdir(join(folder, 'array'))).not.toContain('tuning_mf.json');
    expect(await runTasks('tuning_mf')).toBe(3);
    expect((await inFolder([...typed, '--results-dir', 'array', '--emit', 'slurm'])).code).toBe(0);
    expect((await inFolder([...typed, '--results-dir', 'alone'])).code).toBe(0);
    expect(await recordOf('array/tuning_mf.json')).toEqual(await recordOf('alone/tuning_mf.json'));
  }, 60_000);

  it('writes models and seeds of a plan', async () => {
    const data = `data: { dataset: ${JSON.stringify(dataset)} }\nprotocol: { k: [3] }\n`;
    await writeFile(join(folder, 'study.yaml'), `${data}seeds: [1, 2]\nmodels: [popularity, ease]\n`);
    const typed = ['run', 'study.yaml'];
    await inFolder([...typed, '--results-dir', 'array', '--emit', 'slurm']);
    expect(await runTasks('study')).toBe(4);
    const gathered = await inFolder([...typed, '--results-dir', 'array']);
    expect(gathered.stderr).toContain('4 of 4 jobs were kept from before');
    expect((await inFolder([...typed, '--results-dir', 'alone'])).code).toBe(0);
    expect(await recordOf('array/study_metrics.json')).toEqual(await recordOf('alone/study_metrics.json'));
  }, 60_000);

  it('refuses --queue beside it, a line that is not there, and a file that holds no jobs', async () => {
    const both = await inFolder(['mf', '--emit', 'slurm', '--queue', 'redis://127.0.0.1:1']);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('--emit: also --queue')]);
    await writeFile(join(folder, 'odd.jsonl'), '{"kind":"party"}\n');
    const job = (n: string) => inFolder(['worker', '--jobs', 'odd.jsonl', '--job', n]);
    expect((await job('7')).stderr).toContain('odd.jsonl: 1 jobs, expected a line 7');
    const odd = await job('0');
    expect([odd.code, odd.stderr]).toEqual([
      1,
      expect.stringContaining('odd.jsonl:1: no job of this version'),
    ]);
  });
});

it('keeps each finished seed of GPT-2, so that the same command trains none again', async () => {
  const options = '--init scratch --preset tiny --epochs 1 --num-users 3 --compare-with popularity --k 3';
  const typed = ['finetune-gpt2', ...options.split(' '), '--dataset', dataset, '--results-dir', 'gpt2'];
  const first = await inFolder([...typed, '--seeds', '1,2']);
  expect([first.code, first.stderr]).toEqual([0, expect.stringContaining('saved gpt2/gpt2-seed-2')]);
  const before = await recordOf('gpt2/gpt2_recommendations.json');
  await rm(join(folder, 'gpt2', 'gpt2_recommendations.json'));
  const again = await inFolder([...typed, '--seeds', '1,2']);
  expect(again.stderr).toContain('2 of 2 jobs were kept from before');
  expect(await recordOf('gpt2/gpt2_recommendations.json')).toEqual(before);
}, 60_000);
