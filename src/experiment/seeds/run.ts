/** The same experiment with several seeds. */
import type { Progress } from '../../util/progress.ts';
import type { Protocol } from '../protocol.ts';
import type { AnyRecord } from '../record.ts';
import { combineSeeds } from './combine.ts';

/**
 * Runs `runOne` with each seed in turn, as if `--seed` had been given, and makes one record of them. Without `seeds`, the
 * record of the protocol's own seed.
 */
export async function overSeeds<R extends AnyRecord>(
  seeds: readonly number[] | undefined,
  protocol: Protocol,
  { progress }: { progress: Progress },
  runOne: (protocol: Protocol) => Promise<R>,
): Promise<R> {
  if (seeds === undefined) return await runOne(protocol);
  const records: R[] = [];
  for (const seed of seeds) {
    progress.note(`seed ${seed} (${records.length + 1} of ${seeds.length})`);
    records.push(await runOne({ ...protocol, seed }));
  }
  return combineSeeds(records);
}
