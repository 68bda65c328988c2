/** What kernels take, typed from what the compiler emitted (kernels.ts): arguments by name, and structs in shared memory. */
import { kernelParameters, scratchParameters, structLayouts } from './kernels.ts';

export type KernelName = keyof typeof kernelParameters;
export type StructName = keyof typeof structLayouts;

/** An array in the pool's memory, a struct there, or null for the address 0. */
type Address = ArrayBufferView | null;

/** The host's type for a type of the kernels: numbers as they are, addresses as what lies there. */
type HostType<T> = T extends 'usize' ? Address : T extends StructName ? Struct<T> : number;

/** The arguments of a kernel, by the names of its parameters. */
export type KernelArguments<K extends KernelName> = {
  readonly [P in keyof (typeof kernelParameters)[K]]: HostType<(typeof kernelParameters)[K][P]>;
};

type Fields<S extends StructName> = (typeof structLayouts)[S]['fields'];

/** The fields of a struct, by name. */
export type StructFields<S extends StructName> = {
  readonly [F in keyof Fields<S>]: HostType<Fields<S>[F] extends { type: infer T } ? T : never>;
};

/** A record that kernels read, laid out as the compiler laid out their class. */
export class Struct<S extends StructName> {
  readonly name: S;
  readonly byteOffset: number;
  readonly #memory: DataView;

  /** Over `byteOffset` and the bytes after it; `KernelPool.struct` allocates them. */
  constructor(name: S, buffer: ArrayBufferLike, byteOffset: number) {
    this.name = name;
    this.byteOffset = byteOffset;
    this.#memory = new DataView(buffer, byteOffset, structLayouts[name].bytes);
  }

  /** Writes every field. */
  set(fields: StructFields<S>): void {
    const layout: Record<string, { offset: number }> = structLayouts[this.name].fields;
    const values: Record<string, unknown> = fields;
    for (const [field, { offset }] of Object.entries(layout))
      this.#memory.setUint32(offset, wordOf(field, values[field]), true);
  }
}

/** The arguments in the order of the kernel's parameters, addresses in place of arrays and structs. */
export function orderedArguments<K extends KernelName>(kernel: K, values: KernelArguments<K>): number[] {
  return pick(Object.keys(kernelParameters[kernel]), values);
}

/** The arguments of the function that gives the size of the kernel's scratch; null where it needs none. */
export function scratchArguments<K extends KernelName>(
  kernel: K,
  values: KernelArguments<K>,
): number[] | null {
  const names: Partial<Record<KernelName, readonly string[]>> = scratchParameters;
  const own = names[kernel];
  return own === undefined ? null : pick(own, values);
}

function pick(names: readonly string[], values: object): number[] {
  const byName: Record<string, unknown> = { ...values };
  return names.map((name) => wordOf(name, byName[name]));
}

/** Throws RangeError for an array outside the pool's memory. */
function wordOf(name: string, value: unknown): number {
  if (typeof value === 'number') return value;
  if (value === null) return 0;
  if (value instanceof Struct) return value.byteOffset;
  if (ArrayBuffer.isView(value) && value.buffer instanceof SharedArrayBuffer) return value.byteOffset;
  throw new RangeError(`'${name}' must be a number, or an array in the memory of the kernels`);
}
