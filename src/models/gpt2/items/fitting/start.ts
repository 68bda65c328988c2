/**
 * The weights that item GPT-2 starts from. Its first layer begins as what implicit ALS does with a history: the asking
 * position attends to each rated movie by the square of its rating, and the mean of the movies' vectors times the inverse
 * of the solver's matrix is what the user is; the output bias begins as the logarithm of the popularity. All of it is said
 * in GPT-2's own weights, so that any program that runs GPT-2 runs this one.
 */
import type { TrainingSet } from '../../../../data/training-set.ts';
import { REFERENCE_STARS } from '../../../../data/rating-levels.ts';
import type { Parameters } from '../../../../huggingface/tensors.ts';
import { invert } from '../../../../numeric/inverse.ts';
import { mean, sum } from '../../../../util/arrays.ts';
import { log } from '../../../../util/math.ts';
import type { Rng } from '../../../../util/rng.ts';
import { entriesOf, rowLength } from '../../../../util/sparse-rows.ts';
import type { Gpt2Config } from '../../network/config.ts';
import { initialParameters } from '../../network/presets.ts';
import type { ItemVocabulary } from '../histories.ts';
import { MARKS, MOVIES, POSITIONS } from '../network.ts';

/** Columns of the embedding that do not hold a movie's vector. */
export const SPARE_COLUMNS = 8;
/**
 * What they hold, counted from the last column of the vectors: the bias, two constants, the rating's weight, and what makes
 * a row's mean 0, so that LayerNorm only scales it.
 */
const BIAS = 0;
const CONSTANT = 1;
const OPPOSITE = 2;
const WEIGHT = 3;
const BALANCE = 4;

/** Root mean square of the norms of the movies' vectors, a movie counted as often as it is rated. */
const VECTOR_NORM = 1;
/** The constants outweigh a vector, so that LayerNorm leaves differences of length between vectors. */
const CONSTANT_SIZE = 4;
/** Norm of the user's vector beside the constants. */
const USER_NORM = 4;
/** The column of the bias holds the bias divided by this, which the last LayerNorm gives back. */
const BIAS_UNIT = 10;
/** The column of the rating's weight holds its logarithm times this. */
const WEIGHT_UNIT = 0.1;
/** Logarithm of the weight of the asking position among the movies. */
const ASKING_WEIGHT = -20;
/** Added to the diagonal of Q'Q, in units of its mean: what ALS's own regularization and the user's movies add to it. */
const RIDGE = 3;

export interface ItemStart {
  /** (items, k), row-major, by item index; absent for random vectors. */
  factors?: { k: number; itemFactors: Float32Array };
  /** Mean over users of the standard deviation of the logits, the bias left out. */
  logitDeviation: number;
  /** The output bias begins as the logarithm of the popularity times this. */
  biasScale: number;
  /** Learn what a position means; else all are the same. */
  ordered: boolean;
}

/** Tables, blocks and, where order counts, positions; `config` gives the sizes. */
export async function startParameters(
  config: Gpt2Config,
  train: TrainingSet,
  vocabulary: ItemVocabulary,
  start: ItemStart,
  { rng, threads, signal }: { rng: Rng; threads: number; signal: AbortSignal },
): Promise<Parameters> {
  const C = config.n_embd;
  const F = C - SPARE_COLUMNS;
  const parameters = initialParameters({ ...config, vocab_size: 1 }, rng.derive('weights'));
  parameters.delete('transformer.wte.weight');
  if (!start.ordered) parameters.delete(POSITIONS);
  const vectors = movieVectors(train, vocabulary, F, start, rng.derive('movies'));
  const mixing = await mixingMatrix(vocabulary, vectors, F, start, { threads, signal });
  const { scale, logitScale } = scales(train, vocabulary, vectors, mixing, F, start.logitDeviation);
  parameters.set(MOVIES, movieTable(train, vocabulary, vectors, C, F, start.biasScale));
  parameters.set(MARKS, markTable(vocabulary, C, F));
  setFirstLayer(parameters, config, F, (i, j) => scale * mixing[i * F + j]!);
  for (let layer = 0; layer < config.n_layer; layer++) {
    parameters.get(`transformer.h.${layer}.mlp.c_proj.weight`)!.data.fill(0);
    if (layer > 0) parameters.get(`transformer.h.${layer}.attn.c_proj.weight`)!.data.fill(0);
  }
  const [gain, shift] = ['weight', 'bias'].map((name) => parameters.get(`transformer.ln_f.${name}`)!.data);
  gain!.fill(logitScale, 0, F);
  gain!.fill(0, F, F + BALANCE + 1);
  shift![F + BIAS] = BIAS_UNIT;
  return parameters;
}

