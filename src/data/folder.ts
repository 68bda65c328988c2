/** Where a data set lies: a release by name, a folder, a file of ratings, or a zip archive; and which of its files is what. */
import { readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { DataError } from '../util/errors.ts';
import { removeLeftovers, requireFolder } from '../util/files.ts';
import { nearestName } from '../util/nearest.ts';
import { temporaryName } from '../util/process/lock.ts';
import { brokenLinkBehind } from '../util/process/system-errors.ts';
import { fileError, isZip } from './files/content.ts';
import { findFile, forms, type ReleaseForm } from './releases/forms.ts';
import { foldersOf, installedFolder, releases } from './releases/catalogue.ts';
import { unzip } from './releases/unzip.ts';

/** A folder and what its files are. */
export interface DataFolder {
  /** What the data set is called. */
  name: string;
  folder: string;
  form: ReleaseForm;
  /** The name of the file of ratings. */
  ratings: string;
  /** All names in the folder. */
  files: string[];
  notes: string[];
  /** Deletes what was unpacked for it. */
  dispose: () => Promise<void>;
}

/**
 * Finds a data set. A release's name wins over a folder of that name; in a folder without ratings, its only folder with some is
 * taken. Throws DataError for an unknown name, a release that is not on this machine, and a folder without ratings.
 */
export async function findDataset(nameOrPath: string): Promise<DataFolder> {
  const release = releases.find(({ name }) => name === nameOrPath);
  const path = release ? (installedFolder(release) ?? resolve(nameOrPath)) : resolve(nameOrPath);
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const isAbsent = cause.code === 'ENOENT' || cause.code === 'ENOTDIR';
    if (!isAbsent || brokenLinkBehind(cause.code!, path) !== undefined) {
      throw fileError(cause, nameOrPath, 'a folder of ratings');
    }
    return undefined;
  });
  const kept = { notes: [], dispose: () => Promise.resolve() };
  if (found?.isDirectory()) return { ...kept, ...(await inFolder(path, basename(path))) };
  if (found?.isFile()) {
    if (await isZip(path)) return unpacked(path);
    const folder = dirname(path);
    const files = await namesIn(folder);
    const ratings = basename(path);
    return { name: ratings, folder, form: formOfFile(ratings, files), ratings, files, ...kept };
  }
  if (found) {
    throw new DataError({
      place: nameOrPath,
      found: 'neither a folder nor a regular file',
      wanted: 'a folder of ratings',
      remedy: 'Save what comes from it to a file first.',
    });
  }
  if (release) {
    throw new DataError({
      found: `${release.name} is not on this machine (looked in ${foldersOf(release).join(' and ')})`,
      remedy: `Run \`recsys data download ${release.name}\`.`,
    });
  }
  const names = releases.map(({ name }) => name);
  const near = nearestName(nameOrPath, names);
  throw new DataError({
    found: `no data set '${nameOrPath}'`,
    wanted: `a folder, a file or one of ${names.join(', ')}`,
    remedy: `${near === undefined ? '' : `Did you mean '${near}'? `}\`recsys data list\` describes the releases.`,
  });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    throw fileError(cause, folder, 'a folder of ratings');
  }
}

type Found = Omit<DataFolder, 'notes' | 'dispose'> & { notes?: string[] };

async function inFolder(folder: string, name: string): Promise<Found> {
  const files = await namesIn(folder);
  const own = formIn(files);
  if (own) return { name, folder, files, ...own };
  const inner: Found[] = [];
  const folders: string[] = [];
  for (const file of files) {
    const path = join(folder, file);
    const isFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isFolder) continue;
    folders.push(file);
    const within = await namesIn(path);
    const form = formIn(within);
    const notes = [`read from the folder ${file} in ${name}.`];
    if (form) inner.push({ name: file, folder: path, files: within, notes, ...form });
  }
  if (inner.length === 1) return inner[0]!;
  const [only] = folders;
  if (inner.length === 0 && only !== undefined && folders.length === 1) {
    return inFolder(join(folder, only), only); // as archives nest them
  }
  if (files.some((file) => /^combined_data_\d\.txt$/.test(file))) {
    throw new DataError({
      place: folder,
      found: 'the files of the Netflix Prize, which are no tables',
      wanted: 'ratings.csv',
      remedy: 'Write them as lines of userId,movieId,rating,timestamp.',
    });
  }
  throw new DataError({
    place: folder,
    found:
      inner.length === 0
        ? 'no file of ratings'
        : `no file of ratings, but ${inner.length} folders with one: ${inner.map(({ name }) => name).join(', ')}`,
    wanted: 'ratings.csv, ratings.dat or u.data',
    remedy: '`recsys data download NAME` fetches a release; `recsys data list` names them.',
  });
}

function formIn(files: string[]): { form: ReleaseForm; ratings: string } | undefined {
  for (const form of Object.values(forms)) {
    const ratings = findFile(files, form.ratings.names);
    if (ratings === undefined) continue;
    if (form.requires === undefined || findFile(files, form.requires) !== undefined) return { form, ratings };
  }
  return undefined;
}

/** The form that a single file belongs to by its name; a CSV file of any other name. */
function formOfFile(ratings: string, files: string[]): ReleaseForm {
  const others = files.filter((file) => file !== ratings);
  const fits = Object.values(forms).find(
    ({ ratings: { names }, requires }) =>
      findFile([ratings], names) !== undefined &&
      (requires === undefined || findFile(others, requires) !== undefined),
  );
  return fits ?? forms.csv;
}

/** The file of a folder that holds one, of whatever name, as ratings. */
async function onlyFile(folder: string): Promise<Found | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const [file, ...others] = entries.filter((entry) => entry.isFile());
  if (file === undefined || others.length > 0) return undefined;
  const form = formOfFile(file.name, []);
  return { name: file.name, folder: file.parentPath, form, ratings: file.name, files: [file.name] };
}

/** Unpacks an archive into a temporary folder. */
async function unpacked(path: string): Promise<DataFolder> {
  const target = temporaryName(join(tmpdir(), 'recsys-unpacked'));
  await removeLeftovers(tmpdir());
  await requireFolder(target);
  const dispose = () => rm(target, { recursive: true, force: true });
  try {
    const { size } = await stat(path);
    await unzip(path, { folder: undefined, bytes: size, target });
    const name = basename(path).replace(/\.zip$/i, '');
    const found = (await onlyFile(target)) ?? (await inFolder(target, name));
    const inside = relative(target, found.folder);
    const from = inside === '' ? '' : `, read from the folder ${inside} in it`;
    return { ...found, name, notes: [`${basename(path)}: detected zip-packed${from}.`], dispose };
  } catch (error) {
    await dispose();
    if (error instanceof DataError && error.facts.place === target) {
      throw new DataError({ ...error.facts, place: path });
    }
    throw error;
  }
}
