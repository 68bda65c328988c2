/** `recsys serve` in a real browser. Screenshots go to coverage/screenshots, which CI keeps. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Listening } from '../../src/serve/server.ts';
import { hostile, serve, servedFolder, type Fixture } from '../serve/fixture.ts';
import { hasBrowser, openBrowser, skippedWithoutBrowser } from '../support/browser.ts';

const screenshots = join('coverage', 'screenshots');
const differ = ['mf', 'popularity-count'].map((name) => `differ=baseline_metrics.json%23${name}`).join('&');
const addresses = {
  users: '/?user=3',
  you: '/you?r=2:5&r=5:1&q=film',
  experiments: `/experiments?sort=ndcg&${differ}`,
};

describe.runIf(hasBrowser)(`recsys serve in a browser${skippedWithoutBrowser}`, () => {
  let fixture: Fixture;
  let server: Listening;
  let browser: Browser;

  beforeAll(async () => {
    await mkdir(screenshots, { recursive: true });
    fixture = await servedFolder();
    server = await serve(fixture);
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
    await fixture.remove();
  });

  /** Every request that does not go to the server is aborted and reported, as are errors and refused scripts. */
  async function open(
    path: string,
    width = 1400,
    colorScheme: 'light' | 'dark' = 'light',
  ): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(`console: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
    await page.route('**/*', async (route) => {
      const asked = route.request().url();
      if (asked.startsWith(server.url) || asked.startsWith('data:')) return await route.continue();
      complaints.push(`request: ${asked}`);
      await route.abort();
    });
    await page.goto(server.url + path);
    return { page, complaints };
  }

  for (const [name, path] of Object.entries(addresses)) {
    it(`${name}: no outside request, no error, no violation that axe-core finds, as wide as the screen, in both themes`, async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const width of [1400, 390]) {
          const { page, complaints } = await open(path, width, colorScheme);
          await page.screenshot({
            path: join(screenshots, `serve-${name}-${width}-${colorScheme}.png`),
            fullPage: true,
          });
          expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
          expect(complaints).toEqual([]);
          if (width === 390) {
            await page.close();
            continue;
          }
          // Playwright runs this apart from the page, so that the page's own policy stays as it is.
          await page.evaluate(axe.source);
          const found = await page.evaluate(`axe.run().then(({ violations }) =>
            violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html).join(' ')))`);
          expect([colorScheme, width, found]).toEqual([colorScheme, width, []]);
          await page.close();
        }
      }
    });
  }

  it('shows a hostile title as text and runs nothing of it', async () => {
    const { page, complaints } = await open('/?user=3&k=40');
    expect(await page.title()).toBe('Users · recsys');
    expect(await page.locator('body script, main img').count()).toBe(0);
    expect(await page.locator('main').textContent()).toContain(hostile);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('finds titles while they are typed, takes ratings by keyboard, and every list changes in place', async () => {
    const { page, complaints } = await open('/you');
    await page.locator('#q').pressSequentially('film 12');
    await page.locator('.offers li', { hasText: 'Film 12' }).waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('q');
    await page.locator('button[aria-label^="The Film 12"][value$=":5"]').focus();
    await page.keyboard.press('Enter');
    const cards = page.locator('.card');
    await cards.first().waitFor();
    expect(await cards.locator('h3').allInnerTexts()).toEqual([
      'ease',
      'ease-clicks',
      'mf',
      'mf-bpr',
      'popularity-count',
    ]);
    expect(await cards.nth(3).innerText()).toContain('cannot take up a new person');
    const before = await cards.first().innerText();
    await page.locator('#q').fill('film 3');
    await page.locator('button[aria-label^="The Film 3 ("][value$=":5"]').click();
    await page.locator('button[aria-label^="Remove The Film 3 ("]').waitFor();
    expect(await cards.first().innerText()).not.toBe(before);
    await page.goBack();
    await page.goForward();
    await page.locator('button[aria-label^="Remove The Film 3 ("]').click();
    await page.locator('button[aria-label^="Remove The Film 3 ("]').waitFor({ state: 'detached' });
    expect(await cards.first().innerText()).toBe(before);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('goes to another user, and to the lists of a genre, in place', async () => {
    const { page } = await open('/?user=3');
    await page.locator('.links a', { hasText: 'next' }).click();
    await page.locator('h1', { hasText: 'User 4' }).waitFor();
    await page.locator('#genre').selectOption('Comedy');
    await page.waitForURL(/genre=Comedy/);
    const genres = await page.locator('.card small:first-of-type').allInnerTexts();
    expect(genres.filter((text) => !text.includes('Comedy'))).toEqual([]);
    expect(genres.length).toBeGreaterThan(10);
    await page.close();
  });

  it('sorts runs by a click, filters them, and shows what differs between two', async () => {
    const { page } = await open('/experiments');
    await page.locator('th a', { hasText: 'NDCG' }).click();
    await page.locator('th[aria-sort=descending]').waitFor();
    await page.locator('#filter').fill('baseline_metrics');
    await page.waitForURL(/filter=baseline_metrics/);
    expect(await page.locator('tbody tr').count()).toBe(2);
    for (const box of await page.locator('input[type=checkbox]').all()) await box.check();
    await page.locator('button', { hasText: 'What differs' }).click();
    const settings = page.locator('[aria-label="What differs"]');
    await settings.waitFor();
    expect(await settings.innerText()).toMatch(/^by/m);
    await page.close();
  });

  it('works without its script', async () => {
    const page = await browser.newPage({ javaScriptEnabled: false });
    await page.goto(`${server.url}/you`);
    await page.locator('#q').fill('film 12');
    await page.locator('#q').press('Enter');
    await page.locator('button[aria-label^="The Film 12"][value$=":5"]').click();
    expect(await page.locator('.card').count()).toBe(5);
    await page.close();
  });
});
