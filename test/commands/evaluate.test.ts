import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { recordSchema } from '../../src/experiment/record.ts';
import { recsys } from '../support/cli.ts';

let cwd: string;
const write = (name: string, ...lines: string[]) => writeFile(join(cwd, name), `${lines.join('\n')}\n`);

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'recsys-evaluate-'));
  await write('train.csv', 'userId,movieId,rating', '1,9,5', '2,9,3', '2,1,4', '3,1,5');
  await write('test.csv', 'userId,movieId,rating', '1,1,5', '1,2,4', '2,3,3', '3,9,5');
});

async function evaluate(...argv: string[]) {
  const split = ['--train', 'train.csv', '--test', 'test.csv', '--k', '2'];
  const finished = await recsys(['evaluate', ...split, '--recommendations', ...argv], { cwd });
  return finished;
}

async function result(...argv: string[]) {
  const { stdout, stderr, code } = await evaluate(...argv, '--json', '--quiet');
  expect([code, stderr]).toEqual([0, '']);
  return recordSchema.parse(JSON.parse(stdout)).models[0]!;
}

describe('recsys evaluate', () => {
  it('scores lists by rank: one hit of two for user 1, none for user 3; user 2 has nothing relevant', async () => {
    await write('lists.csv', 'userId,movieId,rank', '1,3,2', '1,1,1', '2,3,1', '3,2,1', '3,3,2');
    const { metrics, users, facts } = await result('lists.csv');
    expect(metrics['2']!.precision.mean).toBe((1 / 2 + 0) / 2);
    expect(metrics['2']!.recall.mean).toBe((1 / 2 + 0) / 2);
    expect(users).toEqual({ evaluated: 2, withoutRelevant: 1, shortLists: 0, emptyLists: 0 });
    expect(facts['orderedBy']).toBe('rank');
  });

  it('orders by score, equal scores by ascending movie id, without a header', async () => {
    await write('scores.tsv', '1\t3\t0.5', '1\t2\t0.5', '1\t9\t0.1');
    const { perUser, users, facts } = await result('scores.tsv');
    expect(perUser.hitRanks).toEqual([[1], []]);
    expect(users.emptyLists).toBe(1);
    expect(facts['orderedBy']).toBe('score');
  });

  it('reads --columns of the ratings beside --list-columns of the lists', async () => {
    await write('lists.csv', 'u,i,s,x', '1,2,9,1', '3,9,9,1');
    const both = ['--list-columns', 'user=u,item=i,rank=x', '--columns', 'score=rating'];
    expect((await result('lists.csv', ...both)).perUser.hitRanks).toEqual([[1], [1]]);
    const wrong = await evaluate(
      'lists.csv',
      '--list-columns',
      'user=u,item=i,rank=x',
      '--columns',
      'score=z',
    );
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringMatching(/--columns: score=z, expected a name/),
    ]);
  });

  it('makes every test row relevant with --threshold 0', async () => {
    await write('lists.csv', '1,1,1', '2,3,1', '3,9,1');
    const { users, metrics } = await result('lists.csv', '--threshold', '0');
    expect(users.evaluated).toBe(3);
    expect(metrics['2']!.hitRate.mean).toBe(1);
  });

  it('refuses lists of nobody in the data, and says which flag names a wrong column', async () => {
    await write('lists.csv', 'user,item,rank', 'u1,1,1', 'u2,9,1');
    const strangers = await evaluate('lists.csv');
    expect([strangers.code, strangers.stderr]).toEqual([
      1,
      expect.stringMatching(
        /lists.csv: lists of 2 users, none of them in the data, first user u1, expected ids .* 1[.] Use /,
      ),
    ]);
    const wrong = await evaluate('lists.csv', '--list-columns', 'user=user,item=item,rank=z');
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringMatching(/^error: --list-columns: rank=z, /m),
    ]);
  });

  it('counts repeated, unknown and already rated movies and unknown users', async () => {
    await write('lists.csv', 'user,item,rank', '1,1,1', '1,1,2', '1,77,3', '3,1,1', '8,1,1');
    const { facts, metrics } = await result('lists.csv');
    expect(facts).toEqual({
      orderedBy: 'rank',
      repeatedMovies: 1,
      unknownUsers: 1,
      unknownMovies: 1,
      ratedInTrain: 1,
    });
    expect(metrics['2']!.precision.mean).toBe((1 / 2 + 0) / 2);
  });

  it('uses another tool’s definitions with --compat and records it', async () => {
    await write('lists.csv', '1,1,1', '3,9,1');
    expect((await result('lists.csv')).metrics['2']!.precision.mean).toBe(0.5);
    expect((await result('lists.csv', '--compat', 'lenskit')).metrics['2']!.precision.mean).toBe(1);
  });

  it('has a number for every metric with --compat elliot, the usual ones besides NDCG', async () => {
    await write('lists.csv', '1,3,1', '1,2,2', '3,9,1');
    const { metrics: usual } = await result('lists.csv');
    const { metrics: graded, perUser } = await result('lists.csv', '--compat', 'elliot');
    expect(perUser.hitRanks).toEqual([[2], [1]]);
    const { ndcg, ...others } = graded['2']!;
    expect({ ...usual['2'], ndcg }).toEqual({ ...others, ndcg });
    // Gains are 1 of a 4, 3 of a 5. User 1 has the 4 on rank 2 and misses the 5; user 3 has the only one.
    const second = 1 / Math.log2(3);
    expect(ndcg.mean).toBeCloseTo((second / (3 + second) + 1) / 2, 14);
  });

  it('names file and line of a bad row', async () => {
    await write('bad.csv', 'userId,movieId,rank', '1,1,1', '1,x,2');
    const { code, stderr } = await evaluate('bad.csv');
    expect([code, stderr]).toEqual([
      1,
      "error: bad.csv:3: movie id 'x', expected a whole number. Mend that line, or delete it.\n",
    ]);
  });

  it('wants to know the file', async () => {
    const { code, stderr } = await recsys(['evaluate', '--train', 'train.csv', '--test', 'test.csv'], {
      cwd,
    });
    expect([code, stderr]).toEqual([2, 'error: --recommendations: not given. See --help.\n']);
  });
});
