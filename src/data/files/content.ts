/** What lies in a file before it is a table: packed or plain, and its encoding. */
import { constants } from 'node:buffer';
import { createReadStream, type Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Entry } from 'yauzl';
import { DataError } from '../../util/errors.ts';
import { brokenLinkBehind } from '../../util/process/system-errors.ts';
import { refuseOtherKinds } from './other-kinds.ts';

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';

/** A file that was looked at, not yet read. */
export interface Content {
  path: string;
  /** What errors call it. */
  name: string;
  /** On disk. */
  bytes: number;
  packing: 'none' | 'gzip' | 'zip' | 'parquet';
  encoding: Encoding;
  /** The first bytes, unpacked; empty for Parquet. */
  head: Buffer;
  /** Whether `head` is all there is. */
  isWhole: boolean;
  /** The unpacked bytes, `head` included; from byte `start` on where nothing is packed. */
  stream: (start?: number) => Promise<Readable>;
}

/** Bytes from which the form of a file is detected. */
const HEAD_BYTES = 1 << 16;

/**
 * Looks at a file. Throws DataError for one that is not there, cannot be read, is a folder or no regular file, and for
 * what is no table: a Git LFS pointer, a web page, a spreadsheet, an archive of several files.
 */
export async function openContent(path: string, name: string): Promise<Content> {
  const { size } = await statFile(path, name, 'a table of text');
  const first = await readStart(path, name);
  const packing = packingOf(first);
  const plain = (start = 0) => Promise.resolve(createReadStream(path, { start }));
  const streams = {
    none: plain,
    parquet: plain,
    gzip: () => Promise.resolve(unzipped(createReadStream(path))),
    zip: () => onlyEntry(path, name),
  };
  const stream = streams[packing];
  const { head, isWhole } =
    packing === 'none'
      ? { head: first, isWhole: first.length === size }
      : packing === 'parquet'
        ? { head: Buffer.alloc(0), isWhole: false }
        : await unpackStart(await stream(), name);
  refuseOtherKinds(head, name);
  return { path, name, bytes: size, packing, encoding: encodingOf(head, isWhole), head, isWhole, stream };
}

/** What a stream unpacks to. Either of the two that ends or fails ends the other. */
function unzipped(packed: Readable): Readable {
  const stream = createGunzip();
  pipeline(packed, stream, () => {}); // its reader hears of errors
  return stream;
}

/** `stat` of a regular file. Throws DataError saying what is there instead, or why it cannot be seen. */
export async function statFile(path: string, name: string, wanted: string): Promise<Stats> {
  const found = await stat(path).catch((cause: unknown) => {
    throw fileError(cause, name, wanted);
  });
  if (found.isFile()) return found;
  if (found.isDirectory()) throw new DataError({ place: name, found: 'a folder', wanted, remedy: NAME_FILE });
  const kind = found.isFIFO() ? 'a named pipe' : 'a device or socket';
  throw new DataError({
    place: name,
    found: kind,
    wanted,
    remedy: 'Save what comes from it to a file first.',
  });
}

const NAME_FILE = 'Name the file in it.';
const CHECK_PATH = 'Check how it is written, and from which folder.';
const CHECK_PERMISSIONS = 'Check who may read it.';

/** By code of the system: what is there, and what to do about it. */
const fileProblems: Record<string, { found: string; remedy: string }> = {
  ENOENT: { found: 'no such file', remedy: CHECK_PATH },
  ENOTDIR: { found: 'no such file', remedy: CHECK_PATH },
  EACCES: { found: 'not readable for this user (EACCES)', remedy: CHECK_PERMISSIONS },
  EPERM: { found: 'not readable for this user (EPERM)', remedy: CHECK_PERMISSIONS },
  EISDIR: { found: 'a folder', remedy: NAME_FILE },
  EMFILE: {
    found: 'not readable: this process has too many files open (EMFILE)',
    remedy: 'Raise the limit (`ulimit -n 4096`).',
  },
  ENFILE: {
    found: 'not readable: the system has too many files open (ENFILE)',
    remedy: 'Close other programs.',
  },
  EIO: { found: 'not readable: the disk reports an error (EIO)', remedy: 'Check the disk.' },
  ELOOP: { found: 'a link that leads back to itself (ELOOP)', remedy: 'Name the file itself.' },
  ENAMETOOLONG: { found: 'a name that is too long (ENAMETOOLONG)', remedy: CHECK_PATH },
};

