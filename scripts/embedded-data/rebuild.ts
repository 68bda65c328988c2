/**
 * Rebuilds data/ml-latest-small-2016 from where it comes from, and compares it with what is committed.
 *
 *   apt-get download r-cran-dslabs=0.7.4-1        (Debian 12; or fetch it from snapshot.debian.org)
 *   npx tsx scripts/embedded-data/rebuild.ts r-cran-dslabs_0.7.4-1_all.deb [folder to write to]
 *
 * The `movielens` table of the R package dslabs joins every rating of the release of October 2016, in its order, with
 * the movies' titles, split into name and year. This puts it back into MovieLens' CSV form. dslabs has no title where
 * the title bears no single year; those five are written by hand below, as the release has them.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { releaseNamed } from '../../src/data/releases/catalogue.ts';
import { sha256 } from '../../src/util/files.ts';
import { packageRoot } from '../../src/util/package.ts';
import { factorTexts, field, readLazyLoad } from './rdata.ts';

const PACKAGE_SHA256 = 'c3f93382c44d4581de9561792a87b110cb239c70771cac5ad63fa0a259e71ef3';

const byHand: Record<number, string> = {
  108548: 'Big Bang Theory, The (2007-)',
  108583: 'Fawlty Towers (1975-1979)',
  143410: 'Hyena Road',
  151307: 'The Lovers and the Despot',
  162376: 'Stranger Things',
};

const [archive, target] = process.argv.slice(2);
if (archive === undefined) throw new Error('usage: rebuild.ts r-cran-dslabs_0.7.4-1_all.deb [folder]');
if (sha256(readFileSync(archive)) !== PACKAGE_SHA256)
  throw new Error(`${archive} is not r-cran-dslabs 0.7.4-1`);

const files = toCsv(readTable(archive));
let same = true;
for (const [name, text] of Object.entries(files)) {
  const matches = sha256(text) === releaseNamed('ml-latest-small-2016').files![name];
  same &&= matches && text === readFileSync(join(packageRoot, 'data/ml-latest-small-2016', name), 'utf8');
  console.log(`${name}: ${matches ? 'same as committed' : 'DIFFERENT'} (sha256 ${sha256(text)})`);
  if (target !== undefined) {
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, name), text);
  }
}
process.exitCode = same ? 0 : 1;

/** The table as columns, one row per rating. */
function readTable(archive: string) {
  const folder = mkdtempSync(join(tmpdir(), 'dslabs-'));
  try {
    execFileSync('dpkg-deb', ['-x', archive, folder]);
    const table = readLazyLoad(join(folder, 'usr/lib/R/site-library/dslabs/data/Rdata'), 'movielens');
    const column = (name: string) => field(table, name).value as number[];
    return {
      users: column('userId'),
      movies: column('movieId'),
      ratings: column('rating'),
      timestamps: column('timestamp'),
      names: field(table, 'title').value as (string | null)[],
      years: field(table, 'year').value as (number | null)[],
      genres: factorTexts(field(table, 'genres')),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function toCsv(table: ReturnType<typeof readTable>): Record<string, string> {
  const ratings = table.users.map(
    (user, n) => `${user},${table.movies[n]},${table.ratings[n]!.toFixed(1)},${table.timestamps[n]}\n`,
  );
  const movies = new Map<number, string>();
  table.movies.forEach((movie, n) => {
    const title = byHand[movie] ?? `${table.names[n]} (${table.years[n]})`;
    movies.set(movie, `${movie},${quoteCell(title)},${quoteCell(table.genres[n]!)}\n`);
  });
  const ordered = [...movies].sort(([a], [b]) => a - b).map(([, line]) => line);
  return {
    'ratings.csv': `userId,movieId,rating,timestamp\n${ratings.join('')}`,
    'movies.csv': `movieId,title,genres\n${ordered.join('')}`,
  };
}

function quoteCell(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
