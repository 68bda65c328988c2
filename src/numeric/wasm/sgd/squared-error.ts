// Epochs of squared error (see state.ts).
import { float, word } from '../memory';
import { dot, madd } from '../simd';
import {
  below,
  cellPointersOf,
  itemBias,
  itemVector,
  localUserOf,
  mix,
  SgdState,
  SPLITMIX_INCREMENT,
  updateBiases,
  updateFeatures,
} from './state';

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
      for (let j: usize = 0; j < stride; j += 32) {
        const p0 = v128.load(user + j);
        const p1 = v128.load(user + j, 16);
        const s0 = v128.load(vector + j);
        const s1 = v128.load(vector + j, 16);
        const q0 = madd(g, p0, f32x4.mul(kept, v128.load(own + j)));
        const q1 = madd(g, p1, f32x4.mul(kept, v128.load(own + j, 16)));
        v128.store(own + j, q0);
        v128.store(own + j, q1, 16);
        v128.store(user + j, madd(g, s0, f32x4.mul(kept, p0)));
        v128.store(user + j, madd(g, s1, f32x4.mul(kept, p1)), 16);
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