/** A note of how a file is packed; none where it is not. */
export function packingNotes({ name, packing }: Pick<Content, 'name' | 'packing'>): string[] {
  return packing === 'none' ? [] : [`${name}: detected ${nameOfPacking(packing)}.`];
}

export function nameOfPacking(packing: Exclude<Content['packing'], 'none'>): string {
  return packing === 'parquet' ? 'Parquet' : `${packing}-packed`;
}

/** What the system says about a file, as a DataError; any other error as it is. */
export function fileError(cause: unknown, name: string, wanted: string): unknown {
  const { code = '', path } = (cause ?? {}) as NodeJS.ErrnoException;
  const link = brokenLinkBehind(code, path);
  const problem = link === undefined ? fileProblems[code] : { found: link, remedy: 'Name the file itself.' };
  return problem === undefined ? cause : new DataError({ place: name, ...problem, wanted, cause });
}

async function readStart(path: string, name: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(HEAD_BYTES);
      let have = 0;
      while (have < HEAD_BYTES) {
        const { bytesRead } = await file.read(buffer, have, HEAD_BYTES - have, have);
        if (bytesRead === 0) break;
        have += bytesRead;
      }
      return buffer.subarray(0, have);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw fileError(cause, name, 'a table of text');
  }
}

function packingOf(first: Buffer): Content['packing'] {
  if (first[0] === 0x1f && first[1] === 0x8b) return 'gzip';
  if (startsWith(first, 'PK\u0003\u0004') || startsWith(first, 'PK\u0005\u0006')) return 'zip';
  return startsWith(first, 'PAR1') ? 'parquet' : 'none';
}

/** Whether a file is a zip archive, as spreadsheets and many other documents are too. */
export async function isZip(path: string): Promise<boolean> {
  return packingOf(await readStart(path, path)) === 'zip';
}

function startsWith(bytes: Buffer, text: string): boolean {
  return bytes.subarray(0, text.length).toString('latin1') === text;
}

/** The first bytes of an unpacked stream, which is closed. */
async function unpackStart(stream: Readable, name: string): Promise<{ head: Buffer; isWhole: boolean }> {
  const parts: Buffer[] = [];
  let have = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      parts.push(chunk);
      have += chunk.length;
      if (have > HEAD_BYTES) break;
    }
  } catch (cause) {
    throw packedError(cause, name);
  }
  return { head: Buffer.concat(parts).subarray(0, HEAD_BYTES), isWhole: have <= HEAD_BYTES };
}

/** An error of unpacking as a DataError; any other as it is. */
export function packedError(cause: unknown, name: string): unknown {
  if (cause instanceof DataError) return cause;
  const { code = '', message } = cause as NodeJS.ErrnoException;
  if (/encrypted/.test(message)) {
    const remedy = 'Unpack it with its password first.';
    return new DataError({
      place: name,
      found: 'an encrypted archive',
      wanted: 'one without',
      remedy,
      cause,
    });
  }
  if (!code.startsWith('Z_') && !/zip|central directory|file data|compress|byte count/i.test(message))
    return cause;
  return new DataError({
    place: name,
    found: `damaged packed data (${message})`,
    wanted: 'a complete gzip or zip file',
    remedy: 'Download or copy it again.',
    cause,
  });
}

/** The stream of the one file in a zip archive; folders and what macOS adds are ignored. */
async function onlyEntry(path: string, name: string): Promise<Readable> {
  try {
    const { openPromise } = await import('yauzl');
    const zip = await openPromise(path, { autoClose: false });
    try {
      const entries: Entry[] = [];
      for await (const entry of zip.eachEntry()) if (isData(entry.fileName)) entries.push(entry);
      const names = entries.map(({ fileName }) => fileName);
      const [entry] = entries;
      if (entry === undefined || names.length !== 1) throw severalFilesError(names, name);
      const stream = await zip.openReadStreamPromise(entry);
      stream.on('close', () => zip.close());
      return stream;
    } catch (cause) {
      zip.close();
      throw cause;
    }
  } catch (cause) {
    throw packedError(cause, name);
  }
}

