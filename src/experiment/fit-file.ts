/** What a stopped fit has, in a file: a line of JSON, then the arrays' bytes, then the SHA-256 of both. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { ModelResult } from './record.ts';
import type { FitStore, PartialFit } from '../numeric/partial-fit.ts';
import { DataError } from '../util/errors.ts';
import { exists, putAside, readWholeFile, sha256, writeFileAtomic } from '../util/files.ts';
import { environment } from './environment.ts';
import type { Prepared } from './prepare.ts';

const DIGEST_BYTES = 32;

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
  readonly #note: (line: string) => void;

  /** A file of its own for each version, data set, split and model. `note` gets a sentence about a damaged one. */
  constructor(
    folder: string,
    { source, dataset, protocol }: Pick<Prepared, 'source' | 'dataset'> & { protocol: object },
    spec: Pick<ModelResult, 'name' | 'model' | 'hyperparameters'>,
    note: (line: string) => void,
  ) {
    this.#note = note;
    const { recsys } = environment();
    const key = JSON.stringify([recsys, endianness(), source, dataset.files, protocol, spec]);
    this.path = join(folder, `${spec.name}-${sha256(key).slice(0, 16)}.fit`);
  }

  /** A damaged file is put aside, with a note, and the fit starts anew. */
  async read(lengths: readonly number[]): Promise<PartialFit | undefined> {
    if (!(await exists(this.path))) return undefined;
    let bytes: Buffer;
    try {
      bytes = await readWholeFile(this.path, 'what a stopped fit left');
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      this.#note(`${error.message}: the fit starts anew.`);
      return undefined;
    }
    const fit = parseFit(bytes, lengths);
    if (fit === undefined) this.#note(`${await putAside(this.path)}: the fit starts anew.`);
    return fit;
  }

  async write({ rounds, rng, arrays }: PartialFit): Promise<string> {
    const described = arrays.map((array) => ({
      type: array instanceof Float32Array ? 'float32' : 'int32',
      length: array.length,
    }));
    const head = JSON.stringify({ rounds, rng, arrays: described });
    const parts = [
      Buffer.from(`${head}\n`),
      ...arrays.map(({ buffer, byteOffset, byteLength }) =>
        Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength)),
      ),
    ];
    await writeFileAtomic(this.path, [...parts, digestOf(parts)]);
    return this.path;
  }

  /** When the fit is complete. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}

/** SHA-256 of everything before it, at the end of the file. */
function digestOf(parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Undefined when a byte is not as it was written, or when the arrays are not those of this fit. */
function parseFit(bytes: Buffer, lengths: readonly number[]): PartialFit | undefined {
  const content = bytes.subarray(0, Math.max(0, bytes.length - DIGEST_BYTES));
  if (!digestOf([content]).equals(bytes.subarray(content.length))) return undefined;
  let at = content.indexOf('\n') + 1;
  const head = headSchema.safeParse(JSON.parse(content.toString('utf8', 0, at)));
  if (!head.success) return undefined;
  const { rounds, rng, arrays } = head.data;
  if (arrays.length !== lengths.length || arrays.some(({ length }, i) => length !== lengths[i])) {
    return undefined;
  }
  const values = arrays.map(({ type, length }) => {
    const { buffer } = Uint8Array.from(content.subarray(at, (at += 4 * length)));
    return type === 'float32' ? new Float32Array(buffer) : new Int32Array(buffer);
  });
  return { rounds, ...(rng && { rng }), arrays: values };
}