/** (movies, F): ALS's factors or normal numbers, scaled to a mean norm of VECTOR_NORM. */
function movieVectors(
  { ratingCounts, ratings }: TrainingSet,
  { catalogue }: ItemVocabulary,
  F: number,
  { factors }: ItemStart,
  rng: Rng,
): Float32Array {
  const vectors = new Float32Array(catalogue.length * F);
  for (const [token, item] of catalogue.entries()) {
    for (let f = 0; f < F; f++) {
      vectors[token * F + f] = factors
        ? f < factors.k
          ? factors.itemFactors[item * factors.k + f]!
          : 0
        : rng.normal();
    }
  }
  let squares = 0;
  for (const [token, item] of catalogue.entries()) {
    const share = ratingCounts[item]! / ratings.users.length;
    for (let f = 0; f < F; f++) squares += share * vectors[token * F + f]! ** 2;
  }
  const scale = VECTOR_NORM / Math.sqrt(squares);
  return vectors.map((value) => value * scale);
}

/**
 * (F, F): the inverse of Q'Q of all movies, as in the matrix that implicit ALS solves for a user; the
 * identity for random vectors. Its diagonal is raised by RIDGE.
 */
async function mixingMatrix(
  { catalogue }: ItemVocabulary,
  vectors: Float32Array,
  F: number,
  { factors }: ItemStart,
  context: { threads: number; signal: AbortSignal },
): Promise<Float64Array> {
  const matrix = new Float64Array(F * F);
  if (factors === undefined) {
    for (let f = 0; f < F; f++) matrix[f * F + f] = 1;
    return matrix;
  }
  for (const token of catalogue.keys()) {
    const q = vectors.subarray(token * F, (token + 1) * F);
    for (let i = 0; i < F; i++) {
      const left = q[i]!;
      for (let j = i; j < F; j++) matrix[i * F + j]! += left * q[j]!;
    }
  }
  let trace = 0;
  for (let f = 0; f < F; f++) trace += matrix[f * F + f]!;
  for (let f = 0; f < F; f++) matrix[f * F + f]! += (RIDGE * trace) / F;
  await invert(matrix, F, context);
  return matrix;
}

/** Logarithm of a rating's weight: (stars / 4)^2, as the targets of implicit ALS; no less than that of half a star. */
function logWeight(stars: number): number {
  return 2 * log(Math.max(stars, 0.5) / REFERENCE_STARS);
}

/** The deviation that LayerNorm divides an embedded movie by. */
function deviationOf(constants: number, C: number): number {
  return Math.sqrt(constants / C);
}

/** What makes the user's vectors USER_NORM long and the logits deviate by `logitDeviation`. */
function scales(
  train: TrainingSet,
  { catalogue }: ItemVocabulary,
  vectors: Float32Array,
  mixing: Float64Array,
  F: number,
  logitDeviation: number,
): { scale: number; logitScale: number } {
  const C = F + SPARE_COLUMNS;
  const tokenOf = new Map(Array.from(catalogue, (item, token) => [item, token]));
  const spread = covariance(vectors, catalogue.length, F);
  const norms: number[] = [];
  const deviations: number[] = [];
  for (let user = 0; user < train.userCount; user++) {
    if (rowLength(train.byUser, user) === 0) continue;
    const centre = new Float64Array(F);
    let total = 0;
    for (const [item, stars] of entriesOf(train.byUser, user)) {
      const weight = (Math.max(stars, 0.5) / REFERENCE_STARS) ** 2;
      total += weight;
      const token = tokenOf.get(item)!;
      for (let f = 0; f < F; f++) centre[f]! += weight * vectors[token * F + f]!;
    }
    const mixed = multiply(
      mixing,
      centre.map((value) => value / total),
      F,
    );
    const norm = Math.sqrt(dot(mixed, mixed));
    norms.push(norm);
    deviations.push(Math.sqrt(dot(mixed, multiply(spread, mixed, F))) / norm);
  }
  const inner = deviationOf(2 * CONSTANT_SIZE ** 2, C);
  const asked = 2 * CONSTANT_SIZE ** 2 + 2 * (WEIGHT_UNIT * ASKING_WEIGHT) ** 2;
  const last = deviationOf(asked + USER_NORM ** 2, C);
  return {
    scale: (USER_NORM * inner) / mean(norms),
    logitScale: (logitDeviation * last) / (USER_NORM * mean(deviations)),
  };
}