/** Whether an entry of an archive is a file that a person put there. */
export function isData(entryName: string): boolean {
  return !entryName.endsWith('/') && !/(^|\/)(__MACOSX\/|\.)/.test(entryName);
}

export function spreadsheetError(name: string): DataError {
  return new DataError({
    place: name,
    found: 'a spreadsheet',
    wanted: 'a table of text or Parquet',
    remedy: 'Save it as CSV from the spreadsheet program.',
  });
}

function severalFilesError(names: string[], name: string): DataError {
  if (names.some((entry) => /^(\[Content_Types\]\.xml|xl\/|mimetype$)/.test(entry))) {
    return spreadsheetError(name);
  }
  return new DataError({
    place: name,
    found: `a zip archive of ${names.length} files`,
    wanted: 'an archive of one file',
    remedy: 'Unpack it and name the file; --dataset takes an archive with a file of ratings.',
  });
}

/** UTF-16 by its byte order mark or by every other byte being 0; UTF-8 where it is valid; else Latin-1 as Windows has it. */
function encodingOf(head: Buffer, isWhole: boolean): Encoding {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  const sample = head.subarray(0, 200);
  const zeros = (odd: number) => sample.filter((byte, n) => n % 2 === odd && byte === 0).length;
  if (sample.length >= 4 && zeros(1) > sample.length * 0.4 && zeros(0) === 0) return 'utf-16le';
  if (sample.length >= 4 && zeros(0) > sample.length * 0.4 && zeros(1) === 0) return 'utf-16be';
  return isUtf8(head, isWhole) ? 'utf-8' : 'windows-1252';
}

function isUtf8(bytes: Buffer, isWhole: boolean): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: !isWhole });
    return true;
  } catch {
    return false;
  }
}

/** The text of `head`, without a byte order mark, cut to whole lines unless it is all there is. */
export function headText({ head, encoding, isWhole }: Content): string {
  const text = new TextDecoder(encoding).decode(head, { stream: !isWhole });
  if (isWhole) return text;
  const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r'));
  return end === -1 ? text : text.slice(0, end + 1);
}

/** The bytes of a stream are not in the encoding that its beginning suggested. */
export class EncodingError extends Error {}

/** The text of a stream of bytes, in pieces. Throws EncodingError for bytes that the encoding does not have. */
export async function* decodeStream(stream: Readable, encoding: Encoding): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const decode = (chunk?: Buffer) => {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch (cause) {
      throw new EncodingError(`not ${encoding}`, { cause });
    }
  };
  for await (const chunk of stream as AsyncIterable<Buffer>) yield decode(chunk);
  yield decode();
}

/** Most bytes of a text that is held in one piece: a string holds no more characters. */
const MAX_TEXT_BYTES = constants.MAX_STRING_LENGTH;

/** A whole file as text, unpacked and decoded; `encoding` is what it was read as. Throws DataError when it is too large. */
export async function readText(content: Content): Promise<{ text: string; encoding: Encoding }> {
  if (content.isWhole) return decodeWhole(content.head, content.encoding);
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of (await content.stream()) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_TEXT_BYTES) {
        throw new DataError({
          place: content.name,
          found: `more than ${MAX_TEXT_BYTES >> 20} MiB of text`,
          wanted: 'less',
          remedy: 'Use fewer movies, tags or lists, or write lists as Parquet.',
        });
      }
      parts.push(chunk);
    }
  } catch (cause) {
    throw packedError(cause, content.name);
  }
  return decodeWhole(Buffer.concat(parts), content.encoding);
}

/** UTF-8 where the bytes are, else Latin-1 as Windows has it; other encodings as they are. */
function decodeWhole(bytes: Buffer, encoding: Encoding): { text: string; encoding: Encoding } {
  try {
    return { text: new TextDecoder(encoding, { fatal: encoding === 'utf-8' }).decode(bytes), encoding };
  } catch {
    return { text: new TextDecoder('windows-1252').decode(bytes), encoding: 'windows-1252' };
  }
}
