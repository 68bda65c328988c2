/** Both pages in a real browser: opened from disk, without network. Screenshots go to coverage/screenshots. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compare } from '../../src/experiment/compare/index.ts';
import { explore } from '../../src/explore/index.ts';
import { comparePage } from '../../src/report/compare/page.ts';
import { explorePage } from '../../src/report/explore/page.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { hasBrowser, howToGetABrowser, openBrowser } from '../support/browser.ts';
import { languageRecordOf } from '../support/language-records.ts';
import { recordOf } from '../support/records.ts';

const hostile = `<script>document.title = 'owned'</script><img src=x onerror="document.title = 'owned'"> & "x" (1999)`;
const screenshots = join('coverage', 'screenshots');
const context = { progress: silentProgress, signal: new AbortController().signal };

if (!hasBrowser) console.warn(`test/browser is skipped: ${howToGetABrowser}`); // eslint-disable-line no-console

describe.skipIf(!hasBrowser)('the pages in a browser', () => {
  let folder: string;
  let browser: Browser;
  const files = new Map<string, string>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'recsys-pages-'));
    await mkdir(screenshots, { recursive: true });
    browser = await openBrowser();
    for (const [name, html] of [
      ['exploration', await explorationOfHostileData(folder)],
      ['comparison', await comparisonOfHostileTexts(folder)],
    ] as const) {
      files.set(name, join(folder, `${name}.html`));
      await writeFile(files.get(name)!, html);
    }
  });
  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  });

  for (const name of ['exploration', 'comparison']) {
    for (const colorScheme of ['light', 'dark'] as const) {
      it(`${name} opens from disk in ${colorScheme} with no request, no error and every chart drawn`, async () => {
        const { page, complaints } = await open(browser, files.get(name)!, { colorScheme, width: 1280 });
        await page.screenshot({ path: join(screenshots, `${name}-${colorScheme}.png`), fullPage: true });
        expect(complaints).toEqual([]);
        const charts = await drawnCharts(page);
        expect(charts.length).toBeGreaterThanOrEqual(10);
        expect(charts.filter(({ title, marks }) => title === '' || marks === 0)).toEqual([]);
        await page.close();
      });
    }

    it(`${name} fits a phone: nothing is wider than the screen`, async () => {
      const { page } = await open(browser, files.get(name)!, { colorScheme: 'light', width: 375 });
      await page.screenshot({ path: join(screenshots, `${name}-phone.png`), fullPage: true });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(375);
      await page.close();
    });

    it(`${name} has an accessible name and description for each chart`, async () => {
      const { page } = await open(browser, files.get(name)!, { colorScheme: 'light', width: 1280 });
      const named = await page.evaluate(`[...document.querySelectorAll('svg[role=img]')].map((svg) =>
        svg.getAttribute('aria-labelledby').split(' ').map((id) => document.getElementById(id)?.textContent ?? ''))`);
      for (const [title, description] of named as [string, string][]) {
        expect(title.length).toBeGreaterThan(5);
        expect(description.length).toBeGreaterThan(20);
      }
      await page.close();
    });

    it(`${name} lets the keyboard open the table behind a chart and reach into it`, async () => {
      const { page } = await open(browser, files.get(name)!, { colorScheme: 'light', width: 1280 });
      for (let presses = 0; presses < 20 && (await focused(page)) !== 'SUMMARY'; presses++) {
        await page.keyboard.press('Tab');
      }
      expect(await focused(page)).toBe('SUMMARY');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('region');
      expect(await page.locator('details[open] table').first().isVisible()).toBe(true);
      await page.close();
    });

    it(`${name} shows a hostile title as text and runs nothing of it`, async () => {
      const { page } = await open(browser, files.get(name)!, { colorScheme: 'light', width: 1280 });
      expect(await page.title()).not.toContain('owned');
      expect(await page.locator('body script, body img, body iframe').count()).toBe(0);
      expect(await page.locator('body').textContent()).toContain(hostile);
      await page.close();
    });

    it(`${name} prints on white with no chart cut by a page`, async () => {
      const { page } = await open(browser, files.get(name)!, { colorScheme: 'dark', width: 800 });
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(
        'rgb(255, 255, 255)',
      );
      expect(await page.evaluate('getComputedStyle(document.querySelector("figure")).breakInside')).toBe(
        'avoid',
      );
      await page.close();
    });
  }
});

/** Opens a file with every request but that for the file itself aborted and reported. */
async function open(
  browser: Browser,
  file: string,
  { colorScheme, width }: { colorScheme: 'light' | 'dark'; width: number },
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const url = pathToFileURL(file).href;
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  await page.route('**/*', async (route) => {
    const asked = route.request().url();
    if (asked === url) return await route.continue();
    complaints.push(`request: ${asked}`);
    await route.abort();
  });
  await page.goto(url);
  return { page, complaints };
}

