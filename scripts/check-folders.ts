/**
 * Fails when a folder of `src` holds more than 12 files in a row: a reader should see what is in it at a glance. Split it
 * into folders that say what they hold (docs/architecture.md).
 *
 *     npx tsx scripts/check-folders.ts
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const MAX_FILES = 12;

/** Folders under `root`, itself included, that hold more than `limit` files; each with its number of files. */
export async function crowdedFolders(
  root: string,
  limit = MAX_FILES,
): Promise<{ folder: string; files: number }[]> {
  const entries = await readdir(root, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).length;
  const below = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => crowdedFolders(join(root, entry.name), limit)),
  );
  return [...(files > limit ? [{ folder: root, files }] : []), ...below.flat()];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { folder, files } of await crowdedFolders('src')) {
    console.error(`${folder}: ${files} files in a row, at most ${MAX_FILES}. Split it into folders.`);
    process.exitCode = 1;
  }
}
