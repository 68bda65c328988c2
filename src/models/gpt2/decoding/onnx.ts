/** Decoding on ONNX Runtime with keys and values kept: those of a prompt once, however many rows continue it. */
import { floatsOf, SessionCache, type Results } from '../../../onnx/session.ts';
import { MASKED_LOGIT, type Gpt2Config } from '../network/config.ts';
import { transpose, type Parameters } from '../../../huggingface/tensors.ts';
import { promptGraph, decodeStepGraph, type StepSize } from './graphs.ts';
import type { Decoder } from './decoder.ts';
import { isLinear } from '../network/onnx.ts';

/** Prompts are padded to a multiple of this many tokens, so that few different graphs are built. */
const PROMPT_MULTIPLE = 32;

/** Tokens per row that the cache of what is written holds at first; it doubles when it is full. */
const INITIAL_CAPACITY = 16;

/** Arrays of all layers, keys and values. */
type Cache = Map<string, Float32Array>;

export class OnnxDecoder implements Decoder {
  readonly #config: Gpt2Config;
  readonly #weights: Record<string, Float32Array>;
  readonly #sessions: SessionCache;
  #lengths: number[] = [];
  #size: StepSize = { U: 0, P: 0, W: 1, S: INITIAL_CAPACITY };
  #prompts: Cache = new Map();
  #promptMask = new Float32Array();
  /** (R, H, S, D) for each; the slot of row r is `#slots[r]`, one of its prompt's W slots. */
  #written: Cache = new Map();
  #slots = new Int32Array();
  /** Tokens written after each prompt. */
  #count = 0;

