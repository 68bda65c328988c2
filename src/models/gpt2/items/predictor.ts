/** What item GPT-2 says of users: the state of the asking position, whose product with a movie's row is its logit. */
import { floatsOf, SessionCache } from '../../../onnx/session.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import type { Rng } from '../../../util/rng.ts';
import { throwIfAborted } from '../../../util/errors.ts';
import type { Gpt2Config } from '../network/config.ts';
import { promptBatches, type PromptOptions } from './batches.ts';
import type { ItemHistory } from './histories.ts';
import { MARKS, promptFeeds, promptGraph } from './network.ts';

/** Computes states on the CPU. Dispose of it. */
export class ItemPredictor {
  readonly #config: Gpt2Config;
  readonly #sessions: SessionCache;

  constructor(config: Gpt2Config, threads: number) {
    this.#config = config;
    this.#sessions = new SessionCache({ target: 'cpu', threads });
  }

  /** The states, (C) each, of whole histories by their user. */
  async states(
    parameters: Parameters,
    histories: readonly ItemHistory[],
    options: PromptOptions,
    { rng, signal }: { rng: Rng; signal: AbortSignal },
  ): Promise<Map<number, Float32Array>> {
    const C = this.#config.n_embd;
    const marks = parameters.get(MARKS)!.shape[0]!;
    const weights = Object.fromEntries([...parameters].map(([name, { data }]) => [name, data]));
    const states = new Map<number, Float32Array>();
    for (const { batch, histories: own } of promptBatches(histories, options, rng)) {
      throwIfAborted(signal, 'ranking was not finished');
      const size = { B: batch.rows, T: batch.length };
      const session = await this.#sessions.get(`${size.B} ${size.T}`, () =>
        promptGraph(this.#config, parameters, size),
      );
      const results = await session.run({ ...weights, ...promptFeeds(batch, marks) });
      const values = floatsOf(results, 'hidden');
      for (const [row, { user }] of own.entries()) states.set(user, values.slice(row * C, (row + 1) * C));
    }
    return states;
  }

  dispose(): Promise<void> {
    return this.#sessions.dispose();
  }
}
