/**
 * The command line with one more release, "invented": `data download` takes only archives whose checksum it knows.
 * `node --import tsx scripts/faults/invented-release.ts data download invented --url ADDRESS --dir FOLDER`.
 */
import { createHash } from 'node:crypto';
import { releases } from '../../src/data/releases/catalogue.ts';
import { inventedArchive } from './invented-archive.ts';

const archive = inventedArchive();
releases.push({
  name: 'invented',
  form: 'csv',
  contents: 'for scripts/faults',
  archive: {
    url: 'http://127.0.0.1:1/invented.zip',
    bytes: archive.length,
    checksum: { algorithm: 'md5', value: createHash('md5').update(archive).digest('hex') },
    folder: 'invented',
  },
});
await import('../../src/cli.ts');
