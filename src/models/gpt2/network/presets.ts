/** Small architectures for `--init scratch`, and the random weights that training from scratch starts with. */
import type { Rng } from '../../../util/rng.ts';
import type { PresetName } from '../options.ts';
import { gpt2ConfigSchema, parameterShapes, type Gpt2Config } from './config.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';

/**
 * All presets keep GPT-2's own vocabulary of 50,257 tokens, so a text means the same tokens in every size and the
 * output layer (2 V C operations per token) is what a small model pays for: width decides the time, depth is cheap.
 *
 * | preset | width x layers | parameters | chosen for |
 * |---|---|---|---|
 * | tiny | 64 x 2 | 3.3 M | trains one epoch, saves and generates within the three minutes of a first try |
 * | mini | 64 x 2 | 3.3 M | ranks better than popularity after minutes on 100,000 ratings; wider is four times as slow |
 * | small | 384 x 6 | 30.1 M | the widest that still trains on two cores overnight |
 *
 * `n_positions` is what a prompt and its answer need: a dozen movies and ten titles fit 384 tokens. Dropout stays at
 * GPT-2's 0.1 except in `tiny` and `mini`, which see too little data to overfit.
 */
const sizes = {
  tiny: { n_embd: 64, n_layer: 2, n_head: 2, n_positions: 384, dropout: 0 },
  mini: { n_embd: 64, n_layer: 2, n_head: 2, n_positions: 320, dropout: 0 },
  small: { n_embd: 384, n_layer: 6, n_head: 6, n_positions: 512, dropout: 0.1 },
} as const satisfies Record<PresetName, unknown>;

/** The configuration of a preset. */
export function presetConfig(name: PresetName): Gpt2Config {
  const { dropout, ...size } = sizes[name];
  return gpt2ConfigSchema.parse({
    model_type: 'gpt2',
    ...size,
    embd_pdrop: dropout,
    resid_pdrop: dropout,
    attn_pdrop: dropout,
  });
}

/**
 * GPT-2's initialisation: weights and embeddings normal with deviation `initializer_range`, divided by sqrt(2 layers)
 * where a layer adds to the residual stream (Radford et al. 2019, section 2.3); biases 0; LayerNorm 1 and 0. Every
 * tensor draws from its own named generator, so its values do not depend on the others.
 */
export function initialParameters(config: Gpt2Config, rng: Rng): Parameters {
  const parameters: Parameters = new Map();
  for (const [name, shape] of parameterShapes(config)) {
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
    if (shape.length === 2) {
      const residual = name.endsWith('c_proj.weight') ? 1 / Math.sqrt(2 * config.n_layer) : 1;
      const deviation = config.initializer_range * residual;
      const normal = rng.derive(name);
      for (let i = 0; i < data.length; i++) data[i] = deviation * normal.normal();
    } else if (name.includes('.ln_') && name.endsWith('.weight')) data.fill(1);
    parameters.set(name, { shape, data });
  }
  return parameters;
}
