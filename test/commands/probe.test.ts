import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { comparisonSchema } from '../../src/experiment/compare/record.ts';
import { probeSchema } from '../../src/experiment/probe/record.ts';
import { chatServer, type ChatBody, type ChatServer } from '../support/chat-server.ts';
import { recsys, smallFolder } from '../support/cli.ts';

let dataset: string;
let cwd: string;
let server: ChatServer;
/** The lines of the files, which the model knows. */
let movies: string[];
let rows: string[];

beforeEach(async () => {
  dataset = await smallFolder(40, 40);
  cwd = await mkdtemp(join(tmpdir(), 'recsys-probe-'));
  const linesOf = async (name: string) =>
    (await readFile(join(dataset, name), 'utf8')).trim().split('\n').slice(1);
  [movies, rows] = await Promise.all([linesOf('movies.csv'), linesOf('ratings.csv')]);
  server = await chatServer(knowsByHeart);
});
afterEach(() => server.close());

/** Answers from the files: movies with an even id, and every rating. */
function knowsByHeart({ messages }: ChatBody): string {
  const text = messages.at(-1)!.content;
  const id = /line that begins with "(\d+),"/.exec(text)?.[1];
  if (id !== undefined) {
    const line = movies.find((own) => own.startsWith(`${id},`))!;
    return Number(id) % 2 === 0 ? /"(.*)"/.exec(line)![1]! : 'I do not know.';
  }
  const user = /rows of user (\d+)/.exec(text)?.[1];
  if (user !== undefined) {
    const own = rows.filter((row) => row.startsWith(`${user},`)).slice(0, 5);
    return own
      .map((row) => /"(.*)"/.exec(movies.find((line) => line.startsWith(`${row.split(',')[1]},`))!)![1])
      .join('\n');
  }
  const shown = text.split('\n').filter((line) => /^\d+,\d+,/.test(line));
  return rows[rows.indexOf(shown.at(-1)!) + 1] ?? 'none';
}

const probe = (...more: string[]) =>
  recsys(
    [
      'probe',
      '--dataset',
      dataset,
      '--base-url',
      server.url,
      '--model',
      'm',
      '--items',
      '20',
      '--users',
      '5',
      '--ratings',
      '10',
      ...more,
    ],
    { cwd },
  );

const record = async () =>
  probeSchema.parse(JSON.parse(await readFile(join(cwd, 'results/probe_m.json'), 'utf8')));

describe('recsys probe', () => {
  it('tells what the model knows from what permuted ids and a popular guess have right, once asked', async () => {
    const { code, stdout } = await probe();
    expect([code, server.requests.length]).toEqual([0, 2 * (20 + 5 + 10)]);
    expect(server.requests.every(({ body }) => body.response_format === undefined)).toBe(true);
    const { measures, knownItems, unknownItems } = await record();
    const measure = (name: string) => measures.find((own) => own.name === name)!;
    expect(knownItems.every((id) => Number(id) % 2 === 0)).toBe(true);
    expect(unknownItems.every((id) => Number(id) % 2 === 1)).toBe(true);
    expect(measure('items').correct.mean).toBeCloseTo(knownItems.length / 20, 12);
    expect(measure('items').difference.ci95[0]).toBeGreaterThan(0);
    expect(measure('users').correct.mean).toBe(1);
    expect(measure('users').permuted.mean).toBeLessThan(1);
    expect(measure('ratings')).toMatchObject({ correct: { mean: 1 }, permuted: { mean: 0 } });
    expect(measure('stars').correct.mean).toBe(1);
    expect(stdout).toContain('It knows more than permuted ids allow');

    const before = await record();
    await probe();
    expect(server.requests).toHaveLength(70); // all kept
    await server.close();
    const again = await probe('--replay', 'results/probe_m.json', '--json');
    expect(again.code).toBe(0);
    expect({ ...JSON.parse(again.stdout), environment: null }).toEqual({
      ...before,
      checksum: undefined,
      environment: null,
    });
  });

  it('gives compare the movies that were known and those that were not', async () => {
    await probe();
    await recsys(['popularity', '--dataset', dataset], { cwd });
    expect((await recsys(['compare'], { cwd })).stdout).toContain('On movies that m knew by their ids');
    const text = await readFile(join(cwd, 'results/comparison.json'), 'utf8');
    const { slices } = comparisonSchema.parse(JSON.parse(text));
    expect(slices.map(({ name }) => name)).toEqual(expect.arrayContaining(['known to m', 'unknown to m']));
    for (const { users, models } of slices) {
      expect(users).toBeGreaterThan(0);
      expect(models[0]!.metrics).not.toBeNull();
    }
  });

  it('shows its cost without a request, refuses another file as a replay, and writes nothing when all failed', async () => {
    const dry = await probe('--dry-run', '--price-input', '1', '--price-output', '1');
    expect(dry.stdout).toMatch(
      /m: 70 questions, half of them with ids permuted; [\d,]+ input tokens .*at most 0[.]\d{4} USD/,
    );
    expect(server.requests).toHaveLength(0);
    const other = await probe('--replay', join(dataset, 'ratings.csv'));
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('the record of a probe')]);
    server.behave(() => ({ status: 500, error: { message: 'out of order' } }));
    const failed = await probe('--retries', '0');
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('out of order')]);
    await expect(record()).rejects.toThrow(/ENOENT/);
  });
});
