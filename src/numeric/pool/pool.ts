/**
 * The kernels, their memory and their threads. One shared WebAssembly memory holds every array; a job is a kernel and
 * a number of rows, which the main thread and the workers take in chunks from a counter. Kernels write each row from
 * that row's inputs alone, so results are the same bits for any number of threads.
 */
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { FitError, RecsysError } from '../../util/errors.ts';
import { compileModule } from '../../util/webassembly/module.ts';
import {
  orderedArguments,
  scratchArguments,
  Struct,
  type KernelArguments,
  type KernelName,
  type StructFields,
  type StructName,
} from './arguments.ts';
import { structLayouts } from './kernels.ts';
import {
  controlOf,
  HEAP_ADDRESS,
  JOINED_MASK,
  kernelsOf,
  NEXT_JOB,
  OPEN_BIT,
  WORD,
  work,
  type Control,
  type Kernels,
} from './protocol.js';

const PAGE_BYTES = 65_536;
/** 4 GiB, all that 32-bit addresses reach; the module is compiled with the same maximum. */
const MAX_PAGES = 65_536;
/** Cache line. Also enough for SIMD loads, which like 16. */
const ALIGNMENT_BYTES = 64;
/** A worker takes 30 to 50 ms to start, in which a thread does about this many floating-point operations. */
const OPERATIONS_PER_WORKER_START = 1e9;

export interface PoolOptions {
  /** Threads that may be used, the main one included. */
  threads: number;
  /** About how many floating-point operations the pool will do; workers start only when that pays. Default: always. */
  operations?: number;
}

export class KernelPool {
  readonly #memory: WebAssembly.Memory<SharedArrayBuffer>;
  readonly #kernels: Kernels;
  readonly #names: string[];
  readonly #control: Control;
  readonly #workers: Worker[];
  #heapEnd = HEAP_ADDRESS;
  #scratch: Uint8Array | null = null;

