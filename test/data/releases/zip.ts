/** Just enough of the zip format to make archives, good and evil. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipEntry {
  name: string;
  content: string | Uint8Array;
  /** Unix mode, kind of file included. */
  mode?: number;
  /** Compressed; otherwise stored. */
  deflate?: boolean;
}

/** An archive with these entries. Layout: APPNOTE.TXT 6.3.10, 4.3.7, 4.3.12 and 4.3.16. */
export function zipOf(entries: ZipEntry[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, mode = 0o100644, deflate = false } of entries) {
    const plain = Buffer.from(content);
    const body = deflate ? deflateRawSync(plain) : plain;
    const nameBytes = Buffer.from(name);
    const shared = Buffer.alloc(26); // version needed ... extra length, the same in both headers
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(deflate ? 8 : 0, 4);
    shared.writeUInt16LE(0x21, 8); // 1 January 1980
    shared.writeUInt32LE(crc32(plain), 10);
    shared.writeUInt32LE(body.length, 14);
    shared.writeUInt32LE(plain.length, 18);
    shared.writeUInt16LE(nameBytes.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), shared, nameBytes, body]);
    const tail = Buffer.alloc(14); // comment length, disk, attributes, offset of the local header
    tail.writeUInt32LE(mode * 0x10000, 6);
    tail.writeUInt32LE(offset, 10);
    const made = Buffer.from([20, 3]); // by version 2.0 on Unix
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02', 'latin1'), made, shared, tail, nameBytes]));
    locals.push(local);
    offset += local.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...directory, end]);
}
