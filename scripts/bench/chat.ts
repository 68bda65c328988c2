/**
 * `recsys openai` for 610 and 6,040 users against a server on loopback, 8 requests at a time: seconds, peak memory, and
 * whether anything was asked twice, by requests with equal bodies and by a second run. Writes results/benchmark_chat.json.
 * Needs a built `dist`. The server runs in this process and answers at once, so that the time is the program's own.
 *
 *     npx tsx scripts/bench/chat.ts
 */
import { createServer } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { jsonText } from '../../src/experiment/store.ts';
import { sha256, writeFileAtomic } from '../../src/util/files.ts';
import { Rng } from '../../src/util/rng.ts';
import { chatBenchmarkSchema, type ChatBenchmark } from './chat-record.ts';
import { runProcess } from './process.ts';

const root = resolve(import.meta.dirname, '../..');
const CONCURRENCY = 8;
const MOVIES = 3700;
const RATINGS_PER_USER = 60;

/** Hashes of the bodies that were asked for. */
const asked: string[] = [];

/** The title of movie `n` of the synthetic data, as people write it. */
const titleOf = (n: number) => `The Film ${n} (${1950 + (n % 70)})`;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const n = asked.push(sha256(body));
    const recommendations = Array.from({ length: 10 }, (_, index) => ({
      title: titleOf(1 + ((n * 7 + index * 13) % MOVIES)),
      reason: 'You rate Drama highly, and this is one of the best of them.',
    }));
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        model: 'loopback',
        choices: [
          {
            finish_reason: 'stop',
            message: { role: 'assistant', content: JSON.stringify({ recommendations }) },
          },
        ],
        usage: { prompt_tokens: 1500, completion_tokens: 600 },
      }),
    );
  });
});

/** A folder in MovieLens' CSV form; returns its path. */
async function writeData(users: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `recsys-chat-${users}-`));
  const rng = new Rng(1);
  const movies = Array.from(
    { length: MOVIES },
    (_, n) => `${n + 1},"Film ${n + 1}, The (${1950 + ((n + 1) % 70)})",${n % 2 === 0 ? 'Drama' : 'Comedy'}`,
  );
  const ratings: string[] = [];
  for (let user = 1; user <= users; user++) {
    const own = new Set<number>();
    while (own.size < RATINGS_PER_USER) own.add(1 + Math.floor(MOVIES * rng.uniform() ** 2));
    for (const movie of own) {
      ratings.push(
        `${user},${movie},${(1 + rng.int(9)) / 2 + 0.5},${1_000_000_000 + 3600 * rng.int(50_000)}`,
      );
    }
  }
  await writeFile(join(folder, 'movies.csv'), `movieId,title,genres\n${movies.join('\n')}\n`);
  await writeFile(join(folder, 'ratings.csv'), `userId,movieId,rating,timestamp\n${ratings.join('\n')}\n`);
  return folder;
}

/** Seconds and peak resident memory of one run of the program. Throws Error where it fails. */
async function run(argv: string[]): Promise<{ seconds: number; peakMB: number }> {
  const command = [process.execPath, join(root, 'dist/cli.js'), ...argv];
  const { code, stderr, seconds, peakKB } = await runProcess(command, process.env);
  if (code !== 0) throw new Error(stderr);
  return { seconds, peakMB: peakKB / 1024 };
}

async function measure(users: number, url: string): Promise<ChatBenchmark['rows'][number]> {
  const data = await writeData(users);
  const results = await mkdtemp(join(tmpdir(), 'recsys-chat-results-'));
  const common = ['openai', '--dataset', data, '--base-url', url, '--model', 'loopback', '--quiet'];
  const argv = [
    ...common,
    '--num-users',
    String(users),
    '--concurrency',
    String(CONCURRENCY),
    '--compare-with',
    'popularity',
    '--results-dir',
    results,
    '--threshold',
    '0',
  ];
  asked.length = 0;
  const first = await run(argv);
  const requests = asked.length;
  const distinct = new Set(asked).size;
  const second = await run(argv);
  const row = {
    users,
    requests,
    askedTwice: requests - distinct,
    requestsOfSecondRun: asked.length - requests,
    seconds: first.seconds,
    secondsOfSecondRun: second.seconds,
    peakMB: Math.max(first.peakMB, second.peakMB),
  };
  await rm(data, { recursive: true });
  await rm(results, { recursive: true });
  return row;
}

await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
const rows = [await measure(610, url), await measure(6040, url)];
server.close();
const record = chatBenchmarkSchema.parse({
  concurrency: CONCURRENCY,
  date: new Date().toISOString(),
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  rows,
});
await writeFileAtomic(join(root, 'results/benchmark_chat.json'), jsonText(record));
console.log(jsonText(record));
