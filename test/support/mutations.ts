/** Damage at random, as disks, servers and editors do it. All draws come from `rng`. */
import type { Rng } from '../../src/util/rng.ts';

/** How many mutants a test tries: RECSYS_MUTATIONS=10000 as many as a release does, else `few`. */
export function mutationRuns(few: number): number {
  return Number(process.env['RECSYS_MUTATIONS'] ?? few);
}

/** A copy with one to three changes: bits, bytes, runs of zeros, parts that are missing, doubled or moved, a cut. */
export function mutateBytes(bytes: Uint8Array, rng: Rng): Buffer {
  let mutant = Buffer.from(bytes);
  for (let n = 1 + rng.int(3); n > 0; n--) {
    const at = rng.int(mutant.length + 1);
    const end = Math.min(mutant.length, at + 1 + rng.int(rng.uniform() < 0.8 ? 12 : mutant.length + 1));
    const [head, part, tail] = [mutant.subarray(0, at), mutant.subarray(at, end), mutant.subarray(end)];
    const noise = Buffer.from(Array.from({ length: 1 + rng.int(8) }, () => rng.int(256)));
    const kinds = [
      () => flipBit(mutant, rng),
      () => Buffer.concat([head, noise, tail]),
      () => Buffer.concat([head, noise, part, tail]),
      () => Buffer.concat([head, tail]),
      () => Buffer.concat([head, part, part, tail]),
      () => Buffer.concat([part, head, tail]),
      () => Buffer.concat([head, Buffer.alloc(part.length), tail]),
      () => head,
    ];
    mutant = Buffer.from(kinds[rng.int(kinds.length)]!());
  }
  return mutant;
}

function flipBit(bytes: Buffer, rng: Rng): Buffer {
  const flipped = Buffer.from(bytes);
  const at = rng.int(Math.max(1, bytes.length));
  if (at < bytes.length) flipped[at]! ^= 1 << rng.int(8);
  return flipped;
}

/** Values that programs do not expect: of another type, too large, not finite once parsed, names of every object. */
const hostile: readonly unknown[] = [
  null,
  true,
  '',
  'constructor',
  '__proto__',
  '\u001b[2J\u202e',
  'x'.repeat(3000),
  [],
  {},
  [[]],
  0,
  -1,
  0.5,
  1e308,
  2 ** 31,
  2_000_000_000,
  Number.MAX_SAFE_INTEGER + 1,
  '../../etc/passwd',
];

/** A copy of a JSON value with one to three changes: values replaced, removed, doubled, added or swapped. */
export function mutateJson(value: unknown, rng: Rng): unknown {
  const mutant: unknown = structuredClone(value);
  for (let n = 1 + rng.int(3); n > 0; n--) {
    const path = randomContainer(mutant, rng);
    if (path === undefined) return hostileValue(rng);
    changeWithin(path, rng);
  }
  return mutant;
}

/** One of its own: the next change may be within it. */
function hostileValue(rng: Rng): unknown {
  return structuredClone(pick(hostile, rng));
}

type Container = Record<string, unknown> | unknown[];

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

function randomContainer(root: unknown, rng: Rng): Container | undefined {
  if (!isContainer(root)) return undefined;
  let at = root;
  for (;;) {
    const inner = Object.values(at).filter((value) => isContainer(value));
    if (inner.length === 0 || rng.uniform() < 0.25) return at;
    at = pick(inner, rng);
  }
}

function changeWithin(container: Container, rng: Rng): void {
  const keys = Object.keys(container);
  const key = keys.length === 0 ? '0' : pick(keys, rng);
  const values = container as Record<string, unknown>;
  const kinds = [
    () => (values[key] = hostileValue(rng)),
    () => (values[key] = nudge(values[key], rng)),
    () => (Array.isArray(container) ? container.splice(Number(key), 1) : delete values[key]),
    () => (Array.isArray(container) ? container.push(values[key]) : (values['constructor'] = values[key])),
    () =>
      ([values[key], values[pick([key, ...keys], rng)]] = [values[pick([key, ...keys], rng)], values[key]]),
  ];
  pick(kinds, rng)();
}

/** A value of the same type that is a little wrong. */
function nudge(value: unknown, rng: Rng): unknown {
  if (typeof value === 'number') return pick([value + 1, -value, value * 1e10, value / 3], rng);
  if (typeof value === 'string') return pick([`${value} `, value.slice(1), value.toUpperCase()], rng);
  return value === true ? false : value;
}

function pick<T>(values: readonly T[], rng: Rng): T {
  return values[rng.int(values.length)]!;
}
