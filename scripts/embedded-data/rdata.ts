/**
 * Reads R's lazy-load databases (NAME.rdx, NAME.rdb) as far as data frames need it: vectors, factors, lists and their
 * attributes, compressed by zlib. Format: R Internals 1.8, "Serialization Formats", and R's src/main/serialize.c.
 */
import { readFileSync } from 'node:fs';
import { inflateSync, unzipSync } from 'node:zlib';

/** A value of R with its attributes by name. */
export interface RValue {
  value: null | string | number | (string | number | null)[] | RValue[];
  attributes: Record<string, RValue>;
}

/** Kinds of items that occur here. */
const KIND = {
  SYMBOL: 1,
  PAIRLIST: 2,
  CHARACTERS: 9,
  LOGICAL: 10,
  INTEGER: 13,
  REAL: 14,
  STRINGS: 16,
  LIST: 19,
  NULL: 254,
  REFERENCE: 255,
};
const HAS_ATTRIBUTES = 0x200;
const HAS_TAG = 0x400;
/** R's missing integer. */
const NA_INTEGER = -2147483648;

/** The object `name` of the database `path`.rdx and `path`.rdb. */
export function readLazyLoad(path: string, name: string): RValue {
  const index = unserialize(unzipSync(readFileSync(`${path}.rdx`)));
  const [offset, length] = field(field(index, 'variables'), name).value as [number, number];
  const bytes = readFileSync(`${path}.rdb`).subarray(offset, offset + length);
  return unserialize(inflateSync(bytes.subarray(4))); // four bytes of uncompressed length go before
}

/** A named element of a list or column of a data frame. */
export function field(list: RValue, name: string): RValue {
  const names = list.attributes['names']?.value as string[];
  const at = names.indexOf(name);
  if (at === -1) throw new Error(`no ${name} among ${names.join(', ')}`);
  return (list.value as RValue[])[at]!;
}

/** The texts of a factor. */
export function factorTexts(factor: RValue): string[] {
  const levels = factor.attributes['levels']!.value as string[];
  return (factor.value as number[]).map((code) => levels[code - 1]!);
}

function unserialize(bytes: Buffer): RValue {
  if (bytes.toString('latin1', 0, 2) !== 'X\n') throw new Error('not in the XDR format');
  let at = 2;
  const int = () => bytes.readInt32BE((at += 4) - 4);
  const real = () => bytes.readDoubleBE((at += 8) - 8);
  const many = <T>(read: () => T): T[] => Array.from({ length: int() }, read);
  const version = int();
  at += 8; // versions of R that wrote it and that can read it
  const encodingLength = version === 3 ? int() : 0;
  at += encodingLength;

  const references: RValue[] = [];
  function item(): RValue {
    const flags = int();
    const kind = flags & 0xff;
    if (kind === KIND.NULL) return { value: null, attributes: {} };
    if (kind === KIND.REFERENCE) return references[(flags >> 8) - 1]!;
    if (kind === KIND.SYMBOL) {
      const symbol = item();
      references.push(symbol);
      return symbol;
    }
    if (kind === KIND.CHARACTERS) {
      const length = int();
      return { value: length === -1 ? null : bytes.toString('utf8', at, (at += length)), attributes: {} };
    }
    if (kind === KIND.PAIRLIST) return { value: null, attributes: pairs(flags) };
    const value = vector(kind);
    return { value, attributes: flags & HAS_ATTRIBUTES ? item().attributes : {} };
  }

  /** A pairlist, whose first flags are read already, as an object; the order of attributes does not matter. */
  function pairs(first: number): Record<string, RValue> {
    const found: Record<string, RValue> = {};
    for (let flags = first; (flags & 0xff) === KIND.PAIRLIST; flags = int()) {
      if (flags & HAS_ATTRIBUTES) item();
      const tag = flags & HAS_TAG ? (item().value as string) : '';
      found[tag] = item();
    }
    return found;
  }

  function vector(kind: number): RValue['value'] {
    if (kind === KIND.INTEGER || kind === KIND.LOGICAL) {
      return many(int).map((value) => (value === NA_INTEGER ? null : value));
    }
    if (kind === KIND.REAL) return many(real);
    if (kind === KIND.STRINGS) return many(() => item().value as string | null);
    if (kind === KIND.LIST) return many(item);
    throw new Error(`an item of kind ${kind} at byte ${at}`);
  }

  return item();
}
