/**
 * Named arrays of several types in one safetensors file, read and written as a whole: what saved models keep. The
 * networks' weights, which are read one at a time into their place, go through `safetensors.ts`.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { DataError } from '../util/errors.ts';
import { writeFileAtomic } from '../util/files.ts';

/** An array and its shape; values in row-major order. */
export interface NamedTensor {
  shape: readonly number[];
  /** As many values as the product of `shape`. */
  data: TensorData;
}
export type TensorData = Float64Array | Float32Array | Int32Array;

const types = { F64: Float64Array, F32: Float32Array, I32: Int32Array } as const;
type Dtype = keyof typeof types;

/** Bytes per read, write and update of the hash. */
const CHUNK_BYTES = 1 << 24;

const headerSchema = z.record(
  z.string(),
  z.object({
    dtype: z.enum(['F64', 'F32', 'I32']),
    shape: z.array(z.int().min(0)),
    data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
  }),
);

/** The bytes of a file of `tensors`, in chunks. Wide types come first, so that every array is aligned to its type. */
export function* tensorFileChunks(tensors: ReadonlyMap<string, NamedTensor>): Generator<Uint8Array> {
  const widestFirst = [...tensors].sort(
    ([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT,
  );
  const header: z.input<typeof headerSchema> = {};
  let offset = 0;
  for (const [name, { shape, data }] of widestFirst) {
    const end = offset + data.byteLength;
    header[name] = { dtype: dtypeOf(data), shape: [...shape], data_offsets: [offset, end] };
    offset = end;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(text.length / 8) * 8, ' ');
  text.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  yield length;
  yield padded;
  for (const [, { data }] of widestFirst) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
  }
}

/** SHA-256 and size of the bytes in `chunks`. */
export function digestOf(chunks: Iterable<Uint8Array>): { sha256: string; bytes: number } {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** Writes the file whole or not at all. Throws RecsysError naming it when it cannot be written. */
export async function writeTensorFile(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor>,
): Promise<void> {
  await writeFileAtomic(path, tensorFileChunks(tensors));
}

/**
 * Reads a file of `tensorFileChunks` whose SHA-256 must be `sha256`. The arrays are views of one buffer. Throws DataError
 * naming the file when it is missing, changed, or not such a file.
 */
export async function readTensorFile(path: string, sha256: string): Promise<Map<string, NamedTensor>> {
  const { bytes, digest } = await readHashed(path);
  if (digest !== sha256) {
    throw new DataError({
      place: path,
      found: `changed since it was written (SHA-256 ${digest.slice(0, 12)}...)`,
      wanted: `SHA-256 ${sha256.slice(0, 12)}...`,
      remedy: 'Copy it again, or fit the model again.',
    });
  }
  return parseTensors(bytes, path);
}

async function readHashed(path: string): Promise<{ bytes: Uint8Array<ArrayBuffer>; digest: string }> {
  const file = await open(path).catch((cause: unknown) => {
    throw new DataError({ place: path, found: 'cannot be read', wanted: 'a file of a saved model', cause });
  });
  try {
    const bytes = new Uint8Array((await file.stat()).size);
    const hash = createHash('sha256');
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await file.read(bytes, at, Math.min(CHUNK_BYTES, bytes.length - at), at);
      if (bytesRead === 0) break;
      hash.update(bytes.subarray(at, at + bytesRead));
      at += bytesRead;
    }
    return { bytes, digest: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

function parseTensors(bytes: Uint8Array<ArrayBuffer>, path: string): Map<string, NamedTensor> {
  const damagedError = (cause?: unknown) =>
    new DataError({ place: path, found: 'not a safetensors file of F64, F32 and I32', cause });
  if (bytes.length < 8) throw damagedError();
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  if (start > bytes.length) throw damagedError();
  let header: z.output<typeof headerSchema>;
  try {
    header = headerSchema.parse(JSON.parse(Buffer.from(bytes.buffer, 8, start - 8).toString()));
  } catch (cause) {
    throw damagedError(cause);
  }
  const tensors = new Map<string, NamedTensor>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    const [begin, end] = [start + offsets[0], start + offsets[1]];
    const type = types[dtype];
    const length = shape.reduce((product, size) => product * size, 1);
    if (end > bytes.length || end - begin !== length * type.BYTES_PER_ELEMENT) throw damagedError();
    tensors.set(name, { shape, data: new type(bytes.buffer, begin, length) });
  }
  return tensors;
}

function dtypeOf(data: TensorData): Dtype {
  if (data instanceof Float64Array) return 'F64';
  return data instanceof Float32Array ? 'F32' : 'I32';
}
