/** An engine that trains nothing, and the smallest base model: what stands around training is seen alone. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundledTokenizer } from '../../../src/huggingface/tokenizer.ts';
import { TfjsDecoder } from '../../../src/models/gpt2/decoding/tfjs.ts';
import type { Engine } from '../../../src/models/gpt2/engine/engine.ts';
import { saveModel } from '../../../src/models/gpt2/network/base.ts';
import { gpt2ConfigSchema } from '../../../src/models/gpt2/network/config.ts';
import { initialParameters } from '../../../src/models/gpt2/network/presets.ts';
import { loadTfjs } from '../../../src/models/gpt2/network/tfjs-backend.ts';
import type { FineTuning } from '../../../src/models/gpt2/training/fine-tune.ts';
import { Rng } from '../../../src/util/rng.ts';
import { FakeDecoder } from './fake-decoder.ts';

/** Keeps the job it was given; decodes with the network on TensorFlow.js. */
export class IdleEngine implements Engine {
  description = 'an engine that trains nothing';
  job: FineTuning | undefined;

  train(job: FineTuning) {
    this.job = job;
    return Promise.resolve({ parameters: job.base.parameters, facts: { steps: 0 } });
  }

  async decoder(...[config, parameters]: Parameters<Engine['decoder']>): ReturnType<Engine['decoder']> {
    return new TfjsDecoder(await loadTfjs(false), config, parameters);
  }
}

/** Decodes with logits that depend on the last token alone, for long lists in a short time. */
export class TableEngine extends IdleEngine {
  override decoder(...[config]: Parameters<Engine['decoder']>): ReturnType<Engine['decoder']> {
    const rows = Array.from({ length: 16 }, (_, n) => {
      const rng = new Rng(`logits ${n}`);
      return Float32Array.from({ length: config.vocab_size }, () => rng.uniform());
    });
    const decoder = new FakeDecoder((text) => rows[text.at(-1)! % rows.length]!);
    return Promise.resolve(Object.assign(decoder, { dispose: () => {} }));
  }
}

/** A folder with a network of width 4 and one layer over GPT-2's vocabulary, for texts of `n_positions` tokens. */
export async function microFolder(n_positions: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gpt2-micro-'));
  const config = gpt2ConfigSchema.parse({
    model_type: 'gpt2',
    n_embd: 4,
    n_layer: 1,
    n_head: 1,
    n_positions,
  });
  const parameters = initialParameters({ ...config, initializer_range: 0.5 }, new Rng(1));
  await saveModel(folder, { name: 'micro', config, parameters, tokenizer: await bundledTokenizer() });
  return folder;
}
