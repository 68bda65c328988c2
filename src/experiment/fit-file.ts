/** What a stopped fit has, in a file: a line of JSON, then the arrays' bytes. */
import { readFile, rm } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { ModelResult } from './record.ts';
import type { FitStore, PartialFit } from '../util/partial-fit.ts';
import { sha256, writeFileAtomic } from '../util/files.ts';
import { environment } from './environment.ts';
import type { Prepared } from './prepare.ts';

const headSchema = z.object({
  rounds: z.int(),
  rng: z
    .object({
      path: z.string(),
      words: z.tuple([z.number(), z.number(), z.number(), z.number()]),
      spare: z.number().nullable(),
    })
    .optional(),
  arrays: z.array(z.object({ type: z.enum(['float32', 'int32']), length: z.int() })),
});

export class FitFile implements FitStore {
  readonly path: string;

  /** A file of its own for each version, data set, split and model. */
  constructor(
    folder: string,
    { source, dataset, protocol }: Prepared,
    spec: Pick<ModelResult, 'name' | 'model' | 'hyperparameters'>,
  ) {
    const { recsys } = environment();
    const key = JSON.stringify([recsys, endianness(), source, dataset.files, protocol, spec]);
    this.path = join(folder, `${spec.name}-${sha256(key).slice(0, 16)}.fit`);
  }

  async read(lengths: readonly number[]): Promise<PartialFit | undefined> {
    const bytes = await readFile(this.path).catch(() => undefined);
    if (!bytes) return undefined;
    let at = bytes.indexOf('\n') + 1;
    const { rounds, rng, arrays } = headSchema.parse(JSON.parse(bytes.toString('utf8', 0, at)));
    if (arrays.length !== lengths.length || arrays.some(({ length }, i) => length !== lengths[i]))
      return undefined;
    const values = arrays.map(({ type, length }) => {
      const { buffer } = Uint8Array.from(bytes.subarray(at, (at += 4 * length)));
      return type === 'float32' ? new Float32Array(buffer) : new Int32Array(buffer);
    });
    return { rounds, ...(rng && { rng }), arrays: values };
  }

  async write({ rounds, rng, arrays }: PartialFit): Promise<string> {
    const described = arrays.map((array) => ({
      type: array instanceof Float32Array ? 'float32' : 'int32',
      length: array.length,
    }));
    const head = JSON.stringify({ rounds, rng, arrays: described });
    await writeFileAtomic(this.path, [
      Buffer.from(`${head}\n`),
      ...arrays.map(({ buffer, byteOffset, byteLength }) =>
        Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength)),
      ),
    ]);
    return this.path;
  }

  /** When the fit is complete. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
