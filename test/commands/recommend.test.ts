import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openParquet } from '../../src/data/files/parquet.ts';
import { recsys, smallFolder } from '../support/cli.ts';

let dataset: string;
let cwd: string;
const run = (...argv: string[]) => recsys(argv, { cwd });
beforeAll(async () => {
  dataset = await smallFolder();
  cwd = await mkdtemp(join(tmpdir(), 'recsys-recommend-'));
  for (const model of ['mf', 'fm', 'ease', 'popularity']) {
    const { code, stderr } = await run('fit', model, '--dataset', dataset, '--save', `models/${model}`);
    expect([code, stderr]).toEqual([0, '']);
  }
});
afterAll(async () => {
  await rm(dataset, { recursive: true });
  await rm(cwd, { recursive: true });
});

interface Printed {
  model: { name: string; fittedOn: { split: string; trainRatings: number } };
  lists: {
    user: number | string | null;
    recommendations: {
      rank: number;
      movieId: number;
      title: string;
      year: number | null;
      genres: string[];
      score: number;
      why: { because: string; weight: number }[];
    }[];
  }[];
}

async function lists(...argv: string[]): Promise<Printed> {
  const { code, stdout, stderr } = await run('recommend', ...argv, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Printed;
}

async function ratedBy(user: number): Promise<number[]> {
  const lines = (await readFile(join(dataset, 'ratings.csv'), 'utf8')).trim().split('\n');
  return lines
    .map((line) => line.split(',').map(Number))
    .filter(([id]) => id === user)
    .map(([, movie]) => movie!);
}

describe('recsys fit', () => {
  it('says on what the model was fitted: all ratings, or the training part', async () => {
    const all = await run('fit', 'popularity', '--dataset', dataset, '--save', 'said');
    expect(all.stdout).toMatch(/^popularity fitted on all \d+ ratings of .*, saved in said\n$/);
    const part = await run(
      'fit',
      'popularity',
      '--dataset',
      dataset,
      '--save',
      'said',
      '--split',
      'per-user-random',
      '--json',
    );
    const manifest = JSON.parse(part.stdout) as { fittedOn: { split: string; trainRatings: number } };
    expect(manifest.fittedOn.split).toBe('per-user-random');
    const count = (await readFile(join(dataset, 'ratings.csv'), 'utf8')).trim().split('\n').length - 1;
    expect(manifest.fittedOn.trainRatings).toBeLessThan(count);
    expect(manifest.fittedOn.trainRatings).toBeGreaterThan(0.7 * count);
  });

  it('refuses to fit without a folder to save to', async () => {
    const { code, stderr } = await run('fit', 'mf', '--dataset', dataset);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--save: not given')]);
  });

  it('baseline --save-models saves models that give the lists of its record', async () => {
    const { code } = await run(
      'baseline',
      '--models',
      'mf,popularity',
      '--dataset',
      dataset,
      '--quiet',
      '--k',
      '5',
      '--save-models',
      'kept',
      '--save-recommendations',
    );
    expect(code).toBe(0);
    const saved = await run('recommend', '--model', 'kept/mf', '--all-users', '--k', '5');
    const users = new Set<string>();
    const recorded = await readFile(join(cwd, 'results', 'baseline_recommendations.mf.csv'), 'utf8');
    for (const line of recorded.trim().split('\n').slice(1)) users.add(line.split(',')[0]!);
    const own = saved.stdout.split('\n').filter((line) => users.has(line.split(',')[0]!));
    expect(own).toEqual(recorded.trim().split('\n').slice(1));
  });
});

describe('recsys recommend', () => {
  it.each(['mf', 'fm', 'ease', 'popularity'])('gives users of the data lists from %s', async (name) => {
    const { model, lists: found } = await lists('--model', `models/${name}`, '--user', '3,4', '--k', '4');
    expect(model).toMatchObject({ name, fittedOn: { split: 'none' } });
    expect(found.map(({ user }) => user)).toEqual([3, 4]);
    for (const { user, recommendations } of found) {
      expect(recommendations.map(({ rank }) => rank)).toEqual([1, 2, 3, 4]);
      const rated = await ratedBy(Number(user));
      for (const { movieId, title, year, why } of recommendations) {
        expect(rated).not.toContain(movieId);
        expect(title).toBe(`The Film ${movieId}`);
        expect(year).toBe(1980 + ((movieId - 1) % 40));
        if (name === 'mf' || name === 'ease') expect(why[0]!.because).toMatch(/^The Film \d+ \(\d{4}\)$/);
        if (name === 'popularity') expect(why).toEqual([]);
      }
    }
  });

  it('gives features as reasons of FM', async () => {
    const { lists: found } = await lists('--model', 'models/fm', '--user', '1');
    const reasons = found[0]!.recommendations.flatMap(({ why }) => why.map(({ because }) => because));
    expect(reasons.length).toBeGreaterThan(0);
    expect(reasons.every((reason) => /^(genres|decade):/.test(reason))).toBe(true);
  });

  it.each(['mf', 'fm', 'ease', 'popularity'])('gives somebody new a list from %s', async (name) => {
    const { lists: found } = await lists(
      '--model',
      `models/${name}`,
      '--like',
      'The Film 2',
      '--like',
      '4',
      '--dislike',
      'Film 5, The (1984)',
    );
    expect(found).toHaveLength(1);
    expect(found[0]!.user).toBe(null);
    const ids = found[0]!.recommendations.map(({ movieId }) => movieId);
    expect(ids).toHaveLength(10);
    expect(ids.filter((id) => [2, 4, 5].includes(id))).toEqual([]);
  });

  it('reads ratings from a file by title or id, and as Letterboxd and IMDb export them', async () => {
    const files = {
      'ids.csv': 'movieId,rating\n2,5\n4,4.5\n5,1\n',
      'titles.csv': 'title,rating\n"Film 2, The (1981)",5\nThe Film 4 (1983),4.5\n5,1\n',
      'letterboxd.csv':
        'Date,Name,Year,Letterboxd URI,Rating\n2024-01-01,The Film 2,1981,x,5\n2024-01-01,The Film 4,1983,x,4.5\n2024-01-01,The Film 5,1984,x,1\n',
      'imdb.csv':
        'Const,Your Rating,Title,Year\ntt1,10,The Film 2,1981\ntt2,9,The Film 4,1983\ntt3,2,The Film 5,1984\n',
    };
    const found = [];
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(cwd, name), text);
      found.push((await lists('--model', 'models/mf', '--ratings', name)).lists);
    }
    for (const other of found.slice(1)) expect(other).toEqual(found[0]);
  });

  it('leaves a disliked movie out of the list, and helps no other by it, where all ratings are equal', async () => {
    const saved = 'models/clicks';
    const fit = await run('fit', 'ease', '--dataset', dataset, '--binarize', '4', '--save', saved);
    expect(fit.code).toBe(0);
    const idsOf = (text: string) =>
      (JSON.parse(text) as Printed).lists[0]!.recommendations.map(({ movieId }) => movieId);
    const ask = (...argv: string[]) => run('recommend', '--model', saved, '--k', '1000', '--json', ...argv);
    const without = idsOf((await ask('--like', '2')).stdout);
    const disliked = without[0]!;
    const { code, stdout, stderr } = await ask('--like', '2', '--dislike', String(disliked));
    expect([code, idsOf(stdout)]).toEqual([0, without.slice(1)]);
    expect(stderr).toMatch(
      /^note: 1 movie that is disliked .* as all ratings that ease was fitted on are equal/,
    );
    // A file has stars all the same: 2 is liked, the other is not.
    await writeFile(join(cwd, 'clicked.csv'), `movieId,rating\n2,4.5\n${disliked},3\n`);
    expect(idsOf((await ask('--ratings', 'clicked.csv')).stdout)).toEqual(without.slice(1));
    const none = await ask('--dislike', '2');
    expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/^error: ease: no liked movie/)]);
  });

  it('says which ratings of a file are left out, and refuses ratings off the scale', async () => {
    await writeFile(join(cwd, 'some.csv'), 'title,rating\nNowhere Land (1950),5\nThe Film 4 (1983),4.5\n');
    const some = await run('recommend', '--model', 'models/mf', '--ratings', 'some.csv');
    expect([some.code, some.stderr]).toEqual([
      0,
      expect.stringMatching(/some.csv:2: no movie 'Nowhere Land .* left out/),
    ]);
    await writeFile(join(cwd, 'bad.csv'), 'title,rating\nThe Film 4 (1983),11\n');
    const bad = await run('recommend', '--model', 'models/mf', '--ratings', 'bad.csv');
    expect([bad.code, bad.stderr]).toEqual([1, "error: bad.csv:2: rating '11', expected 0.5 to 5 stars\n"]);
  });

  it('filters by genre, years and number of ratings', async () => {
    const { lists: found } = await lists(
      '--model',
      'models/ease',
      '--user',
      '1',
      '--genre',
      'comedy',
      '--years',
      '1990-1999',
      '--k',
      '40',
    );
    expect(found[0]!.recommendations.length).toBeGreaterThan(0);
    for (const { genres, year } of found[0]!.recommendations) {
      expect(genres).toContain('Comedy');
      expect(year! >= 1990 && year! <= 1999).toBe(true);
    }
    const none = await run('recommend', '--model', 'models/ease', '--user', '1', '--min-ratings', '5000');
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('--min-ratings 5000: none of')]);
    const genre = await run('recommend', '--model', 'models/ease', '--user', '1', '--genre', 'Western');
    expect(genre.stderr).toContain("--genre: 'Western', expected Comedy, Drama, Thriller");
  });

  it('recommends what was rated only when asked to', async () => {
    const argv = ['--model', 'models/mf', '--user', '1', '--k', '40'];
    const rated = await ratedBy(1);
    const ids = async (...more: string[]) =>
      (await lists(...argv, ...more)).lists[0]!.recommendations.map(({ movieId }) => movieId);
    expect(await ids('--exclude-seen')).toEqual(await ids());
    expect(await ids()).toHaveLength(40 - rated.length);
    expect(await ids('--no-exclude-seen')).toHaveLength(40);
  });

  it('prints a table within 80 columns, and CSV that a spreadsheet reads', async () => {
    const table = await run('recommend', '--model', 'models/mf', '--user', '425,1');
    expect([table.code, table.stderr]).toEqual([2, expect.stringContaining('no user 425')]);
    const { stdout } = await run('recommend', '--model', 'models/mf', '--user', '1');
    expect(stdout).toMatch(/^For user 1, by mf, fitted on all ratings of /);
    expect(stdout).toMatch(/^ {2}1 {2}The Film \d+ +\d{4} .* 0[.]\d{4}$/m);
    expect(stdout).toMatch(/because of The Film \d+/);
    expect(
      stdout
        .split('\n')
        .slice(1)
        .filter((line) => line.length > 80),
    ).toEqual([]);
    const csv = await run('recommend', '--model', 'models/mf', '--user', '1', '--k', '2', '--csv');
    const lines = csv.stdout.split('\n');
    expect(lines[0]).toBe('userId,movieId,rank,score,title,year,genres,why');
    expect(lines[1]).toMatch(/^1,\d+,1,[\d.]+,The Film \d+,\d{4},\w+\|\w+,/);
  });

  it('writes the lists of all users to a file that `recsys evaluate` reads', async () => {
    const { code } = await run('recommend', '--model', 'models/mf', '--all-users', '--output', 'all.csv');
    expect(code).toBe(0);
    const lines = (await readFile(join(cwd, 'all.csv'), 'utf8')).trim().split('\n');
    expect(lines[0]).toBe('userId,movieId,rank,score');
    expect(lines.length).toBeGreaterThan(30 * 9);
    const scored = await run('evaluate', '--recommendations', 'all.csv', '--dataset', dataset);
    expect([scored.code, scored.stdout]).toEqual([0, expect.stringContaining('NDCG')]);
  });

  it('takes a person with EASE of the most rated movies, whose other movies count for nothing', async () => {
    const fitted = await run(
      'fit',
      'ease',
      '--dataset',
      dataset,
      '--max-items',
      '12',
      '--save',
      'models/few',
    );
    expect(fitted.code).toBe(0);
    const all = await run('recommend', '--model', 'models/few', '--all-users', '--k', '60');
    const rows = all.stdout.trim().split('\n').slice(1);
    const known = [...new Set(rows.map((line) => line.split(',')[1]!))];
    expect(known).toHaveLength(12);
    const everything = await run('recommend', '--model', 'models/popularity', '--all-users', '--k', '60');
    const others = everything.stdout.trim().split('\n').slice(1);
    const outside = others.map((line) => line.split(',')[1]!).find((id) => !known.includes(id))!;
    const few = ['--model', 'models/few', '--csv', '--like'];
    const alone = await run('recommend', ...few, known[0]!);
    expect(alone.stdout.split('\n')).toHaveLength(1 + 10 + 1); // of 11 others
    const beside = await run('recommend', ...few, known[0]!, '--like', outside);
    expect(beside.stdout).toBe(alone.stdout);
    expect(beside.stderr).toMatch(/note: ease does not know .+: not counted/);
    const none = await run('recommend', ...few, outside);
    expect([none.code, none.stdout]).toEqual([2, '']);
    expect(none.stderr).toContain('none of the rated movies is among the 12 that the model knows');
  });

  it('takes users by ids of text', async () => {
    const ratings = await readFile(join(dataset, 'ratings.csv'), 'utf8');
    await writeFile(join(cwd, 'text.csv'), ratings.replaceAll(/^(?=\d)/gm, 'u'));
    const fit = ['fit', 'popularity', '--dataset', 'text.csv', '--save', 'models/text', '--quiet'];
    expect((await run(...fit)).code).toBe(0);
    const { lists: found } = await lists('--model', 'models/text', '--user', 'u3,u12', '--k', '2');
    const { lists: same } = await lists('--model', 'models/popularity', '--user', '3,12', '--k', '2');
    expect(found.map(({ user }) => user)).toEqual(['u3', 'u12']);
    expect(same.map(({ user }) => user)).toEqual([3, 12]);
    const idsOf = (all: Printed['lists']) =>
      all.map(({ recommendations }) => recommendations.map(({ movieId }) => movieId));
    expect(idsOf(found)).toEqual(idsOf(same));
    const table = await run('recommend', '--model', 'models/text', '--user', 'u3');
    expect(table.stdout).toMatch(/^For user u3, by popularity/);
    const unknown = await run('recommend', '--model', 'models/text', '--user', '3');
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('no user 3 among the 30')]);
  });

  it('names movies by their ids where the data has no titles', async () => {
    const ratings = await readFile(join(dataset, 'ratings.csv'), 'utf8');
    await writeFile(join(cwd, 'untitled.csv'), ratings);
    const fitted = await run(
      'fit',
      'ease',
      '--dataset',
      'untitled.csv',
      '--save',
      'models/untitled',
      '--quiet',
    );
    expect(fitted.code).toBe(0);
    const { stdout } = await run('recommend', '--model', 'models/untitled', '--user', '3', '--k', '2');
    expect(stdout).toMatch(/^ {2}1 {2}movie \d+ .+\n {5}because of movie \d+/m);
  });

  it('writes the same rows to Parquet, where the name says so', async () => {
    for (const file of ['rows.csv', 'rows.parquet']) {
      const model = ['--model', 'models/ease', '--all-users', '--k', '7'];
      expect(await run('recommend', ...model, '--output', file)).toMatchObject({ code: 0, stdout: '' });
    }
    const { rows, names } = await openParquet(join(cwd, 'rows.parquet'), 'rows.parquet');
    const lines = [names.join(',')];
    for await (const row of rows()) lines.push(row.join(','));
    expect(lines.length).toBeGreaterThan(30 * 6);
    expect(lines).toEqual((await readFile(join(cwd, 'rows.csv'), 'utf8')).trim().split('\n'));
    const scored = await run('evaluate', '--recommendations', 'rows.parquet', '--dataset', dataset);
    expect([scored.code, scored.stdout]).toEqual([0, expect.stringContaining('NDCG')]);
  });

  it('names what is wrong with who is asked for', async () => {
    const model = ['--model', 'models/mf'];
    for (const [argv, message] of [
      [[...model], 'nobody to recommend to'],
      [[...model, '--user', '1', '--like', '2'], 'users and a new person at once'],
      [[...model, '--user', '999'], 'no user 999 among the 30'],
      [[...model, '--like', 'Flim 2'], 'Did you mean The Film 2'],
      [[...model, '--like', '2', '--dislike', 'The Film 2'], 'is among those liked as well'],
    ] as const) {
      const { code, stderr } = await run('recommend', ...argv);
      expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    }
  });

  it('refuses a model of other data, and one that cannot take up a new person', async () => {
    const other = await run(
      'recommend',
      '--model',
      'models/mf',
      '--user',
      '1',
      '--dataset',
      'ml-latest-small-2016',
    );
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('expected a model of ml-latest')]);
    await run('fit', 'mf', '--solver', 'bpr', '--epochs', '1', '--dataset', dataset, '--save', 'bpr');
    const { code, stderr } = await run('recommend', '--model', 'bpr', '--like', '2');
    expect([code, stderr]).toEqual([2, expect.stringContaining('by solver bpr cannot take up a new person')]);
  });
});
