/**
 * AdamW over weights that live in this process's memory: one flat array each for weights, gradients and both moments,
 * updated in pieces of one length by a graph, which takes a third of the time of a loop in JavaScript.
 */
import { addAdamW, clipFactor, updateScalars, type AdamWSettings } from './adamw.ts';
import { sizeOf, type Shape } from './graph.ts';
import { createGraph } from './ops/index.ts';
import { createSession, numberOf, type Session } from './session.ts';

/** Entries per run: small enough that all arrays of a piece stay in the cache, large enough that calls cost nothing. */
const ENTRIES_PER_RUN = 1 << 18;

const kinds = ['weight', 'gradient', 'first', 'second'] as const;
type Kind = (typeof kinds)[number];

/** A trained tensor. Without decay for biases and LayerNorm. */
export interface Trained {
  shape: Shape;
  decay: boolean;
}

export class HostOptimizer {
  readonly #arrays: Record<Kind, Float32Array>;
  readonly #offsets = new Map<string, { from: number; to: number }>();
  /** Entries before this are decayed; a multiple of ENTRIES_PER_RUN. */
  readonly #decayed: number;
  readonly #update: Session;
  readonly #squares: Session;
  /** Made so far. */
  updates = 0;

  private constructor(tensors: ReadonlyMap<string, Trained>, update: Session, squares: Session) {
    this.#update = update;
    this.#squares = squares;
    let end = 0;
    for (const decay of [true, false]) {
      for (const [name, tensor] of tensors) {
        if (tensor.decay !== decay) continue;
        this.#offsets.set(name, { from: end, to: end + sizeOf(tensor.shape) });
        end += sizeOf(tensor.shape);
      }
      end = Math.ceil(end / ENTRIES_PER_RUN) * ENTRIES_PER_RUN; // filled up with zeros, which stay zeros
      if (decay) this.#decayed = end;
    }
    this.#decayed ??= 0;
    const array = () => new Float32Array(end);
    this.#arrays = { weight: array(), gradient: array(), first: array(), second: array() };
  }

  static async create(tensors: ReadonlyMap<string, Trained>, threads: number) {
    const update = createGraph();
    const input = (name: string) => update.input(name, [ENTRIES_PER_RUN]);
    const number = (name: string) => update.input(name, []);
    const slot = { weight: input('weight'), first: input('first'), second: input('second') };
    const inputs = { stepSize: number('stepSize'), rootCorrection: number('rootCorrection') };
    const more = { decay: number('decay'), clip: number('clip') };
    const result = addAdamW(slot, input('gradient'), { ...inputs, ...more });
    for (const [name, tensor] of Object.entries(result)) update.output(`new ${name}`, tensor);
    const squares = createGraph();
    squares.output('sum', squares.input('gradient', [ENTRIES_PER_RUN]).sumSquares());
    const session = { target: 'cpu', threads, fill: true } as const;
    return new HostOptimizer(
      tensors,
      await createSession(update, session),
      await createSession(squares, session),
    );
  }

  /** A tensor's values, not copied. */
  values(kind: Kind, name: string): Float32Array {
    const { from, to } = this.#offsets.get(name)!;
    return this.#arrays[kind].subarray(from, to);
  }

  /** Global norm of the gradients. */
  async gradientNorm(): Promise<number> {
    let sum = 0;
    for (const gradient of pieces(this.#arrays.gradient)) {
      sum += numberOf(await this.#squares.run({ gradient }), 'sum');
    }
    return Math.sqrt(sum);
  }

  /** One update from the gradients, whose norm is `norm`, scaled down to `clipNorm`. */
  async update(norm: number, options: AdamWSettings & { clipNorm: number }): Promise<void> {
    const { stepSize, rootCorrection, decay } = updateScalars(++this.updates, options);
    const scalars = {
      stepSize: Float32Array.of(stepSize),
      rootCorrection: Float32Array.of(rootCorrection),
      clip: Float32Array.of(clipFactor(norm, options.clipNorm)),
    };
    const { weight, gradient, first, second } = this.#arrays;
    for (let at = 0; at < weight.length; at += ENTRIES_PER_RUN) {
      const piece = (array: Float32Array) => array.subarray(at, at + ENTRIES_PER_RUN);
      const slot = { weight: piece(weight), first: piece(first), second: piece(second) };
      // Results go where the operands were: every operation reads an entry before it writes that entry.
      const into = { 'new weight': slot.weight, 'new first': slot.first, 'new second': slot.second };
      const decayHere = Float32Array.of(at < this.#decayed ? decay : 0);
      await this.#update.run({ ...slot, ...scalars, decay: decayHere, gradient: piece(gradient) }, into);
    }
  }

  async dispose(): Promise<void> {
    await this.#update.release();
    await this.#squares.release();
  }
}

function* pieces(array: Float32Array): Generator<Float32Array> {
  for (let at = 0; at < array.length; at += ENTRIES_PER_RUN) yield array.subarray(at, at + ENTRIES_PER_RUN);
}
