// Stochastic gradient descent on a factor model of users, items and the features of items:
//
//     score(u, i) = a_u + c_i + p_u . s_i,    s_i = q_i + sum_f x_if v_f,    c_i = b_i + sum_f x_if w_f
//
// Matrix factorization is the case without features. Users and items are divided into blocks, and a step works on
// one cell (user block, item block) per user block, no two of them in the same item block: threads never share a row
// (Gemulla et al. 2011, DSGD). Feature rows are shared by all items, so every user block has its own copy of them.
// The plain form of each kernel is in test/numeric/reference/sgd.ts, to the bit.

import { float, word } from '../memory';
import { madd } from '../simd';

// The arrays that the kernels work on, as addresses.
@unmanaged
export class SgdState {
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
export function localUserOf(state: SgdState, entry: i32): i32 {
  return load<u16>(state.cellUsers + ((<usize>entry) << 1));
}

// Next 64 bits of splitmix64 (Steele, Lea and Flood 2014) for a state that the caller advances by SPLITMIX_INCREMENT.
export const SPLITMIX_INCREMENT: u64 = 0x9e3779b97f4a7c15;
export function mix(state: u64): u64 {
  let z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
// Uniform integer below n from 64 random bits.
export function below(bits: u64, n: i32): i32 {
  return <i32>(((bits >> 32) * <u64>n) >> 32);
}

// e^x and the logistic function, operation by operation those of src/util/math.ts, for |x| < 708; a kernel cannot call
// those. test/numeric/sgd.test.ts holds both to the same bits.
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
export function sigmoid(x: f32): f32 {
  const z = min<f64>(700, max<f64>(-700, <f64>x));
  if (z >= 0) return <f32>(1 / (1 + exp(-z)));
  const e = exp(z);
  return <f32>(e / (1 + e));
}

// Is `item` among the `count` ascending indices? Binary search without branches that depend on the data.
export function rated(indices: usize, count: i32, item: i32): bool {
  while (count > 1) {
    const half = count >> 1;
    const middle = indices + ((<usize>half) << 2);
    indices = select<usize>(indices, middle, load<i32>(middle) > item);
    count -= half;
  }
  return count > 0 && load<i32>(indices) == item;
}

// Address of s_i: the item's own row when it has no features, else the sum, written to `sum`.
export function itemVector(state: SgdState, item: i32, block: i32, sum: usize): usize {
  const stride = (<usize>state.k) << 2;
  const row = state.itemFactors + <usize>item * stride;
  const last = word(state.featurePointers, item + 1);
  const first = word(state.featurePointers, item);
  if (first == last) return row;
  // Two vectors of the row at a time stay in registers while the features add to them.
  const copy = state.featureFactors + <usize>(block * state.features) * stride;
  for (let j: usize = 0; j < stride; j += 32) {
    let even = v128.load(row + j);
    let odd = v128.load(row + j, 16);
    for (let p = first; p < last; p++) {
      const x = v128.load32_splat(state.featureValues + ((<usize>p) << 2));
      const feature = copy + <usize>word(state.featureIndices, p) * stride + j;
      even = madd(x, v128.load(feature), even);
      odd = madd(x, v128.load(feature, 16), odd);
    }
    v128.store(sum + j, even);
    v128.store(sum + j, odd, 16);
  }
  return sum;
}

// c_i.
export function itemBias(state: SgdState, item: i32, block: i32): f32 {
  let bias = float(state.itemBiases, item);
  const last = word(state.featurePointers, item + 1);
  const copy = state.featureBiases + ((<usize>(block * state.features)) << 2);
  for (let p = word(state.featurePointers, item); p < last; p++)
    bias += float(state.featureValues, p) * float(copy, word(state.featureIndices, p));
  return bias;
}

// b_i and the w_f of its features: b += step - decay b, with the step times x for a feature.
export function updateBiases(state: SgdState, item: i32, block: i32, step: f32, decay: f32): void {
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
export function updateFeatures(
  state: SgdState,
  item: i32,
  block: i32,
  user: usize,
  step: f32,
  decay: f32,
): void {
  const stride = (<usize>state.k) << 2;
  const copy = state.featureFactors + <usize>(block * state.features) * stride;
  const last = word(state.featurePointers, item + 1);
  const kept = f32x4.splat(1 - decay);
  for (let p = word(state.featurePointers, item); p < last; p++) {
    const scale = f32x4.splat(step * float(state.featureValues, p));
    const feature = copy + <usize>word(state.featureIndices, p) * stride;
    for (let j: usize = 0; j < stride; j += 32) {
      const even = f32x4.mul(kept, v128.load(feature + j));
      const odd = f32x4.mul(kept, v128.load(feature + j, 16));
      v128.store(feature + j, madd(scale, v128.load(user + j), even));
      v128.store(feature + j, madd(scale, v128.load(user + j, 16), odd), 16);
    }
  }
}

// Address of the offsets of cell (block, itemBlock): those of the block's users one after the other, then the end.
export function cellPointersOf(state: SgdState, block: i32, itemBlock: i32): usize {
  const first = word(state.blockUserPointers, block);
  const users = word(state.blockUserPointers, block + 1) - first;
  const before = (first + block) * state.blocks + itemBlock * (users + 1);
  return state.cellPointers + ((<usize>before) << 2);
}
