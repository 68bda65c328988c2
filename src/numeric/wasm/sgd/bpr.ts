// Epochs of Bayesian personalized ranking (see state.ts).
import { word } from '../memory';
import { dot, madd, msub } from '../simd';
import {
  below,
  cellPointersOf,
  itemBias,
  itemVector,
  localUserOf,
  mix,
  rated,
  SgdState,
  sigmoid,
  SPLITMIX_INCREMENT,
  updateBiases,
  updateFeatures,
} from './state';

// Uniform draws of a negative before it is given up: only a user who rated nearly a whole block needs more.
const MAX_DRAWS: i32 = 64;

// The vectors of a positive and of two negatives.
export function sgdBprScratch(state: SgdState): usize {
  return 3 * ((<usize>state.k) << 2);
}

// One step of BPR on a pair of which the negative is scored: biases, features and vectors of both items, and the user's.
// `spare` holds a vector.
function updatePair(
  state: SgdState,
  block: i32,
  user: usize,
  positive: i32,
  negative: i32,
  negativeVector: usize,
  negativeScore: f32,
  spare: usize,
): void {
  const stride = (<usize>state.k) << 2;
  const learningRate = load<f32>(state.learningRate);
  const featureDecay = load<f32>(state.featureDecay);
  const biasDecay = load<f32>(state.biasDecay);
  const kept = f32x4.splat(1 - load<f32>(state.decay));
  const positiveVector = itemVector(state, positive, block, spare);
  const score = itemBias(state, positive, block) + dot(user, positiveVector, stride);
  const gradient = learningRate * sigmoid(negativeScore - score);
  updateBiases(state, positive, block, gradient, biasDecay);
  updateBiases(state, negative, block, -gradient, biasDecay);
  updateFeatures(state, positive, block, user, gradient, featureDecay);
  updateFeatures(state, negative, block, user, -gradient, featureDecay);
  const g = f32x4.splat(gradient);
  const own = state.itemFactors + <usize>positive * stride;
  const other = state.itemFactors + <usize>negative * stride;
  for (let j: usize = 0; j < stride; j += 16) {
    const p = v128.load(user + j);
    const difference = f32x4.sub(v128.load(positiveVector + j), v128.load(negativeVector + j));
    v128.store(own + j, madd(g, p, f32x4.mul(kept, v128.load(own + j))));
    v128.store(other + j, msub(g, p, f32x4.mul(kept, v128.load(other + j))));
    v128.store(user + j, madd(g, difference, f32x4.mul(kept, p)));
  }
}

// The draws of one cell of `sgdBpr`.
function sgdBprCell(
  scratch: usize,
  state: SgdState,
  block: i32,
  itemBlock: i32,
  acceptance: usize,
  drawsPerRating: f64,
  negatives: i32,
  byPopularity: i32,
): void {
  const stride = (<usize>state.k) << 2;
  const firstUser = word(state.blockUserPointers, block);
  const users = word(state.blockUserPointers, block + 1) - firstUser;
  const pointers = cellPointersOf(state, block, itemBlock);
  const first = word(pointers, 0);
  const count = word(pointers, users) - first;
  const candidates = state.blockItems + ((<usize>word(state.blockItemPointers, itemBlock)) << 2);
  const candidateCount =
    word(state.blockItemPointers, itemBlock + 1) - word(state.blockItemPointers, itemBlock);
  const drawn = byPopularity ? state.cellItems + ((<usize>first) << 2) : candidates;
  const maxDraws = byPopularity ? 1 : MAX_DRAWS;
  const drawnCount = byPopularity ? count : candidateCount;
  const draws = <i32>(<f64>count * drawsPerRating);
  let random = load<u64>(state.randomStates + ((<usize>block) << 3));
  for (let draw = 0; draw < draws; draw++) {
    random += SPLITMIX_INCREMENT;
    const bits = mix(random);
    const entry = first + below(bits, count);
    if (<u32>bits >= load<u32>(acceptance + ((<usize>load<u8>(state.cellLevels + entry)) << 2))) continue;
    const localUser = localUserOf(state, entry);
    const positive = word(state.cellItems, entry);
    const user = state.userFactors + <usize>word(state.blockUsers, firstUser + localUser) * stride;
    const ratings = word(pointers, localUser);
    const ownItems = state.cellItems + ((<usize>ratings) << 2);
    const ownCount = word(pointers, localUser + 1) - ratings;

    let negative = -1;
    let negativeScore: f32 = 0;
    let negativeVector: usize = 0;
    let spare = scratch;
    for (let n = 0; n < negatives; n++) {
      let candidate = -1;
      for (let tries = 0; tries < maxDraws; tries++) {
        random += SPLITMIX_INCREMENT;
        const item = word(drawn, below(mix(random), drawnCount));
        if (!rated(ownItems, ownCount, item)) {
          candidate = item;
          break;
        }
      }
      if (candidate < 0) continue;
      const vector = itemVector(state, candidate, block, spare);
      const score = itemBias(state, candidate, block) + dot(user, vector, stride);
      if (negative >= 0 && !(score > negativeScore)) continue;
      negative = candidate;
      negativeScore = score;
      negativeVector = vector;
      spare = vector == scratch ? scratch + stride : scratch;
    }
    if (negative < 0) continue;

    updatePair(state, block, user, positive, negative, negativeVector, negativeScore, scratch + 2 * stride);
  }
}

// Bayesian personalized ranking (Rendle et al. 2009, LearnBPR) in cells (block, block + step) for blocks `begin` to
// `end`. Draws `drawsPerRating` ratings per rating of the cell, each used when 32 random bits are below
// `acceptance[level]`; the other side is the best scored of `negatives` items of the cell that the user did not rate,
// drawn uniformly, or, with `byPopularity`, as the items of ratings of the cell, once: one that the user rated is no
// negative.
export function sgdBpr(
  begin: i32,
  end: i32,
  scratch: usize,
  state: SgdState,
  step: i32,
  acceptance: usize,
  drawsPerRating: f64,
  negatives: i32,
  byPopularity: i32,
): void {
  for (let block = begin; block < end; block++) {
    const itemBlock = (block + step) % state.blocks;
    sgdBprCell(scratch, state, block, itemBlock, acceptance, drawsPerRating, negatives, byPopularity);
  }
}
