// Stochastic gradient descent on a factor model of users, items and the features of items:
//
//     score(u, i) = a_u + c_i + p_u . s_i,    s_i = q_i + sum_f x_if v_f,    c_i = b_i + sum_f x_if w_f
//
// Matrix factorization is the case without features. Users and items are divided into blocks, and a step works on
// one cell (user block, item block) per user block, no two of them in the same item block: threads never share a row
// (Gemulla et al. 2011, DSGD). Feature rows are shared by all items, so every user block has its own copy of them.
// The plain form of each kernel is in test/numeric/reference/sgd.ts, to the bit.

import { float, word } from './memory';
import { dot, madd, msub } from './simd';

// The arrays that the kernels work on, as addresses.
@unmanaged
class SgdState {
  k: i32;
  blocks: i32;
  features: i32;
  // Ratings by user, items ascending.
  pointers: usize;
  indices: usize;
  levels: usize;
  // (blocks + 1) offsets into the users and items of each block, and into the ratings of each user block.
  blockUserPointers: usize;
  blockUsers: usize;
  blockItemPointers: usize;
  blockItems: usize;
  blockRatingPointers: usize;
  // Block of each item, a byte.
  itemBlocks: usize;
  // Per user block and item block, offsets of each of the block's users, and of the end, into the columns that follow.
  cellPointers: usize;
  // Position of the user in its block, 16 bits; item, ascending for a user; level.
  cellUsers: usize;
  cellItems: usize;
  cellLevels: usize;
  // One 64-bit seed per user block and step.
  randomStates: usize;
  featurePointers: usize;
  featureIndices: usize;
  featureValues: usize;
  userFactors: usize;
  itemFactors: usize;
  userBiases: usize;
  itemBiases: usize;
  // (blocks, features, k) and (blocks, features).
  featureFactors: usize;
  featureBiases: usize;
  // One float32: that of this epoch.
  learningRate: usize;
  // What factors, feature factors and biases lose of themselves per step (float32).
  decay: usize;
  featureDecay: usize;
  biasDecay: usize;
}

// Position of an entry's user in its block.
function localUserOf(state: SgdState, entry: i32): i32 {
  return load<u16>(state.cellUsers + ((<usize>entry) << 1));
}

