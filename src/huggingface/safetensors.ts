/**
 * The safetensors file format: 8 bytes of header length (little-endian), a JSON header with dtype, shape and offsets
 * of each tensor, then the raw values. Tensors are read straight into their place and written straight from it, so a
 * file is never held in memory beside its tensors. https://huggingface.co/docs/safetensors
 */
import { open, type FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { DataError } from '../util/errors.ts';
import { requireRegularFile, writeFileAtomic } from '../util/files.ts';
import { systemError } from '../util/process/system-errors.ts';
import type { HostTensor } from './tensors.ts';

const bytesOf = { F32: 4, F16: 2, BF16: 2 } as const;
type Dtype = keyof typeof bytesOf;

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});
const metadataSchema = z.record(z.string(), z.string());
export type TensorEntry = z.output<typeof entrySchema>;

function bytesOfType(dtype: string): number | undefined {
  return Object.hasOwn(bytesOf, dtype) ? bytesOf[dtype as Dtype] : undefined;
}

/** Bytes per read and write: large enough for the disk, small enough beside the model. */
const CHUNK_BYTES = 1 << 24;
/** As in the reference implementation: a longer header is not believed. */
const MAX_HEADER_BYTES = 100_000_000;

/** An open file: what it holds, and a way to read one tensor at a time. */
export interface SafetensorsFile {
  path: string;
  entries: Map<string, TensorEntry>;
  /** What Hugging Face calls `__metadata__`. */
  metadata: Record<string, string>;
  /** Reads tensor `name` into `target`, converting f16 and bf16. Throws DataError when it cannot. */
  readInto(name: string, target: Float32Array): Promise<void>;
  close(): Promise<void>;
}

/** Opens a file and reads its header. Throws DataError when it is truncated or no safetensors file. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  await requireRegularFile(path, 'a safetensors file');
  const file = await open(path).catch((cause: unknown) => {
    throw systemError(cause, path) ?? cause;
  });
  try {
    const { entries, metadata, start } = await readHeader(file, path);
    return {
      path,
      entries,
      metadata,
      readInto: (name, target) => readTensor(file, path, name, entries.get(name)!, start, target),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(file: FileHandle, path: string) {
  const { size } = await file.stat();
  const damagedError = (found: string, cause?: unknown) =>
    new DataError({
      place: path,
      found,
      wanted: 'a complete safetensors file',
      remedy: 'Download or copy it again.',
      cause,
    });
  const prefix = Buffer.alloc(8);
  if ((await file.read(prefix, 0, 8, 0)).bytesRead < 8) throw damagedError(`${size} bytes`);
  const length = Number(prefix.readBigUInt64LE());
  if (length > MAX_HEADER_BYTES || 8 + length > size) {
    throw damagedError(`a header of ${length} bytes in a file of ${size} bytes`);
  }
  const text = Buffer.alloc(length);
  await file.read(text, 0, length, 8);
  const entries = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  try {
    for (const [name, value] of Object.entries(JSON.parse(text.toString()) as Record<string, unknown>)) {
      if (name === '__metadata__') metadata = metadataSchema.parse(value);
      else entries.set(name, entrySchema.parse(value));
    }
  } catch (cause) {
    throw damagedError('a header that is not a list of tensors', cause);
  }
  for (const [name, { dtype, shape, data_offsets: offsets }] of entries) {
    const [begin, end] = offsets;
    if (8 + length + end > size) {
      throw damagedError(`tensor ${name} ends at byte ${8 + length + end} of a file of ${size} bytes`);
    }
    const bytes = bytesOfType(dtype);
    const values = shape.reduce((product, n) => product * n, 1);
    if (bytes !== undefined && end - begin !== values * bytes) {
      throw damagedError(
        `tensor ${name} of ${end - begin} bytes for shape [${shape.join(', ')}] of ${dtype}`,
      );
    }
  }
  requireWhole(entries, size - 8 - length, damagedError);
  return { entries, metadata, start: 8 + length };
}

/** As the format says, every byte after the header belongs to exactly one tensor. Throws what `damagedError` makes. */
function requireWhole(
  entries: ReadonlyMap<string, TensorEntry>,
  bytes: number,
  damagedError: (found: string) => DataError,
): void {
  let at = 0;
  const inOrder = [...entries].sort(
    ([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1],
  );
  for (const [name, { data_offsets: offsets }] of inOrder) {
    const [begin, end] = offsets;
    if (begin !== at || end < begin)
      throw damagedError(`tensor ${name} at byte ${begin} where byte ${at} comes next`);
    at = end;
  }
  if (at !== bytes) throw damagedError(`${bytes} bytes of values where the tensors take ${at}`);
}

async function readTensor(
  file: FileHandle,
  path: string,
  name: string,
  entry: TensorEntry,
  start: number,
  target: Float32Array,
): Promise<void> {
  const place = `${path}: ${name}`;
  const [begin, end] = entry.data_offsets;
  if (bytesOfType(entry.dtype) === undefined) {
    throw new DataError({ place, found: `values of type ${entry.dtype}`, wanted: 'F32, F16 or BF16' });
  }
  const dtype = entry.dtype as Dtype;
  if (end - begin !== target.length * bytesOf[dtype]) {
    throw new DataError({
      place,
      found: `${end - begin} bytes of ${dtype}`,
      wanted: `${target.length * bytesOf[dtype]} for shape [${entry.shape.join(', ')}]`,
    });
  }
  const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  // Half-precision values are read into the second half of their own place and widened from the front.
  const raw = bytes.subarray(bytes.length - (end - begin));
  for (let done = 0; done < raw.length;) {
    const length = Math.min(CHUNK_BYTES, raw.length - done);
    const { bytesRead } = await file.read(raw, done, length, start + begin + done);
    if (bytesRead === 0) throw new DataError({ place, found: `only ${done} bytes`, wanted: `${raw.length}` });
    done += bytesRead;
  }
  if (dtype !== 'F32') widen(target, new Uint16Array(raw.buffer, raw.byteOffset, target.length), dtype);
}

/**
 * Widens in ascending order. The two share memory: value i is written to bytes 4i to 4i+3, and the next half to be read
 * lies at 2n+2(i+1), which is behind them for every i < n.
 */
function widen(target: Float32Array, halves: Uint16Array, dtype: Dtype): void {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  if (dtype === 'BF16') for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  else for (let i = 0; i < halves.length; i++) target[i] = halfToFloat(halves[i]!);
}

/** IEEE 754 binary16 to a number, exactly. */
export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * Writes float32 tensors as one file, whole or not at all. `metadata` is what Hugging Face calls `__metadata__`; its
 * loader wants `format: "pt"`. Throws RecsysError when the disk is full; a previous file survives.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Record<string, string> = { format: 'pt' },
): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = JSON.stringify(header);
  // Values start at a multiple of 8 so that they can be mapped; the format pads with spaces.
  const padded = Buffer.from(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  await writeFileAtomic(path, fileChunks([length, padded], tensors));
}

function* fileChunks(head: Uint8Array[], tensors: ReadonlyMap<string, HostTensor>): Generator<Uint8Array> {
  yield* head;
  for (const { data } of tensors.values()) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
  }
}
