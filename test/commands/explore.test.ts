import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { explorationSchema } from '../../src/explore/record.ts';
import { recsys, smallFolder } from '../support/cli.ts';

let dataset: string;
let cwd: string;
beforeAll(async () => {
  dataset = await smallFolder();
  cwd = await mkdtemp(join(tmpdir(), 'recsys-cwd-'));
});

describe('recsys explore', () => {
  it('prints a summary, writes page and numbers, and says where', async () => {
    const { code, stdout, stderr } = await recsys(['explore', '--dataset', dataset], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain('most divisive');
    expect(stderr).toContain('saved results/exploration.json');
    expect(stderr).toContain('saved results/exploration.html');
    const numbers = JSON.parse(await readFile(join(cwd, 'results/exploration.json'), 'utf8')) as unknown;
    expect(explorationSchema.parse(numbers).dataset.users).toBe(30);
    const page = await readFile(join(cwd, 'results/exploration.html'), 'utf8');
    expect(page).toContain(`recsys explore --dataset ${dataset}`);
  });

  it('prints the numbers and nothing else on standard output with --json', async () => {
    const { stdout } = await recsys(['explore', '--dataset', dataset, '--json', '--quiet'], { cwd });
    expect(explorationSchema.parse(JSON.parse(stdout)).experiment).toBe('exploration');
  });

  it('takes the embedded release when none is named, and another folder for results', async () => {
    const resultsDir = join(cwd, 'elsewhere');
    const { stdout } = await recsys(['explore', '--results-dir', resultsDir, '--quiet'], { cwd });
    expect(stdout).toMatch(/^ml-latest-small-2016: 100,004 ratings/);
    expect((await stat(join(resultsDir, 'exploration.html'))).size).toBeLessThan(1_000_000);
  });

  it.each([
    ['one genre', ['1,1,4,100', '2,2,5,200', '2,3,3,300']],
    ['one rating', ['1,1,4,100']],
  ])('draws what there is to draw of a data set with %s', async (_name, ratings) => {
    const folder = await mkdtemp(join(tmpdir(), 'recsys-least-'));
    await writeFile(join(folder, 'ratings.csv'), `userId,movieId,rating,timestamp\n${ratings.join('\n')}\n`);
    const movies = [1, 2, 3].map((id) => `${id},Film ${id} (1990),Drama`);
    await writeFile(join(folder, 'movies.csv'), `movieId,title,genres\n${movies.join('\n')}\n`);
    const { code, stderr } = await recsys(['explore', '--dataset', folder, '--quiet'], { cwd });
    expect([code, stderr]).toEqual([0, '']);
  });

  it('saves and names movies whose ids are text, and those without titles', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recsys-text-ids-'));
    const ratings = ['1,tt01,3', '2,tt01,3', '1,tt02,5', '2,tt02,5', '2,tt03,4'];
    await writeFile(join(folder, 'ratings.csv'), `userId,movieId,rating\n${ratings.join('\n')}\n`);
    const argv = ['explore', '--dataset', folder, '--results-dir', folder];
    const untitled = await recsys(argv, { cwd });
    expect(untitled.code).toBe(0);
    const page = await readFile(join(folder, 'exploration.html'), 'utf8');
    expect(page).toContain('movie tt02 has the highest damped mean');
    const bestOf = async () => {
      const text = await readFile(join(folder, 'exploration.json'), 'utf8');
      return explorationSchema.parse(JSON.parse(text)).bestRated[0]!;
    };
    expect(await bestOf()).toMatchObject({ movieId: 'tt02', title: 'movie tt02', mean: 5 });
    const movies = ['tt01,A (1990),Drama', 'tt02,"Best, The (1991)",Drama', 'tt03,C (1992),Drama'];
    await writeFile(join(folder, 'movies.csv'), `movieId,title,genres\n${movies.join('\n')}\n`);
    const titled = await recsys(argv, { cwd });
    expect(titled.code).toBe(0);
    expect(await bestOf()).toMatchObject({ movieId: 'tt02', title: 'The Best (1991)' });
  });

  it('refuses a data set that is not there with exit code 1 and a remedy', async () => {
    const { code, stderr } = await recsys(['explore', '--dataset', 'nowhere'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toContain("no data set 'nowhere'");
  });
});