// Next 64 bits of splitmix64 (Steele, Lea and Flood 2014) for a state that the caller advances by SPLITMIX_INCREMENT.
const SPLITMIX_INCREMENT: u64 = 0x9e3779b97f4a7c15;
function mix(state: u64): u64 {
  let z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
// Uniform integer below n from 64 random bits.
function below(bits: u64, n: i32): i32 {
  return <i32>(((bits >> 32) * <u64>n) >> 32);
}

// e^x and the logistic function, operation by operation those of src/util/math.ts, for |x| < 708.
function exp(x: f64): f64 {
  const k = floor(<f64>1.4426950408889634 * x + 0.5);
  const hi = x - k * 6.9314718036912381649e-1;
  const lo = k * 1.90821492927058770002e-10;
  const r = hi - lo;
  const t = r * r;
  const c =
    r -
    t *
      (1.66666666666666019037e-1 +
        t *
          (-2.77777777770155933842e-3 +
            t *
              (6.61375632143793436117e-5 + t * (-1.6533902205465251539e-6 + t * 4.13813679705723846039e-8))));
  const y = 1 - (lo - (r * c) / (2 - c) - hi);
  return y * reinterpret<f64>((<i64>k + 1023) << 52);
}
function sigmoid(x: f32): f32 {
  const z = min<f64>(700, max<f64>(-700, <f64>x));
  if (z >= 0) return <f32>(1 / (1 + exp(-z)));
  const e = exp(z);
  return <f32>(e / (1 + e));
}

// Is `item` among the `count` ascending indices? Binary search without branches that depend on the data.
function rated(indices: usize, count: i32, item: i32): bool {
  while (count > 1) {
    const half = count >> 1;
    const middle = indices + ((<usize>half) << 2);
    indices = select<usize>(indices, middle, load<i32>(middle) > item);
    count -= half;
  }
  return count > 0 && load<i32>(indices) == item;
}

// Address of s_i: the item's own row when it has no features, else the sum, written to `sum`.
function itemVector(state: SgdState, item: i32, block: i32, sum: usize): usize {
  const stride = (<usize>state.k) << 2;
  const row = state.itemFactors + <usize>item * stride;
  const last = word(state.featurePointers, item + 1);
  let p = word(state.featurePointers, item);
  if (p == last) return row;
  memory.copy(sum, row, stride);
  const copy = state.featureFactors + <usize>(block * state.features) * stride;
  for (; p < last; p++) {
    const x = v128.load32_splat(state.featureValues + ((<usize>p) << 2));
    const feature = copy + <usize>word(state.featureIndices, p) * stride;
    for (let j: usize = 0; j < stride; j += 16)
      v128.store(sum + j, madd(x, v128.load(feature + j), v128.load(sum + j)));
  }
  return sum;
}

// c_i.
function itemBias(state: SgdState, item: i32, block: i32): f32 {
  let bias = float(state.itemBiases, item);
  const last = word(state.featurePointers, item + 1);
  const copy = state.featureBiases + ((<usize>(block * state.features)) << 2);
  for (let p = word(state.featurePointers, item); p < last; p++)
    bias += float(state.featureValues, p) * float(copy, word(state.featureIndices, p));
  return bias;
}

// b_i and the w_f of its features: b += step - decay b, with the step times x for a feature.
function updateBiases(state: SgdState, item: i32, block: i32, step: f32, decay: f32): void {
  const own = state.itemBiases + ((<usize>item) << 2);
  store<f32>(own, load<f32>(own) + (step - decay * load<f32>(own)));
  const last = word(state.featurePointers, item + 1);
  const copy = state.featureBiases + ((<usize>(block * state.features)) << 2);
  for (let p = word(state.featurePointers, item); p < last; p++) {
    const bias = copy + ((<usize>word(state.featureIndices, p)) << 2);
    store<f32>(bias, load<f32>(bias) + (step * float(state.featureValues, p) - decay * load<f32>(bias)));
  }
}

// v_f += step x p_u - decay v_f for the features of an item.
function updateFeatures(state: SgdState, item: i32, block: i32, user: usize, step: f32, decay: f32): void {
  const stride = (<usize>state.k) << 2;
  const copy = state.featureFactors + <usize>(block * state.features) * stride;
  const last = word(state.featurePointers, item + 1);
  const kept = f32x4.splat(1 - decay);
  for (let p = word(state.featurePointers, item); p < last; p++) {
    const scale = f32x4.splat(step * float(state.featureValues, p));
    const feature = copy + <usize>word(state.featureIndices, p) * stride;
    for (let j: usize = 0; j < stride; j += 16)
      v128.store(feature + j, madd(scale, v128.load(user + j), f32x4.mul(kept, v128.load(feature + j))));
  }
}

// Address of the offsets of cell (block, itemBlock): those of the block's users one after the other, then the end.
function cellPointersOf(state: SgdState, block: i32, itemBlock: i32): usize {
  const first = word(state.blockUserPointers, block);
  const users = word(state.blockUserPointers, block + 1) - first;
  const before = (first + block) * state.blocks + itemBlock * (users + 1);
  return state.cellPointers + ((<usize>before) << 2);
}

// The next entry of each cell.
export function sgdPartitionScratch(state: SgdState): usize {
  return (<usize>state.blocks) << 2;
}

// Sorts the ratings of user blocks `begin` to `end` into their cells.
export function sgdPartition(begin: i32, end: i32, scratch: usize, state: SgdState): void {
  const blocks = state.blocks;
  for (let block = begin; block < end; block++) {
    const firstUser = word(state.blockUserPointers, block);
    const users = word(state.blockUserPointers, block + 1) - firstUser;
    memory.fill(scratch, 0, (<usize>blocks) << 2);
    for (let n = 0; n < users; n++) {
      const user = word(state.blockUsers, firstUser + n);
      for (let p = word(state.pointers, user); p < word(state.pointers, user + 1); p++) {
        const count = scratch + ((<usize>load<u8>(state.itemBlocks + word(state.indices, p))) << 2);
        store<i32>(count, load<i32>(count) + 1);
      }
    }
    let offset = word(state.blockRatingPointers, block);
    for (let cell = 0; cell < blocks; cell++) {
      const count = word(scratch, cell);
      store<i32>(scratch + ((<usize>cell) << 2), offset);
      offset += count;
    }
    for (let n = 0; n <= users; n++) {
      for (let cell = 0; cell < blocks; cell++)
        store<i32>(cellPointersOf(state, block, cell) + ((<usize>n) << 2), word(scratch, cell));
      if (n == users) break;
      const user = word(state.blockUsers, firstUser + n);
      for (let p = word(state.pointers, user); p < word(state.pointers, user + 1); p++) {
        const item = word(state.indices, p);
        const next = scratch + ((<usize>load<u8>(state.itemBlocks + item)) << 2);
        const at = load<i32>(next);
        store<i32>(next, at + 1);
        store<u16>(state.cellUsers + ((<usize>at) << 1), <u16>n);
        store<i32>(state.cellItems + ((<usize>at) << 2), item);
        store<u8>(state.cellLevels + at, load<u8>(state.levels + p));
      }
    }
  }
}

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

// The vector of an item.
export function sgdSquaredErrorScratch(state: SgdState): usize {
  return (<usize>state.k) << 2;
}

// Squared error of the ratings (Koren, Bell and Volinsky 2009) in the same cells: every rating once, in random order.
// `targets` holds the rating less the overall mean, per level.
export function sgdSquaredError(
  begin: i32,
  end: i32,
  scratch: usize,
  state: SgdState,
  step: i32,
  targets: usize,
): void {
  const blocks = state.blocks;
  const stride = (<usize>state.k) << 2;
  const learningRate = load<f32>(state.learningRate);
  const featureDecay = load<f32>(state.featureDecay);
  const biasDecay = load<f32>(state.biasDecay);
  const kept = f32x4.splat(1 - load<f32>(state.decay));
  for (let block = begin; block < end; block++) {
    const firstUser = word(state.blockUserPointers, block);
    const users = word(state.blockUserPointers, block + 1) - firstUser;
    const pointers = cellPointersOf(state, block, (block + step) % blocks);
    const first = word(pointers, 0);
    const last = word(pointers, users);
    let random = load<u64>(state.randomStates + ((<usize>block) << 3));
    for (let entry = first; entry < last; entry++) {
      random += SPLITMIX_INCREMENT;
      swapEntries(state, entry, entry + below(mix(random), last - entry));
      const userIndex = word(state.blockUsers, firstUser + localUserOf(state, entry));
      const item = word(state.cellItems, entry);
      const user = state.userFactors + <usize>userIndex * stride;
      const userBias = state.userBiases + ((<usize>userIndex) << 2);
      const vector = itemVector(state, item, block, scratch);
      const score = load<f32>(userBias) + (itemBias(state, item, block) + dot(user, vector, stride));
      const target = float(targets, <i32>load<u8>(state.cellLevels + entry));
      const gradient = learningRate * (target - score);
      store<f32>(userBias, load<f32>(userBias) + (gradient - biasDecay * load<f32>(userBias)));
      updateBiases(state, item, block, gradient, biasDecay);
      updateFeatures(state, item, block, user, gradient, featureDecay);
      const g = f32x4.splat(gradient);
      const own = state.itemFactors + <usize>item * stride;
      for (let j: usize = 0; j < stride; j += 16) {
        const p = v128.load(user + j);
        const s = v128.load(vector + j);
        v128.store(own + j, madd(g, p, f32x4.mul(kept, v128.load(own + j))));
        v128.store(user + j, madd(g, s, f32x4.mul(kept, p)));
      }
    }
  }
}

// A step of the Fisher-Yates shuffle.
function swapEntries(state: SgdState, a: i32, b: i32): void {
  const localUser = localUserOf(state, a);
  store<u16>(state.cellUsers + ((<usize>a) << 1), <u16>localUserOf(state, b));
  store<u16>(state.cellUsers + ((<usize>b) << 1), <u16>localUser);
  const item = word(state.cellItems, a);
  store<i32>(state.cellItems + ((<usize>a) << 2), word(state.cellItems, b));
  store<i32>(state.cellItems + ((<usize>b) << 2), item);
  const level = load<u8>(state.cellLevels + a);
  store<u8>(state.cellLevels + a, load<u8>(state.cellLevels + b));
  store<u8>(state.cellLevels + b, level);
}