function covariance(vectors: Float32Array, rows: number, F: number): Float64Array {
  const centre = Float64Array.from({ length: F }, (_, f) =>
    sum(Float64Array.from({ length: rows }, (_, row) => vectors[row * F + f]! / rows)),
  );
  const result = new Float64Array(F * F);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < F; i++) {
      const left = (vectors[row * F + i]! - centre[i]!) / rows;
      for (let j = 0; j < F; j++) result[i * F + j]! += left * (vectors[row * F + j]! - centre[j]!);
    }
  }
  return result;
}

function multiply(matrix: Float64Array, vector: Float64Array, F: number): Float64Array {
  return vector.map((_, i) => dot(matrix.subarray(i * F, (i + 1) * F), vector));
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
}

function movieTable(
  { ratingCounts }: TrainingSet,
  { catalogue }: ItemVocabulary,
  vectors: Float32Array,
  C: number,
  F: number,
  biasScale: number,
) {
  const data = new Float32Array(catalogue.length * C);
  const popularity = Array.from(catalogue, (item) => log(Math.max(0.5, ratingCounts[item]!)));
  const centre = mean(popularity);
  for (const token of catalogue.keys()) {
    data.set(vectors.subarray(token * F, (token + 1) * F), token * C);
    data[token * C + F + BIAS] = (biasScale * (popularity[token]! - centre)) / BIAS_UNIT;
    data[token * C + F + BALANCE] = -sum(data.subarray(token * C, token * C + F + BALANCE));
  }
  return { shape: [catalogue.length, C], data };
}

/** Rows of the rating levels and, last, of the asking position. */
function markTable({ stars }: ItemVocabulary, C: number, F: number) {
  const weights = [...Array.from(stars, logWeight), ASKING_WEIGHT];
  const data = new Float32Array(weights.length * C);
  for (const [row, weight] of weights.entries()) {
    data[row * C + F + CONSTANT] = CONSTANT_SIZE;
    data[row * C + F + OPPOSITE] = -CONSTANT_SIZE;
    data[row * C + F + WEIGHT] = WEIGHT_UNIT * weight;
    data[row * C + F + BALANCE] = -WEIGHT_UNIT * weight;
  }
  return { shape: [weights.length, C], data };
}

/** Attention by the rating's weight, alike in all heads; values are the vectors; the projection is `mixing`. */
function setFirstLayer(
  parameters: Parameters,
  { n_embd: C, n_head: H }: Gpt2Config,
  F: number,
  mixing: (i: number, j: number) => number,
): void {
  const D = C / H;
  const attention = parameters.get('transformer.h.0.attn.c_attn.weight')!.data;
  const bias = parameters.get('transformer.h.0.attn.c_attn.bias')!.data;
  // Query times key is the normalized weight column times this squared over root D.
  const factor = Math.sqrt((deviationOf(2 * CONSTANT_SIZE ** 2, C) / WEIGHT_UNIT) * Math.sqrt(D));
  for (let head = 0; head < H; head++) {
    bias[head * D] = factor;
    attention[(F + WEIGHT) * 3 * C + C + head * D] = factor;
  }
  const projection = parameters.get('transformer.h.0.attn.c_proj.weight')!.data;
  projection.fill(0);
  for (let i = 0; i < C; i++) {
    for (let j = 0; j < C; j++) attention[i * 3 * C + 2 * C + j] = Number(i === j && i < F);
  }
  for (let i = 0; i < F; i++) {
    for (let j = 0; j < F; j++) projection[i * C + j] = mixing(i, j);
    projection[i * C + F + BALANCE] = -sum(projection.subarray(i * C, i * C + F));
  }
}
