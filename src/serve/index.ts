/** From folders to a server that listens. */
import { entriesIn } from '../util/files.ts';
import { Asker } from './ask.ts';
import { openContents, type Contents } from './contents.ts';
import { RecordFolder } from './records.ts';
import { application, listen, type Listening } from './server.ts';

export interface ServeOptions {
  models: readonly string[];
  dataset?: string | undefined;
  resultsDir: string;
  host: string;
  port: number;
}

/**
 * Throws RecsysError where the port is taken, or a file stands where a folder should be. Models that cannot be read are
 * left out and listed in `refused`.
 */
export async function openServer(
  { models, dataset, resultsDir, host, port }: ServeOptions,
  context: { threads: number },
): Promise<{ listening: Listening; contents: Contents | undefined; refused: Contents['refused'] }> {
  await entriesIn(resultsDir);
  const records = new RecordFolder(resultsDir);
  const opened = await openContents({ models, records, dataset }, context);
  const { refused } = opened;
  const contents = 'models' in opened ? opened : undefined;
  const served = { records, contents, asker: contents && new Asker(contents), refused };
  return { listening: await listen(application(served, host), host, port), contents, refused };
}
