/** `recsys data list|download|verify|stats`: the releases, and what is in a folder of data. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import type { DatasetStats, VerifiedFile } from '../data/stats.ts';
import { dataSchema } from '../experiment/protocol.ts';
import { DataError } from '../util/errors.ts';
import { interruptible } from '../util/process/signals.ts';
import { print } from '../util/process/terminal.ts';
import { outputSchema, withContext } from './shared/context.ts';
import { addFlags, readFlags, type Typed } from './shared/flags.ts';

const sharedSchema = outputSchema.pick({ json: true, quiet: true, verbose: true }).extend({
  json: z.boolean().default(false).describe('print JSON on standard output and nothing else there'),
});

const readingSchema = dataSchema.pick({ columns: true, strict: true });

const downloadSchema = z.object({
  url: z
    .string()
    .optional()
    .meta({ placeholder: 'address' })
    .describe('fetch the archive from a mirror; size and checksum must be those of the release'),
  dir: z
    .string()
    .optional()
    .meta({ placeholder: 'dir' })
    .describe('folder to put the release in (default: $RECSYS_DATA_DIR, else ~/.local/share/recsys)'),
});

export function dataCommand(): Command {
  const data = new Command('data');
  for (const command of [listCommand(), downloadCommand(), verifyCommand(), statsCommand()]) {
    data.addCommand(addFlags(command, sharedSchema));
  }
  return data;
}

function listCommand(): Command {
  return new Command('list')
    .description('the releases that --dataset knows by name')
    .action(async (typed: Typed) => {
      const { json } = readFlags(sharedSchema, typed);
      const { installedFolder, releases } = await import('../data/releases/catalogue.ts');
      const rows = releases.map((release) => ({ ...release, folder: installedFolder(release) ?? null }));
      if (json) return printJson(rows);
      const table = rows.map(({ name, contents, archive, embedded, folder }) => [
        name,
        contents,
        archive ? `${(archive.bytes / 1e6).toFixed(1)} MB` : '',
        embedded ? 'embedded' : (folder ?? `recsys data download ${name}`),
      ]);
      await printTable(['release', 'contents', 'archive', 'where'], table, 4);
    });
}

function downloadCommand(): Command {
  const command = new Command('download')
    .description('fetch a release from GroupLens, check it and unpack it')
    .argument('<name>', 'release, as in `recsys data list`');
  return addFlags(command, downloadSchema).action(async (name: string, typed: Typed) => {
    const { url, dir } = readFlags(downloadSchema, typed);
    const options = readFlags(sharedSchema, typed);
    const { releaseNamed } = await import('../data/releases/catalogue.ts');
    const { downloadRelease } = await import('../data/releases/download.ts');
    const release = releaseNamed(name);
    const folder = await withContext(options, (context) =>
      downloadRelease(release, {
        ...context,
        ...(url !== undefined && { url }),
        ...(dir !== undefined && { folder: resolve(dir) }),
      }),
    );
    if (options.json) printJson({ name, folder });
    else print(`${folder}\n`);
  });
}

function verifyCommand(): Command {
  return addFlags(new Command('verify'), readingSchema)
    .description(
      'read every line of a data set and compare its files with the release; exit 1 when they differ',
    )
    .argument('<name|dir>', 'release or folder')
    .action(async (nameOrFolder: string, typed: Typed) => {
      const options = readFlags(sharedSchema, typed);
      const dataset = await load(nameOrFolder, typed);
      const { verifyFiles } = await import('../data/stats.ts');
      const files = verifyFiles(dataset);
      const { warnings, name } = dataset;
      if (options.json) printJson({ name, files, warnings });
      else {
        const table = files.map(({ name, bytes, sha256, status }) => [name, count(bytes), sha256, status]);
        await printTable(['file', 'bytes', 'sha256', 'status'], table, 4);
        print(`Every line parsed. ${warningText(warnings)}\n`);
      }
      refuseDifferent(name, files);
    });
}

function statsCommand(): Command {
  return addFlags(new Command('stats'), readingSchema)
    .description('users, movies, ratings, density, scale and dates of a data set')
    .argument('<name|dir>', 'release or folder')
    .action(async (nameOrFolder: string, typed: Typed) => {
      const options = readFlags(sharedSchema, typed);
      const dataset = await load(nameOrFolder, typed);
      const { datasetStats } = await import('../data/stats.ts');
      const stats = datasetStats(dataset);
      if (options.json) printJson(stats);
      else {
        await printTable(['data set', stats.name], statsRows(stats), 2);
        if (stats.warnings.length > 0) print(`${warningText(stats.warnings)}\n`);
      }
    });
}

async function load(nameOrPath: string, typed: Typed) {
  const { loadDataset } = await import('../data/loader.ts');
  const { readingOptions } = await import('../experiment/prepare.ts');
  const reading = readingOptions(readFlags(readingSchema, typed));
  return withContext(readFlags(sharedSchema, typed), (context) =>
    interruptible(context.signal, () => loadDataset(nameOrPath, { ...context, ...reading })),
  );
}

function statsRows(stats: DatasetStats): string[][] {
  const { min, max, step } = stats.scale;
  return [
    ['ratings', count(stats.ratings)],
    ['users', count(stats.users)],
    ['movies', `${count(stats.movies)}, ${count(stats.ratedMovies)} of them rated`],
    ['density', `${(stats.density * 100).toFixed(2)}% of users x rated movies`],
    ['scale', `${min} to ${max} by ${step}, mean ${stats.meanRating.toFixed(3)}`],
    ['ratings per user', `${stats.medianRatingsPerUser} (median)`],
    ['ratings per movie', `${stats.medianRatingsPerMovie} (median, of rated movies)`],
    ['first rating', dateText(stats.firstRating)],
    ['last rating', dateText(stats.lastRating)],
    ['tags', count(stats.tags)],
    ['without a year', count(stats.moviesWithoutYear)],
    ['without a genre', count(stats.moviesWithoutGenre)],
  ];
}

/** "1995-01-09T11:46:49.000Z" as "1995-01-09 11:46:49 UTC". */
function dateText(time: string | null): string {
  return time === null ? 'unknown' : `${time.slice(0, 19).replace('T', ' ')} UTC`;
}

function refuseDifferent(name: string, files: VerifiedFile[]): void {
  const different = files.filter(({ status }) => status === 'different').map(({ name }) => name);
  if (different.length === 0) return;
  throw new DataError({
    place: name,
    found: `${different.join(', ')} not as released`,
    remedy:
      'Delete the folder and run `recsys data download` again, or give it another name if the change is wanted.',
  });
}

function warningText(warnings: string[]): string {
  return warnings.length === 0
    ? 'No warnings.'
    : `Warnings:\n${warnings.map((line) => `  ${line}`).join('\n')}`;
}

function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`);
}

async function printTable(head: string[], rows: string[][], left?: number): Promise<void> {
  const { textTable } = await import('../report/table.ts');
  print(`${textTable(head, rows, left)}\n`);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
