/** Both pages in a real browser: opened from disk, without network. Screenshots go to coverage/screenshots, which CI keeps. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compare } from '../../src/experiment/compare/index.ts';
import { explore } from '../../src/explore/index.ts';
import { comparePage } from '../../src/report/compare/page.ts';
import { explorePage } from '../../src/report/explore/page.ts';
import { colour, seriesColours } from '../../src/report/theme.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { hasBrowser, openBrowser, skippedWithoutBrowser } from '../support/browser.ts';
import { languageRecordOf } from '../support/language-records.ts';
import { recordOf } from '../support/records.ts';

const hostile = `<script>document.title = 'owned'</script><img src=x onerror="document.title = 'owned'"> & "x" (1999)`;
const screenshots = join('coverage', 'screenshots');
const context = { progress: silentProgress, signal: new AbortController().signal };

describe.runIf(hasBrowser)(`the pages in a browser${skippedWithoutBrowser}`, () => {
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
        const { page, complaints } = await open(browser, files.get(name)!, { colorScheme, width: 1400 });
        await page.screenshot({ path: join(screenshots, `${name}-${colorScheme}.png`), fullPage: true });
        expect(complaints).toEqual([]);
        const charts = await drawnCharts(page);
        expect(charts.length).toBeGreaterThanOrEqual(name === 'exploration' ? 12 : 8);
        expect(charts.filter(({ title, marks }) => title === '' || marks === 0)).toEqual([]);
        await page.close();
      });
    }

    it(`${name} fits a phone: nothing is wider than the screen`, async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page } = await open(browser, files.get(name)!, { colorScheme, width: 390 });
        await page.screenshot({
          path: join(screenshots, `${name}-phone-${colorScheme}.png`),
          fullPage: true,
        });
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
        await page.close();
      }
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

    it(`${name} has no violation that axe-core finds, in both themes`, async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page } = await open(browser, files.get(name)!, { colorScheme, width: 1280 });
        await page.evaluate(axe.source);
        const found = await page.evaluate(`axe.run().then(({ violations }) =>
          violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html).join(' ')))`);
        expect([colorScheme, found]).toEqual([colorScheme, []]);
        await page.close();
      }
    });

    it(`${name} prints on white with no chart cut by a page and no column lost`, async () => {
      const { page } = await open(browser, files.get(name)!, { colorScheme: 'dark', width: 700 });
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      await page.screenshot({ path: join(screenshots, `${name}-print.png`), fullPage: true });
      const lost = await page.evaluate(`[...document.querySelectorAll('.block>.scroll table')]
        .filter((table) => table.getBoundingClientRect().right > 701).map((table) => table.innerText)`);
      expect(lost).toEqual([]);
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

describe.runIf(hasBrowser)(`the comparison in a browser${skippedWithoutBrowser}`, () => {
  let folder: string;
  let browser: Browser;
  let file: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'recsys-pages-'));
    browser = await openBrowser();
    file = join(folder, 'comparison.html');
    await writeFile(file, await comparisonOfHostileTexts(folder));
  });
  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  });

  it('has its main table within 1144 pixels, and F1 and the verdict in sight on a phone', async () => {
    const wide = (await open(browser, file, { colorScheme: 'light', width: 1400 })).page;
    expect(await wide.evaluate('document.querySelector("#models table").offsetWidth')).toBeLessThanOrEqual(
      1144,
    );
    const phone = (await open(browser, file, { colorScheme: 'light', width: 390 })).page;
    const rights = (await phone.evaluate(`[...document.querySelectorAll('#models tr')].flatMap((row) =>
      [...row.cells].slice(0, 3).map((cell) => cell.getBoundingClientRect().right))`)) as number[];
    expect(rights.length).toBeGreaterThan(6);
    expect(Math.max(...rights)).toBeLessThanOrEqual(390);
    await Promise.all([wide.close(), phone.close()]);
  });

  it('sorts a table by a click on its head, and back', async () => {
    const { page } = await open(browser, file, { colorScheme: 'light', width: 1280 });
    const f1 = async () =>
      (await page.locator('#models>.scroll tbody td:nth-child(2)').allInnerTexts()).map((text) =>
        parseFloat(text),
      );
    const head = page.locator('#models>.scroll th:nth-child(2) button');
    await head.click();
    const down = await f1();
    await head.click();
    expect(await f1()).toEqual(down.toReversed());
    expect(down).toEqual(down.toSorted((a, b) => b - a));
    await page.close();
  });

  it('shows one example user where one is chosen, and the value of a mark under the pointer', async () => {
    const { page } = await open(browser, file, { colorScheme: 'light', width: 1280 });
    const visible = () => page.locator('.example').filter({ visible: true }).count();
    const all = await visible();
    expect(all).toBe(3);
    await page.locator('.choose select').selectOption('1');
    expect(await visible()).toBe(1);
    const mark = page.locator('#accuracy svg [data-tip]').first();
    await mark.hover({ force: true });
    expect(await page.locator('.tip').textContent()).toBe(await mark.getAttribute('data-tip'));
    await page.close();
  });

  it('marks hits in the lists of example users', async () => {
    const { page } = await open(browser, file, { colorScheme: 'light', width: 1280 });
    expect(await page.locator('.example .hit').count()).toBeGreaterThan(0);
    await page.close();
  });

  it('can be read as fully without its script', async () => {
    const page = await browser.newPage({ javaScriptEnabled: false });
    await page.goto(pathToFileURL(file).href);
    expect(await page.locator('.example').count()).toBe(3);
    expect(await page.locator('#models>.scroll table').isVisible()).toBe(true);
    await page.close();
  });
});

describe.runIf(hasBrowser)(`colours that must be told apart${skippedWithoutBrowser}`, () => {
  /** Colours that stand beside each other with different meanings. */
  const groups: Record<string, string[]> = {
    verdicts: [colour.shade2, colour.warm, colour.shade0],
    wins: [colour.shade3, colour.rule, colour.warm],
    marks: [colour.accent, colour.muted],
    'first three series': seriesColours.slice(0, 3),
  };

  for (const type of ['deuteranopia', 'protanopia'] as const) {
    it(`are, with ${type} as Chromium simulates it`, async () => {
      const browser = await openBrowser();
      for (const [name, colours] of Object.entries(groups)) {
        const seen = await simulated(browser, type, colours);
        for (const [n, a] of seen.entries()) {
          for (const b of seen.slice(n + 1)) {
            const distance = Math.hypot(...a.map((value, channel) => value - b[channel]!));
            expect([name, distance > 24]).toEqual([name, true]);
          }
        }
      }
      await browser.close();
    });
  }
});

