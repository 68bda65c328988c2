/** The architecture's sizes: what a Hugging Face `config.json` says, checked. */
import { join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../../../util/errors.ts';
import { readTextFile } from '../../../util/files.ts';
import { parseJson } from '../../../util/parse.ts';

/** Far above gpt2-xl (48 layers, 1600 wide, 50,257 tokens): larger sizes are damage, and refused before they are allocated. */
const MAX_LAYERS = 1024;
const MAX_WIDTH = 65_536;
const MAX_TOKENS = 4_194_304;

/** Hugging Face's names of what stands between the two matrices of the feed-forward layer. */
const activations = ['gelu_new', 'gelu_pytorch_tanh', 'gelu', 'relu'] as const;

/** Architectures that Hugging Face's GPT2LMHeadModel has and we do not: refused rather than computed wrongly. */
const only = <T extends boolean | string>(value: T) => z.literal(value).default(value as never);

const tokenIds = z.union([z.int().min(0), z.array(z.int().min(0)), z.null()]);

/**
 * The fields of GPT2Config that change what the network computes; names and defaults are Hugging Face's. Unknown
 * fields are ignored on reading, as Hugging Face does.
 */
const size = (largest: number) => z.int().min(1).max(largest);

export const gpt2ConfigSchema = z.object({
  model_type: z.literal('gpt2'),
  vocab_size: size(MAX_TOKENS).default(50257),
  /** The longest text, in tokens: rows of the position embedding. Old files call it `n_ctx`. */
  n_positions: size(MAX_TOKENS).default(1024),
  n_embd: size(MAX_WIDTH).default(768),
  n_layer: size(MAX_LAYERS).default(12),
  n_head: size(MAX_WIDTH).default(12),
  /** Width of the feed-forward layer; null means 4 n_embd. */
  n_inner: size(4 * MAX_WIDTH)
    .nullable()
    .default(null),
  activation_function: z.enum(activations).default('gelu_new'),
  resid_pdrop: z.number().min(0).max(1).default(0.1),
  embd_pdrop: z.number().min(0).max(1).default(0.1),
  attn_pdrop: z.number().min(0).max(1).default(0.1),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  initializer_range: z.number().positive().default(0.02),
  /** Attention logits are divided by the root of the head's width. */
  scale_attn_weights: z.boolean().default(true),
  /** Attention logits of layer l, from 0, are divided by l + 1. */
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  add_cross_attention: only(false),
  /** Whether the output layer is the token embedding; else it is `lm_head.weight`. */
  tie_word_embeddings: z.boolean().default(true),
  /** Only passed on; some files have none, or several that end a text. */
  bos_token_id: tokenIds.default(50256),
  eos_token_id: tokenIds.default(50256),
});

/** A GPT-2 architecture. Legend: B sequences, T tokens, C = n_embd, H = n_head, D = C/H, V = vocab_size. */
export type Gpt2Config = z.output<typeof gpt2ConfigSchema>;

/**
 * Checks the value of a `config.json`. Throws DataError naming the field; `place` is the file.
 */
export function parseConfig(value: unknown, place: string): Gpt2Config {
  const result = gpt2ConfigSchema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new DataError({
      place: `${place}: ${issue!.path.join('.') || 'the file'}`,
      found: issue!.message,
      wanted: "the configuration of a GPT-2 as Hugging Face's GPT2LMHeadModel computes it",
      remedy:
        'Use gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2 or a model fine-tuned from one of them.',
      cause: result.error,
    });
  }
  const config = result.data;
  if (config.n_embd % config.n_head !== 0) {
    throw new DataError({
      place: `${place}: n_head`,
      found: `${config.n_head}`,
      wanted: `a divisor of n_embd, which is ${config.n_embd}`,
    });
  }
  return config;
}

/** Reads `folder/config.json`. Throws DataError when it is missing, not JSON, or not a GPT-2. */
export async function readConfig(folder: string): Promise<Gpt2Config> {
  const place = join(folder, 'config.json');
  const text = await readTextFile(place, 'a Hugging Face model folder').catch((error: unknown) => {
    if (!(error instanceof DataError)) throw error;
    throw new DataError({
      ...error.facts,
      remedy: 'Point --model at a folder that holds config.json, model.safetensors and the tokenizer.',
    });
  });
  return parseConfig(parseJson(text, { place }), place);
}

/** A masked position's attention logit: as good as minus infinity. */
export const MASKED_LOGIT = -1e30;

/** The object that Hugging Face's `from_pretrained` reads from `config.json`. */
export function configJson(config: Gpt2Config): Record<string, unknown> {
  return { architectures: ['GPT2LMHeadModel'], dtype: 'float32', ...config };
}

/** The configuration with one dropout rate for embeddings, attention and residuals; undefined leaves its own. */
export function withDropout(config: Gpt2Config, rate: number | undefined): Gpt2Config {
  if (rate === undefined) return config;
  return { ...config, embd_pdrop: rate, attn_pdrop: rate, resid_pdrop: rate };
}

/** What attention logits of a layer (from 0) are multiplied by. */
export function attentionScale(
  { n_embd, n_head, scale_attn_weights, scale_attn_by_inverse_layer_idx }: Gpt2Config,
  layer: number,
): number {
  const scale = scale_attn_weights ? 1 / Math.sqrt(n_embd / n_head) : 1;
  return scale_attn_by_inverse_layer_idx ? scale / (layer + 1) : scale;
}

/** Name of the output layer's matrix, (V, C). */
export function outputLayer({ tie_word_embeddings }: Gpt2Config): string {
  return tie_word_embeddings ? 'transformer.wte.weight' : 'lm_head.weight';
}

/** Width of the feed-forward layer. */
function innerWidth(config: Gpt2Config): number {
  return config.n_inner ?? 4 * config.n_embd;
}

/** Names and shapes of all parameters, in Hugging Face's order and layout (linear weights are [in, out]). */
export function parameterShapes(config: Gpt2Config): Map<string, number[]> {
  const C = config.n_embd;
  const inner = innerWidth(config);
  const shapes = new Map<string, number[]>([
    ['transformer.wte.weight', [config.vocab_size, C]],
    ['transformer.wpe.weight', [config.n_positions, C]],
  ]);
  const add = (layer: string, weight: number[]) => {
    shapes.set(`${layer}.weight`, weight);
    shapes.set(`${layer}.bias`, weight.slice(-1));
  };
  for (let layer = 0; layer < config.n_layer; layer++) {
    const block = `transformer.h.${layer}`;
    add(`${block}.ln_1`, [C]);
    add(`${block}.attn.c_attn`, [C, 3 * C]);
    add(`${block}.attn.c_proj`, [C, C]);
    add(`${block}.ln_2`, [C]);
    add(`${block}.mlp.c_fc`, [C, inner]);
    add(`${block}.mlp.c_proj`, [inner, C]);
  }
  add('transformer.ln_f', [C]);
  if (!config.tie_word_embeddings) shapes.set(outputLayer(config), [config.vocab_size, C]);
  return shapes;
}