  constructor(config: Gpt2Config, parameters: Parameters, threads: number) {
    this.#config = config;
    this.#weights = Object.fromEntries(
      [...parameters].map(([name, tensor]) => [name, (isLinear(name) ? transpose(tensor) : tensor).data]),
    );
    this.#sessions = new SessionCache({ target: 'cpu', threads });
  }

  async start(prompts: readonly ArrayLike<number>[]): Promise<Float32Array> {
    this.#lengths = prompts.map(({ length }) => length);
    const U = prompts.length;
    const longest = Math.max(...this.#lengths);
    const P = Math.min(Math.ceil(longest / PROMPT_MULTIPLE) * PROMPT_MULTIPLE, this.#config.n_positions);
    const tokens = new BigInt64Array(U * P);
    this.#promptMask = new Float32Array(U * P).fill(MASKED_LOGIT);
    for (const [u, prompt] of prompts.entries()) {
      tokens.set(BigInt64Array.from(Array.from(prompt), BigInt), u * P);
      this.#promptMask.fill(0, u * P, u * P + prompt.length);
    }
    const last = BigInt64Array.from(this.#lengths, (length, u) => BigInt(u * P + length - 1));
    const session = await this.#sessions.get(`prompt ${U} ${P}`, () => promptGraph(this.#config, U, P));
    const results = await session.run({ ...this.#weights, tokens, last });
    this.#prompts = new Map();
    for (const layer of this.#layers()) {
      this.#prompts.set(`promptKeys.${layer}`, floatsOf(results, `keys.${layer}`));
      this.#prompts.set(`promptValues.${layer}`, floatsOf(results, `values.${layer}`));
    }
    this.#size = { U, P, W: 1, S: INITIAL_CAPACITY };
    this.#slots = Int32Array.from({ length: U }, (_, u) => u);
    this.#count = 0;
    this.#written = this.#emptyCache(this.#size);
    return floatsOf(results, 'logits');
  }

  async step(tokens: Int32Array, parents?: Int32Array): Promise<Float32Array> {
    this.#arrange(parents ?? Int32Array.from(tokens.keys()));
    const { U, P, W, S } = this.#size;
    const given = new BigInt64Array(U * W);
    const positions = new BigInt64Array(U * W);
    for (const [row, token] of tokens.entries()) {
      const slot = this.#slots[row]!;
      given[slot] = BigInt(token);
      const length = this.#lengths[Math.floor(slot / W)]! + this.#count;
      positions[slot] = BigInt(Math.min(length, this.#config.n_positions - 1));
    }
    const session = await this.#sessions.get(`step ${U} ${P} ${W} ${S}`, () =>
      decodeStepGraph(this.#config, this.#size),
    );
    const results = await session.run({
      ...this.#weights,
      ...Object.fromEntries(this.#prompts),
      ...Object.fromEntries(this.#written),
      tokens: given,
      positions,
      promptMask: this.#promptMask,
      writtenMask: new Float32Array(S).fill(MASKED_LOGIT, this.#count),
    });
    this.#store(results);
    this.#count++;
    return this.#orderByRow(floatsOf(results, 'logits'));
  }

  /** Gives every row a slot after its prompt, and a copy of what its parent wrote. */
  #arrange(parents: Int32Array): void {
    const { U, W: before } = this.#size;
    const prompts = Int32Array.from(parents, (parent) => Math.floor(this.#slots[parent]! / before));
    const rows = new Int32Array(U);
    for (const prompt of prompts) rows[prompt]!++;
    const W = powerOfTwo(Math.max(...rows));
    const S = Math.max(INITIAL_CAPACITY, powerOfTwo(this.#count + 1));
    const used = new Int32Array(U);
    const slots = Int32Array.from(prompts, (prompt) => prompt * W + used[prompt]!++);
    const same =
      W === before && S === this.#size.S && parents.every((p, row) => this.#slots[p] === slots[row]);
    if (!same) {
      const size = { ...this.#size, W, S };
      const cache = this.#emptyCache(size);
      for (const [row, parent] of parents.entries()) {
        this.#copyRow(this.#slots[parent]!, cache, slots[row]!, S);
      }
      this.#written = cache;
      this.#size = size;
    }
    this.#slots = slots;
  }

  #copyRow(from: number, cache: Cache, to: number, S: number): void {
    const { n_embd: C, n_head: H } = this.#config;
    const D = C / H;
    for (const [name, target] of cache) {
      const source = this.#written.get(name)!;
      for (let h = 0; h < H; h++) {
        const start = (from * H + h) * this.#size.S * D;
        target.set(source.subarray(start, start + this.#count * D), (to * H + h) * S * D);
      }
    }
  }

  /** Stores the new token's keys and values, (R, H, 1, D), after what each slot has. */
  #store(results: Results): void {
    const { n_embd: C, n_head: H } = this.#config;
    const { U, W, S } = this.#size;
    const D = C / H;
    for (const layer of this.#layers()) {
      for (const [to, from] of [
        [`writtenKeys.${layer}`, `keys.${layer}`],
        [`writtenValues.${layer}`, `values.${layer}`],
      ] as const) {
        const target = this.#written.get(to)!;
        const source = floatsOf(results, from);
        for (let at = 0; at < U * W * H; at++) {
          target.set(source.subarray(at * D, (at + 1) * D), (at * S + this.#count) * D);
        }
      }
    }
  }

  /** Logits by slot, rearranged by row. */
  #orderByRow(logits: Float32Array): Float32Array {
    const { vocab_size: V } = this.#config;
    if (this.#slots.length * V === logits.length && this.#slots.every((slot, row) => slot === row)) {
      return logits;
    }
    const ordered = new Float32Array(this.#slots.length * V);
    for (const [row, slot] of this.#slots.entries()) {
      ordered.set(logits.subarray(slot * V, (slot + 1) * V), row * V);
    }
    return ordered;
  }

  #emptyCache({ U, W, S }: StepSize): Cache {
    const names = this.#layers().flatMap((layer) => [`writtenKeys.${layer}`, `writtenValues.${layer}`]);
    return new Map(names.map((name) => [name, new Float32Array(U * W * S * this.#config.n_embd)]));
  }

  #layers(): number[] {
    return Array.from({ length: this.#config.n_layer }, (_, layer) => layer);
  }

  dispose(): Promise<void> {
    return this.#sessions.dispose();
  }
}

function powerOfTwo(n: number): number {
  return 2 ** Math.ceil(Math.log2(n));
}
