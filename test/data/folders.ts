/** Folders of small files made for one test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new folder, removed when the test ends. */
export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A new folder that holds `files`; text is written as UTF-8. */
export async function folderOf(files: Record<string, string | Uint8Array>): Promise<string> {
  const folder = await emptyFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

/** Two users, three movies, in MovieLens' CSV form; `files` replace or add some. */
export function csvFolder(files: Record<string, string | Uint8Array> = {}): Promise<string> {
  return folderOf({
    'ratings.csv': 'userId,movieId,rating,timestamp\n1,10,4.0,100\n1,20,0.5,200\n2,10,5.0,300\n',
    'movies.csv':
      'movieId,title,genres\n10,Ten (1979),Comedy\n20,"Twenty, The (1999)",Drama|War\n30,Thirty,(no genres listed)\n',
    ...files,
  });
}
