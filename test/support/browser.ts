/** Debian's chromium for tests that look at pages; undefined where none is installed. */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = process.env['CHROMIUM'] ?? places.find((path) => existsSync(path));

export const hasBrowser = executablePath !== undefined;

/** Said by tests that are skipped. */
export const howToGetABrowser =
  'no chromium found: `apt-get install chromium`, or set CHROMIUM to the path of one';

export async function openBrowser(): Promise<Browser> {
  if (executablePath === undefined) throw new Error(howToGetABrowser);
  return await chromium.launch({ executablePath, args: ['--no-sandbox'] });
}