  private constructor(module: WebAssembly.Module, workers: number) {
    this.#memory = new WebAssembly.Memory<SharedArrayBuffer>({
      initial: 1,
      maximum: MAX_PAGES,
      shared: true,
    });
    this.#kernels = kernelsOf(module, this.#memory);
    this.#names = Object.keys(this.#kernels);
    this.#control = controlOf(this.#memory);
    this.#workers = this.#startWorkers(module, workers);
  }

  /** Throws RecsysError when the compiled kernels are missing. Call `dispose` when done. */
  static create({ threads, operations = Infinity }: PoolOptions): KernelPool {
    const workers = operations > OPERATIONS_PER_WORKER_START ? Math.min(threads, JOINED_MASK) - 1 : 0;
    return new KernelPool(compiledKernels(), workers);
  }

  /** Threads of the pool: the main one and its workers, including workers that could not start. */
  get threads(): number {
    return this.#workers.length + 1;
  }

  float32(source: number | ArrayLike<number>): Float32Array {
    return this.#allocateArray(source, 4, (at, length) => new Float32Array(this.#memory.buffer, at, length));
  }

  float64(source: number | ArrayLike<number>): Float64Array {
    return this.#allocateArray(source, 8, (at, length) => new Float64Array(this.#memory.buffer, at, length));
  }

  int32(source: number | ArrayLike<number>): Int32Array {
    return this.#allocateArray(source, 4, (at, length) => new Int32Array(this.#memory.buffer, at, length));
  }

  uint32(source: number | ArrayLike<number>): Uint32Array {
    return this.#allocateArray(source, 4, (at, length) => new Uint32Array(this.#memory.buffer, at, length));
  }

  uint16(source: number | ArrayLike<number>): Uint16Array {
    return this.#allocateArray(source, 2, (at, length) => new Uint16Array(this.#memory.buffer, at, length));
  }

  uint8(source: number | ArrayLike<number>): Uint8Array {
    return this.#allocateArray(source, 1, (at, length) => new Uint8Array(this.#memory.buffer, at, length));
  }

  /** A struct for kernels to read, with these fields or, until `set` is called, zeros. */
  struct<S extends StructName>(name: S, fields?: StructFields<S>): Struct<S> {
    const { byteOffset, buffer } = this.uint8(structLayouts[name].bytes);
    const struct = new Struct(name, buffer, byteOffset);
    if (fields !== undefined) struct.set(fields);
    return struct;
  }

  /**
   * Runs `kernel` over the rows from `first` (default: 0) to `rows` in chunks of `grain`, on all threads, and returns
   * when all are done. Its arguments go by name; an array or a struct stands for its address. Each thread owns the
   * scratch that the kernel asks for. Throws RecsysError when a kernel traps in any thread, RangeError for an array
   * outside the pool's memory.
   */
  run<K extends KernelName>(
    kernel: K,
    job: { first?: number; rows: number; grain: number },
    values: KernelArguments<K>,
  ): void {
    const { words, arguments: passed } = this.#control;
    const ordered = orderedArguments(kernel, values);
    const scratchBytes = this.#scratchBytesOf(kernel, values);
    words[WORD.KERNEL] = this.#names.indexOf(kernel);
    words[WORD.SCRATCH] = this.#scratchOf(scratchBytes * this.threads);
    words[WORD.SCRATCH_BYTES] = scratchBytes;
    words[WORD.ROWS] = job.rows;
    words[WORD.GRAIN] = job.grain;
    words[WORD.ARGUMENTS] = ordered.length;
    passed.set(ordered);
    Atomics.store(words, WORD.NEXT, job.first ?? 0);
    Atomics.add(words, WORD.STATE, NEXT_JOB + OPEN_BIT);
    if (this.#workers.length > 0) Atomics.notify(words, WORD.STATE);
    try {
      work(this.#kernels, this.#control, 0);
    } finally {
      this.#close();
    }
    if (Atomics.load(words, WORD.ERROR) !== 0) throw workerError(this.#errorText());
  }

  /** Lets signals and timers run; call it between units of long work. */
  async yieldToEventLoop(): Promise<void> {
    await setImmediate();
  }

  /** Stops the workers. The arrays stay readable as long as something holds them. */
  async dispose(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    this.#workers.length = 0;
  }

  /** Ends the job: no worker may join any more, and the main thread waits for those inside. */
  #close(): void {
    const { words } = this.#control;
    Atomics.store(words, WORD.NEXT, words[WORD.ROWS]!); // after a trap here: the others take no further chunk
    Atomics.and(words, WORD.STATE, ~OPEN_BIT);
    for (;;) {
      const state = Atomics.load(words, WORD.STATE);
      if ((state & JOINED_MASK) === 0) return;
      Atomics.wait(words, WORD.STATE, state);
    }
  }

  /** Up to `count` workers: fewer where the system gives this process no more threads. */
  #startWorkers(module: WebAssembly.Module, count: number): Worker[] {
    const workers: Worker[] = [];
    while (workers.length < count) {
      try {
        const worker = new Worker(new URL('./worker.js', import.meta.url), {
          workerData: { module, memory: this.#memory, thread: workers.length + 1 },
          execArgv: [],
        });
        worker.on('error', () => {}); // it could not start: the others do its rows
        worker.unref();
        workers.push(worker);
      } catch {
        break;
      }
    }
    return workers;
  }

  #allocateArray<T extends { set(values: ArrayLike<number>): void }>(
    source: number | ArrayLike<number>,
    elementBytes: number,
    view: (at: number, length: number) => T,
  ): T {
    const length = typeof source === 'number' ? source : source.length;
    const array = view(this.#allocate(length * elementBytes), length);
    if (typeof source !== 'number') array.set(source);
    return array;
  }

  /** Address of `bytes` zero bytes. Nothing is ever freed: a pool lives as long as one fit or one ranking. */
  #allocate(bytes: number): number {
    const at = this.#heapEnd;
    const end = roundUp(at + bytes, ALIGNMENT_BYTES);
    const pages = Math.ceil(end / PAGE_BYTES) - this.#memory.buffer.byteLength / PAGE_BYTES;
    if (pages > 0) {
      try {
        this.#memory.grow(pages);
      } catch (cause) {
        const OwnError = end > MAX_PAGES * PAGE_BYTES ? FitError : RecsysError; // on any machine, or on this one now
        throw new OwnError({
          found: `the factors need ${Math.ceil(end / 2 ** 20)} MB of WebAssembly memory`,
          wanted: 'at most 4,096 MB, and that much free',
          remedy: 'Use fewer factors or a smaller data set.',
          cause,
        });
      }
    }
    this.#heapEnd = end;
    return at;
  }

  #scratchOf(bytes: number): number {
    if (this.#scratch === null || this.#scratch.length < bytes) this.#scratch = this.uint8(bytes);
    return this.#scratch.byteOffset;
  }

  /** Bytes of scratch per thread, from the kernel's own function of its arguments. */
  #scratchBytesOf<K extends KernelName>(kernel: K, values: KernelArguments<K>): number {
    const size = this.#kernels[`${kernel}Scratch`];
    const passed = scratchArguments(kernel, values);
    return size === undefined || passed === null ? 0 : roundUp(size(...passed), ALIGNMENT_BYTES);
  }

  #errorText(): string {
    const bytes = Uint8Array.from(this.#control.error); // TextDecoder refuses shared memory
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
}

let compiled: WebAssembly.Module | undefined;

/** The kernels, compiled once per process: 20 kB, in a few milliseconds. */
function compiledKernels(): WebAssembly.Module {
  compiled ??= compileModule('numeric/kernels.wasm');
  return compiled;
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

function workerError(reason: string): RecsysError {
  return new RecsysError({
    found: `a kernel failed in a worker thread (${reason})`,
    remedy: 'Run again with --threads 1; if it fails there too, please report it.',
  });
}