/** What is seen of each colour, as red, green, blue: a screenshot of swatches under the simulation, read back pixel by pixel. */
async function simulated(browser: Browser, type: string, colours: readonly string[]): Promise<number[][]> {
  const page = await browser.newPage({ viewport: { width: 40 * colours.length, height: 40 } });
  const swatches = colours.map((own) => `<div style="width:40px;height:40px;background:${own}"></div>`);
  await page.setContent(`<body style="margin:0;display:flex">${swatches.join('')}`);
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setEmulatedVisionDeficiency', { type: type as 'deuteranopia' });
  const png = (await page.screenshot()).toString('base64');
  await session.send('Emulation.setEmulatedVisionDeficiency', { type: 'none' });
  const pixels = await page.evaluate(`(async () => {
    const image = new Image();
    image.src = 'data:image/png;base64,${png}';
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    return [...Array(${colours.length}).keys()].map((n) => [...context.getImageData(40 * n + 20, 20, 1, 1).data].slice(0, 3));
  })()`);
  await page.close();
  return pixels as number[][];
}

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
  const log = users.map((update) =>
    JSON.stringify({ update, loss: 4 - update / 10, ...(update % 10 === 0 && { validationLoss: 4 }) }),
  );
  await writeFile(join(results, 'gpt2_training.jsonl'), `${log.join('\n')}\n{"update": 30, "lo`);
  return await comparePage(await compare({ files: [], resultsDir: results }, context), 'recsys compare');
}
