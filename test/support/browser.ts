/** Debian's chromium for tests that look at pages; undefined where none is installed. */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';
import { skippedUnless } from './skipped.ts';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = process.env['CHROMIUM'] ?? places.find((path) => existsSync(path));

export const hasBrowser = executablePath !== undefined;

const needs = "Debian's chromium, or the path of one in CHROMIUM";
/** The end of the title of a test in a browser. */
export const skippedWithoutBrowser = skippedUnless(hasBrowser, needs);

export async function openBrowser(): Promise<Browser> {
  if (executablePath === undefined) throw new Error(`no browser: needs ${needs}`);
  return await chromium.launch({ executablePath, args: ['--no-sandbox'] });
}
