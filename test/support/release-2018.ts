/** MovieLens small of 2018, for tests with counts of a real release: it is not embedded. */
import { existsSync } from 'node:fs';
import { foldersOf, releaseNamed } from '../../src/data/releases/catalogue.ts';
import { skippedUnless } from './skipped.ts';

const folders = [...foldersOf(releaseNamed('ml-latest-small')), '../shared/data/ml-latest-small'];
const found = folders.find((folder) => existsSync(folder));

export const has2018 = found !== undefined;
/** Its folder; without one, the first in which it was looked for. */
export const folder2018 = found ?? folders[0]!;
/** The end of a test's title: how a test that is skipped would run. */
export const skipped2018 = skippedUnless(has2018, '`npx recsys data download ml-latest-small`');
