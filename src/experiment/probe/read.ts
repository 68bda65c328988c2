/** Finding the records of probes among other files. */
import { basename } from 'node:path';
import { z } from 'zod';
import { asWritten } from '../../data/ratings/values.ts';
import { readTextFile } from '../../util/files.ts';
import type { ResultsRecord } from '../record.ts';
import { readSaved } from '../store.ts';
import { probeSchema, type ProbeRecord } from './record.ts';

const claim = z.looseObject({ experiment: z.literal('probe') });

/** Does the file claim to be the record of a probe, damaged or not? */
export async function claimsToBeProbe(path: string): Promise<boolean> {
  try {
    return claim.safeParse(JSON.parse(await readTextFile(path, 'a record'))).success;
  } catch {
    return false;
  }
}

/** Reads a probe's record. Throws DataError naming file and field. */
export function readProbe(path: string): Promise<ProbeRecord> {
  return readSaved(path, probeSchema, 'the record of a probe, as `recsys probe` saves it');
}

/**
 * The probes among `paths` of the same data and split as `record`; of others `note` is told. Throws DataError for a
 * damaged one.
 */
export async function readProbes(
  paths: readonly string[],
  { dataset, protocol }: ResultsRecord,
  note: (line: string) => void,
): Promise<ProbeRecord[]> {
  const filesOf = (own: ResultsRecord['dataset']) =>
    own.files
      .map(({ sha256 }) => sha256)
      .sort()
      .join();
  const probes: ProbeRecord[] = [];
  for (const path of paths) {
    const probe = await readProbe(path);
    const isSame =
      filesOf(probe.dataset) === filesOf(dataset) &&
      probe.protocol.splitDigest === protocol.splitDigest &&
      asWritten(probe.protocol.threshold) === asWritten(protocol.threshold);
    if (isSame) probes.push(probe);
    else
      note(
        `note: ${basename(path)} is left out: its probe is of other data, or of another split or threshold`,
      );
  }
  return probes;
}
