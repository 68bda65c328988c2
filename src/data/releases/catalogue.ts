/** The MovieLens releases that this program knows by name, and the folders in which it looks for them. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DataError } from '../../util/errors.ts';
import { xdgFolder } from '../../util/files.ts';
import { packageRoot } from '../../util/package.ts';
import type { FormName } from './forms.ts';

export interface Release {
  name: string;
  form: FormName;
  /** In words, for lists. */
  contents: string;
  /** Ships with this package: nothing to download. */
  embedded?: true;
  /** The archive as GroupLens serves it. */
  archive?: {
    url: string;
    bytes: number;
    /** In hex. GroupLens publishes MD5 beside each archive that never changes. */
    checksum: { algorithm: 'md5' | 'sha256'; value: string };
    /** The folder inside the archive. */
    folder: string;
  };
  /** SHA-256 of single files, where known. */
  files?: Record<string, string>;
}

const base = 'https://files.grouplens.org/datasets/movielens';
export const releases: Release[] = [
  {
    name: 'ml-latest-small-2016',
    form: 'csv',
    contents: '100,004 ratings, 671 users, 9,066 movies (October 2016; no tags, no links)',
    embedded: true,
    files: {
      'ratings.csv': 'b4239649fbf90ebf405c56c3ae1d929d9e7c86fc1a3a80cbef1c884df593ef73',
      'movies.csv': '2f5af4a66b226686b0714e8d106506487499aeeb200d77ec198a1cf96e258ec5',
    },
  },
  {
    name: 'ml-latest-small',
    form: 'csv',
    contents: '100,836 ratings, 610 users, 9,742 movies (September 2018)',
    archive: {
      url: `${base}/ml-latest-small.zip`,
      bytes: 978_202,
      checksum: {
        algorithm: 'sha256',
        value: '696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436',
      },
      folder: 'ml-latest-small',
    },
    files: {
      'ratings.csv': 'aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646',
      'movies.csv': '5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07',
      'tags.csv': '92a9f8bb7916dceef6151209845788c3643f794dfa79d1feaec7121b5960399d',
      'links.csv': '97ad18e4e56a09363c65676b6cb3482ce3e2cea2372a24620c1599c843325f31',
    },
  },
  {
    name: 'ml-100k',
    form: 'ml-100k',
    contents: '100,000 ratings, 943 users, 1,682 movies (April 1998)',
    archive: {
      url: `${base}/ml-100k.zip`,
      bytes: 4_924_029,
      checksum: { algorithm: 'md5', value: '0e33842e24a9c977be4e0107933c0723' },
      folder: 'ml-100k',
    },
  },
  {
    name: 'ml-1m',
    form: 'ml-1m',
    contents: '1,000,209 ratings, 6,040 users, 3,883 movies (February 2003)',
    archive: {
      url: `${base}/ml-1m.zip`,
      bytes: 5_917_549,
      checksum: { algorithm: 'md5', value: 'c4d9eecfca2ab87c1945afe126590906' },
      folder: 'ml-1m',
    },
  },
  {
    name: 'ml-10m',
    form: 'ml-10m',
    contents: '10,000,054 ratings, 69,878 users, 10,681 movies (January 2009)',
    archive: {
      url: `${base}/ml-10m.zip`,
      bytes: 65_566_137,
      checksum: { algorithm: 'md5', value: 'ce571fd55effeba0271552578f2648bd' },
      folder: 'ml-10M100K',
    },
  },
  {
    name: 'ml-20m',
    form: 'csv',
    contents: '20,000,263 ratings, 138,493 users, 27,278 movies (October 2016)',
    archive: {
      url: `${base}/ml-20m.zip`,
      bytes: 198_702_078,
      checksum: { algorithm: 'md5', value: 'cd245b17a1ae2cc31bb14903e1204af3' },
      folder: 'ml-20m',
    },
  },
  {
    name: 'ml-25m',
    form: 'csv',
    contents: '25,000,095 ratings, 162,541 users, 62,423 movies (December 2019)',
    archive: {
      url: `${base}/ml-25m.zip`,
      bytes: 261_978_986,
      checksum: { algorithm: 'md5', value: '6b51fb2759a8657d3bfcbfc42b592ada' },
      folder: 'ml-25m',
    },
  },
  {
    name: 'ml-32m',
    form: 'csv',
    contents: '32,000,204 ratings, 200,948 users, 87,585 movies (May 2024)',
    archive: {
      url: `${base}/ml-32m.zip`,
      bytes: 238_950_008,
      checksum: { algorithm: 'md5', value: 'd472be332d4daa821edc399621853b57' },
      folder: 'ml-32m',
    },
  },
];

/** Throws DataError listing the catalogue when no release has this name. */
export function releaseNamed(name: string): Release {
  const release = releases.find((release) => release.name === name);
  if (release) return release;
  throw new DataError({
    found: `no release named '${name}'`,
    wanted: `one of ${releases.map(({ name }) => name).join(', ')}`,
    remedy: '`recsys data list` describes them.',
  });
}

/**
 * Where downloads go: $RECSYS_DATA_DIR; without it $XDG_DATA_HOME/recsys, by default ~/.local/share/recsys.
 */
export function dataFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env['RECSYS_DATA_DIR']) return resolve(env['RECSYS_DATA_DIR']);
  return join(xdgFolder('data', env), 'recsys');
}

/** The folders in which a release is looked for, in this order: embedded, `dataFolder()`, ./data. */
export function foldersOf(release: Release, env: NodeJS.ProcessEnv = process.env): string[] {
  if (release.embedded) return [join(packageRoot, 'data', release.name)];
  return [join(dataFolder(env), release.name), resolve('data', release.name)];
}

/** The folder that holds a release, or undefined while it is not there. */
export function installedFolder(release: Release, env: NodeJS.ProcessEnv = process.env): string | undefined {
  return foldersOf(release, env).find((folder) => existsSync(folder));
}
