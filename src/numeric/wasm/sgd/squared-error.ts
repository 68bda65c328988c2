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

// Ratings whose rows are brought near together: with 64 factors they take half of the nearest cache of a core.
const RATINGS_PER_BATCH: i32 = 32;

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
  const hasFeatures = state.features > 0;
  for (let block = begin; block < end; block++) {
    const firstUser = word(state.blockUserPointers, block);
    const users = word(state.blockUserPointers, block + 1) - firstUser;
    const pointers = cellPointersOf(state, block, (block + step) % blocks);
    const first = word(pointers, 0);
    const last = word(pointers, users);
    let random = load<u64>(state.randomStates + ((<usize>block) << 3));
    let drawn = first;
    for (let entry = first; entry < last; entry++) {
      if (entry == drawn) {
        drawn = min(entry + RATINGS_PER_BATCH, last);
        random = shuffle(state, entry, drawn, last, random);
        touchRows(state, entry, drawn, firstUser, scratch);
      }
      const userIndex = word(state.blockUsers, firstUser + localUserOf(state, entry));
      const item = word(state.cellItems, entry);
      const user = state.userFactors + <usize>userIndex * stride;
      const own = state.itemFactors + <usize>item * stride;
      const userBias = state.userBiases + ((<usize>userIndex) << 2);
      const target = float(targets, <i32>load<u8>(state.cellLevels + entry));
      const vector = hasFeatures ? itemVector(state, item, block, scratch) : own;
      const bias = hasFeatures ? itemBias(state, item, block) : float(state.itemBiases, item);
      const gradient = learningRate * (target - (load<f32>(userBias) + (bias + dot(user, vector, stride))));
      store<f32>(userBias, load<f32>(userBias) + (gradient - biasDecay * load<f32>(userBias)));
      if (hasFeatures) {
        updateBiases(state, item, block, gradient, biasDecay);
        updateFeatures(state, item, block, user, gradient, featureDecay);
      } else {
        const itemBias = state.itemBiases + ((<usize>item) << 2);
        store<f32>(itemBias, load<f32>(itemBias) + (gradient - biasDecay * load<f32>(itemBias)));
      }
      const g = f32x4.splat(gradient);
      if (vector == own) descendTogether(user, own, g, kept, stride);
      else descend(user, own, vector, g, kept, stride);
    }
  }
}

// Reads a word of each cache line that the entries `first` to `last` are about to need: one after the other they would each wait
// for memory, together they wait once.
function touchRows(state: SgdState, first: i32, last: i32, firstUser: i32, scratch: usize): void {
  const stride = (<usize>state.k) << 2;
  let read = 0;
  for (let entry = first; entry < last; entry++) {
    const userIndex = word(state.blockUsers, firstUser + localUserOf(state, entry));
    const item = word(state.cellItems, entry);
    read |=
      word(state.userBiases, userIndex) | word(state.itemBiases, item) | word(state.featurePointers, item);
    const user = state.userFactors + <usize>userIndex * stride;
    const own = state.itemFactors + <usize>item * stride;
    for (let j: usize = 0; j < stride; j += 64) read |= load<i32>(user + j) | load<i32>(own + j);
  }
  store<i32>(scratch, read);
}

// p += g s - decay p and q += g p - decay q with the old p, where `kept` is 1 - decay.
function descend(p: usize, q: usize, s: usize, g: v128, kept: v128, stride: usize): void {
  for (let j: usize = 0; j < stride; j += 32) {
    const p0 = v128.load(p + j);
    const p1 = v128.load(p + j, 16);
    v128.store(q + j, madd(g, p0, f32x4.mul(kept, v128.load(q + j))));
    v128.store(q + j, madd(g, p1, f32x4.mul(kept, v128.load(q + j, 16))), 16);
    v128.store(p + j, madd(g, v128.load(s + j), f32x4.mul(kept, p0)));
    v128.store(p + j, madd(g, v128.load(s + j, 16), f32x4.mul(kept, p1)), 16);
  }
}

// The same where s is q, which is then loaded once: p and q change together.
function descendTogether(p: usize, q: usize, g: v128, kept: v128, stride: usize): void {
  let j: usize = 0;
  for (; j + 64 <= stride; j += 64) {
    exchange(p + j, q + j, g, kept);
    exchange(p + j + 16, q + j + 16, g, kept);
    exchange(p + j + 32, q + j + 32, g, kept);
    exchange(p + j + 48, q + j + 48, g, kept);
  }
  for (; j < stride; j += 16) exchange(p + j, q + j, g, kept);
}

// Four numbers of each.
function exchange(p: usize, q: usize, g: v128, kept: v128): void {
  const before = v128.load(p);
  const other = v128.load(q);
  v128.store(q, madd(g, before, f32x4.mul(kept, other)));
  v128.store(p, madd(g, other, f32x4.mul(kept, before)));
}

// The next steps, `from` to `to`, of the Fisher-Yates shuffle of the entries up to `last`. Returns the state of the generator.
function shuffle(state: SgdState, from: i32, to: i32, last: i32, random: u64): u64 {
  for (let entry = from; entry < to; entry++) {
    random += SPLITMIX_INCREMENT;
    swapEntries(state, entry, entry + below(mix(random), last - entry));
  }
  return random;
}

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