/** Each chart's title as shown, and how many of its marks take up room in a colour. */
async function drawnCharts(page: Page): Promise<{ title: string; marks: number }[]> {
  const found = await page.evaluate(`[...document.querySelectorAll('figure')].map((figure) => ({
    title: figure.querySelector('h3').innerText.trim(),
    marks: [...figure.querySelectorAll('svg[role=img] .role-mark path')].filter((mark) => {
      const { width, height } = mark.getBoundingClientRect();
      const { fill, stroke } = getComputedStyle(mark);
      const paint = [fill, stroke].filter((colour) => colour !== 'none' && colour !== 'rgba(0, 0, 0, 0)');
      return (width > 0.5 || height > 0.5) && paint.length > 0;
    }).length,
  }))`);
  return found as { title: string; marks: number }[];
}

async function focused(page: Page): Promise<unknown> {
  return await page.evaluate('document.activeElement.tagName');
}

/** The embedded form of a release, small, in which the most rated movie has a hostile title. */
async function explorationOfHostileData(folder: string): Promise<string> {
  const data = join(folder, 'data');
  await mkdir(data);
  const movies = ['movieId,title,genres', `1,"${hostile.replaceAll('"', '""')}",<b>Bold</b>|Drama`];
  const ratings = ['userId,movieId,rating,timestamp'];
  const tags = ['userId,movieId,tag,timestamp'];
  for (let movie = 2; movie <= 40; movie++) {
    movies.push(`${movie},Movie ${movie} (${1960 + movie}),${movie % 3 === 0 ? 'Comedy' : 'Drama|Crime'}`);
  }
  for (let user = 1; user <= 160; user++) {
    for (let movie = 1; movie <= 40; movie++) {
      if (movie > 1 && (user * movie) % 3 === 0) continue;
      const stars = 1 + ((user + 3 * movie) % 9) / 2;
      ratings.push(`${user},${movie},${stars},${900_000_000 + 40_000_000 * (user % 12) + movie}`);
    }
    tags.push(`${user},1,"${hostile.replaceAll('"', '""')}",1000000000`);
  }
  await writeFile(join(data, 'movies.csv'), `${movies.join('\n')}\n`);
  await writeFile(join(data, 'ratings.csv'), `${ratings.join('\n')}\n`);
  await writeFile(join(data, 'tags.csv'), `${tags.join('\n')}\n`);
  const settings = { dataset: data, seed: 1, testShare: 0.2, threshold: 4, damping: 5 };
  return await explorePage(await explore(settings, context), `recsys explore --dataset ${hostile}`);
}

/** Two language models that answer with a hostile title, beside two other models. */
async function comparisonOfHostileTexts(folder: string): Promise<string> {
  const results = join(folder, 'results');
  await mkdir(results);
  const users = Array.from({ length: 30 }, (_, user) => user);
  const save = async (file: string, record: unknown) =>
    await writeFile(join(results, file), JSON.stringify(record));
  await save(
    'baseline_metrics.json',
    recordOf({
      mf: users.map((user) => (user % 4 === 0 ? [] : [1, 2 + (user % 5)])),
      popularity: users.map((user) => (user % 3 === 0 ? [4] : [])),
    }),
  );
  const answers = users.map((user) => (user % 2 === 0 ? [1] : []));
  await save('gpt2_recommendations.json', languageRecordOf('gpt2', answers, [hostile, 'Heat (1995)']));
  await save('openai_recommendations.json', languageRecordOf(`gpt-4o ${hostile}`, answers, [hostile]));
  await save('comparison.json', { experiment: 'comparison', protocol: {}, models: [] });
  const log = users.map((step) =>
    JSON.stringify({ step, loss: 4 - step / 10, ...(step % 10 === 0 && { validationLoss: 4 }) }),
  );
  await writeFile(join(results, 'gpt2_training.jsonl'), `${log.join('\n')}\n{"step": 30, "lo`);
  return await comparePage(await compare({ files: [], resultsDir: results }, context), 'recsys compare');
}
