import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../scripts/chat-servers/port.ts';
import { packageRoot } from '../../src/util/package.ts';
import { recsys, run, smallFolder, type Finished } from '../support/cli.ts';
import { skippedUnless } from '../support/skipped.ts';

const SERVERS = ['redis-server', 'valkey-server'];
const server = SERVERS.find((name) => spawnSync(name, ['--version']).status === 0);
const skipped = skippedUnless(server !== undefined, SERVERS.join(' or '));

describe.runIf(server !== undefined)(`jobs on a real Redis${skipped}`, () => {
  let folder: string;
  let dataset: string;
  let port: number;
  let redis: ChildProcess;
  const password = 'p4ss-of-the-test';
  const address = () => `redis://:${password}@127.0.0.1:${port}`;

  const start = async () => {
    const args = ['--port', String(port), '--dir', folder, '--requirepass', password, '--bind', '127.0.0.1'];
    redis = spawn(server!, [...args, '--appendonly', 'yes'], { stdio: 'ignore' });
    await vi.waitFor(ping, { timeout: 20_000, interval: 50 });
  };
  const ping = async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
  };
  const stop = async () => {
    const closed = new Promise((resolve) => redis.once('close', resolve));
    redis.kill('SIGTERM');
    await closed;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'recsys-queue-'));
    dataset = await smallFolder();
    port = await freePort();
    await start();
  });
  afterAll(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
    await rm(dataset, { recursive: true });
  });

  const argv = (results: string, ...more: string[]) =>
    'tune mf --k 3 --trials 8 --iterations 30 --factors 16 --carve-seeds 1 --threads 1'
      .split(' ')
      .concat('--dataset', dataset, '--results-dir', join(folder, results), more);
  const trialsOf = (results: string) => recordOf(join(results, 'tuning_mf.json'));
  const recordOf = async (path: string) => {
    const text = await readFile(join(folder, path), 'utf8');
    expect(text).not.toContain(password);
    return { ...(JSON.parse(text) as object), environment: 0, timing: 0, checksum: 0 };
  };

  it('does every trial once with three workers, one killed, one stopped, Redis restarted; the record is that of one process', async () => {
    const alone = await recsys(argv('alone', '--quiet'));
    expect(alone.code).toBe(0);

    const children: ChildProcess[] = [];
    const done = [0, 0, 0];
    const workers = [0, 1, 2].map((n) =>
      recsys(['worker', address(), '--threads', '1'], {
        onStart: (child) => children.push(child),
        onStderr: (text, child) => {
          done[n] = text.split('jobs done').length - 1;
          if (n === 0 && done[0] === 1) child.kill('SIGKILL'); // in its second trial
        },
      }),
    );
    const search = recsys(argv('queue', '--queue', address()));
    const until = async (isSo: () => boolean) => {
      while (!isSo()) await setTimeout(50);
    };
    await until(() => done[0]! >= 1 && done[1]! >= 1);
    children[1]!.kill('SIGTERM');
    const polite: Finished = await workers[1]!;
    expect(polite.code).toBe(0);
    await stop();
    await start();
    const { code, stderr } = await search;
    expect(stderr).not.toContain(password);
    expect(code).toBe(0);
    children[2]!.kill('SIGTERM');
    const last = await workers[2]!;
    expect(last.stderr + polite.stderr).not.toContain(password);
    // Each was begun once, but for the one under way in the killed worker, which another did. A count of the workers' lines
    // would not do: a line is lost where the worker or Redis ends between a job and its report.
    const queue = new Queue('recsys-jobs', { connection: { host: '127.0.0.1', port, password } });
    const trials = await queue.getCompleted();
    await queue.close();
    expect(trials).toHaveLength(8);
    expect(trials.filter(({ attemptsStarted }) => attemptsStarted > 1).length).toBeLessThanOrEqual(1);
    expect(await trialsOf('queue')).toEqual(await trialsOf('alone'));
  }, 120_000);

  it('takes outcomes of the same jobs from the queue without a worker', async () => {
    const { code } = await recsys(argv('again', '--queue', address(), '--quiet'));
    expect(code).toBe(0);
    expect(await trialsOf('again')).toEqual(await trialsOf('alone'));
  }, 60_000);

  it('does models and seeds of a plan, on two workers, to the digits of one process', async () => {
    const plan = join(folder, 'study.yaml');
    await writeFile(
      plan,
      `seeds: [1, 2]
data: { dataset: ${dataset} }
protocol: { k: [3] }
models: [popularity, { model: mf, options: { factors: 4 } }]
searches: [{ model: ease, trials: 2, carveSeeds: [1] }]
`,
    );
    const results = (name: string) => ['--results-dir', join(folder, name), '--quiet'];
    const alone = await recsys(['run', plan, ...results('plan-alone')]);
    expect(alone.code).toBe(0);
    const children: ChildProcess[] = [];
    const workers = [0, 1].map(() =>
      recsys(['worker', address(), '--threads', '1'], { onStart: (child) => children.push(child) }),
    );
    const { code, stderr } = await recsys(['run', plan, '--queue', address(), ...results('plan-queue')]);
    for (const child of children) child.kill('SIGTERM');
    await Promise.all(workers);
    expect([code, stderr]).toEqual([0, '']);
    for (const file of ['study_metrics.json', 'tuning_ease.json']) {
      expect(await recordOf(join('plan-queue', file))).toEqual(await recordOf(join('plan-alone', file)));
    }
  }, 60_000);

  it('has no job done on other data or by another version: such a worker says so and ends, the next does it', async () => {
    const there = join(folder, 'there');
    await cp(dataset, join(folder, 'here', 'ratings'), { recursive: true });
    await cp(dataset, join(there, 'ratings'), { recursive: true });
    await appendFile(join(there, 'ratings', 'ratings.csv'), '1,999,3.0,1000000000\n');
    const other = join(folder, 'other');
    await mkdir(other);
    const text = await readFile(join(packageRoot, 'package.json'), 'utf8');
    await writeFile(join(other, 'package.json'), text.replace(/"version": "[^"]*"/, '"version": "9.9.9"'));
    await cp(join(packageRoot, 'dist'), join(other, 'dist'), { recursive: true });
    await symlink(join(packageRoot, 'node_modules'), join(other, 'node_modules'));

    const here = { cwd: join(folder, 'here') };
    const typed = ['mf', '--factors', '4', '--k', '3', '--dataset', 'ratings', '--quiet'];
    const queued = recsys([...typed, '--queue', address()], here);
    const refusedData = await recsys(['worker', address(), '--threads', '1'], { cwd: there });
    expect(refusedData.code).toBe(1);
    expect(refusedData.stderr).toMatch(/--dataset ratings: other data than those of the job/);
    const refusedVersion = await run(
      process.execPath,
      [join(other, 'dist', 'cli.js'), 'worker', address()],
      here,
    );
    expect(refusedVersion.code).toBe(1);
    expect(refusedVersion.stderr).toMatch(/made by recsys .*, this is 9[.]9[.]9/);
    let child: ChildProcess | undefined;
    const worker = recsys(['worker', address(), '--threads', '1'], {
      ...here,
      onStart: (own) => (child = own),
    });
    expect((await queued).code).toBe(0);
    child?.kill('SIGTERM');
    await worker;
    expect((await recsys([...typed, '--results-dir', 'alone'], here)).code).toBe(0);
    expect(await recordOf('here/results/mf_metrics.json')).toEqual(
      await recordOf('here/alone/mf_metrics.json'),
    );
  }, 60_000);

  it('ends at a signal where Redis has gone away', async () => {
    const typed = ['mf', '--factors', '6', '--dataset', dataset, '--queue', address()];
    let child: ChildProcess | undefined;
    const waiting = recsys(typed, { cwd: folder, onStart: (own) => (child = own) });
    const jobs = new Queue('recsys-jobs', { connection: { host: '127.0.0.1', port, password } });
    await vi.waitFor(async () => expect(await jobs.getWaitingCount()).toBe(1), { timeout: 20_000 });
    await jobs.drain();
    await jobs.close();
    await stop();
    await setTimeout(1500); // it waits to connect again by then
    child!.kill('SIGTERM');
    expect((await waiting).code).toBe(130);
    await start();
  }, 60_000);

  it('ends with the cause when a job fails on every worker, and tries again when asked again', async () => {
    const [good, bad] = [join(folder, 'good'), join(folder, 'bad')];
    await cp(dataset, join(good, 'ratings'), { recursive: true });
    await cp(dataset, join(bad, 'ratings'), { recursive: true });
    await appendFile(join(bad, 'ratings', 'ratings.csv'), '1,999,3.0,1000000000\n');
    const typed = [
      'mf',
      '--factors',
      '5',
      '--k',
      '3',
      '--dataset',
      'ratings',
      '--quiet',
      '--queue',
      address(),
    ];
    const failing = recsys(typed, { cwd: good });
    for (let attempt = 0; attempt < 5; attempt++) {
      expect((await recsys(['worker', address(), '--threads', '1'], { cwd: bad })).code).toBe(1);
    }
    const { code, stderr } = await failing;
    expect(code).toBe(1);
    expect(stderr).toMatch(/a job failed each time .* other data than those of the job/);
    expect(stderr).not.toContain(password);

    let child: ChildProcess | undefined;
    const onStart = (own: ChildProcess) => (child = own);
    const worker = recsys(['worker', address(), '--threads', '1'], { cwd: good, onStart });
    expect((await recsys(typed, { cwd: good })).code).toBe(0);
    child?.kill('SIGTERM');
    await worker;
  }, 60_000);

  it('says when nothing answers, when the password is wrong, and what an address looks like', async () => {
    const away = await recsys(argv('x', '--queue', 'redis://127.0.0.1:1'));
    expect([away.code, away.stderr]).toEqual([
      1,
      expect.stringContaining('redis://127.0.0.1:1: no queue answers'),
    ]);
    const wrong = await recsys(['worker', `redis://:not-it@127.0.0.1:${port}`]);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('the queue wants another user or password');
    expect(wrong.stderr).not.toContain('not-it');
    const odd = await recsys(argv('x', '--queue', 'somewhere'));
    expect([odd.code, odd.stderr]).toEqual([2, expect.stringContaining('redis://HOST:PORT')]);
  });
});
