/**
 * The kernels of src/numeric/wasm/sgd in plain TypeScript: one number at a time and one block after the other, with
 * the same random numbers, the same order of sums and every product rounded to float32. Tests hold both equal.
 */
import { sigmoid } from '../../../src/util/math.ts';
import type { SgdKernels } from '../../../src/numeric/sgd/fit.ts';
import type { SgdState } from '../../../src/numeric/sgd/state.ts';

const { fround } = Math;
const GOLDEN = 0x9e3779b97f4a7c15n;
const MAX_DRAWS = 64;

export const referenceSgdKernels: SgdKernels = {
  partition(state) {
    const { blocks, pointers, blockUsers, blockUserPointers, itemBlocks } = state;
    let cell = 0;
    for (let block = 0; block < blocks; block++) {
      let offset = state.blockRatingPointers[block]!;
      const users = blockUsers.subarray(blockUserPointers[block], blockUserPointers[block + 1]);
      for (let itemBlock = 0; itemBlock < blocks; itemBlock++) {
        users.forEach((user, n) => {
          state.cellPointers[cell++] = offset;
          for (let p = pointers[user]!; p < pointers[user + 1]!; p++) {
            const item = state.indices[p]!;
            if (itemBlocks[item] !== itemBlock) continue;
            state.cellUsers[offset] = n;
            state.cellItems[offset] = item;
            state.cellLevels[offset++] = state.levels[p]!;
          }
        });
        state.cellPointers[cell++] = offset;
      }
    }
  },

  pairwise(state, step, acceptance, drawsPerRating, { negatives, sampling }) {
    for (let block = 0; block < state.blocks; block++) {
      const random = new SplitMix(state.randomStates, block);
      const { first, count, users, candidates } = cellOf(state, block, step);
      const rated = state.cellItems.subarray(first, first + count);
      const [drawn, tries] = sampling === 'popularity' ? [rated, 1] : [candidates, MAX_DRAWS];
      const draws = Math.trunc(count * drawsPerRating);
      for (let draw = 0; draw < draws; draw++) {
        const bits = random.next();
        const entry = first + below(bits, count);
        if (Number(BigInt.asUintN(32, bits)) >= acceptance[state.cellLevels[entry]!]!) continue;
        const user = users[state.cellUsers[entry]!]!;
        const positive = state.cellItems[entry]!;
        const negative = hardestNegative(state, block, user, { drawn, tries, negatives }, random);
        if (negative >= 0) updatePair(state, block, user, positive, negative);
      }
    }
  },

  squared(state, step, targets) {
    for (let block = 0; block < state.blocks; block++) {
      const random = new SplitMix(state.randomStates, block);
      const { first, count, users } = cellOf(state, block, step);
      for (let entry = first; entry < first + count; entry++) {
        const other = entry + below(random.next(), first + count - entry);
        for (const column of [state.cellUsers, state.cellItems, state.cellLevels])
          [column[entry], column[other]] = [column[other]!, column[entry]!];
        const target = targets[state.cellLevels[entry]!]!;
        const user = users[state.cellUsers[entry]!]!;
        updateRating(state, block, user, state.cellItems[entry]!, target);
      }
    }
  },
};

function updatePair(state: SgdState, block: number, user: number, positive: number, negative: number): void {
  const liked = itemVector(state, positive, block);
  const other = itemVector(state, negative, block);
  const margin = fround(score(state, user, negative, block) - score(state, user, positive, block));
  const gradient = fround(state.learningRate[0]! * fround(sigmoid(margin)));
  const before = rowOf(state.userFactors, user, state.k).slice();
  updateItem(state, block, positive, before, gradient);
  updateItem(state, block, negative, before, -gradient);
  const difference = liked.map((value, f) => value - other[f]!);
  move(rowOf(state.userFactors, user, state.k), difference, gradient, state.decay[0]!);
}

function updateRating(state: SgdState, block: number, user: number, item: number, target: number): void {
  const vector = itemVector(state, item, block);
  const predicted = fround(state.userBiases[user]! + score(state, user, item, block));
  const gradient = fround(state.learningRate[0]! * fround(target - predicted));
  const before = rowOf(state.userFactors, user, state.k).slice();
  moveBias(state.userBiases, user, gradient, state.biasDecay[0]!);
  updateItem(state, block, item, before, gradient);
  move(rowOf(state.userFactors, user, state.k), vector, gradient, state.decay[0]!);
}

/** b_i, q_i and, for each feature of the item, w_f and v_f take a step of size `gradient`. */
function updateItem(
  state: SgdState,
  block: number,
  item: number,
  user: Float32Array,
  gradient: number,
): void {
  moveBias(state.itemBiases, item, gradient, state.biasDecay[0]!);
  move(rowOf(state.itemFactors, item, state.k), user, gradient, state.decay[0]!);
  eachFeature(state, item, block, (feature, x) => {
    const step = fround(gradient * x);
    moveBias(state.featureBiases, feature, step, state.biasDecay[0]!);
    move(rowOf(state.featureFactors, feature, state.k), user, step, state.featureDecay[0]!);
  });
}

/** row += step towards - decay row. */
function move(row: Float32Array, towards: Float32Array, step: number, decay: number): void {
  const kept = fround(1 - fround(decay));
  for (let f = 0; f < row.length; f++) row[f] = fround(kept * row[f]!) + fround(step * towards[f]!);
}

function moveBias(biases: Float32Array, n: number, step: number, decay: number): void {
  biases[n] = biases[n]! + fround(step - fround(fround(decay) * biases[n]!));
}

/** c_i + p_u . s_i. */
function score(state: SgdState, user: number, item: number, block: number): number {
  let bias = state.itemBiases[item]!;
  eachFeature(state, item, block, (feature, x) => {
    bias = fround(bias + fround(x * state.featureBiases[feature]!));
  });
  return fround(bias + dot(rowOf(state.userFactors, user, state.k), itemVector(state, item, block)));
}

/** s_i = q_i + sum_f x_if v_f. */
function itemVector(state: SgdState, item: number, block: number): Float32Array {
  const sum = rowOf(state.itemFactors, item, state.k).slice();
  eachFeature(state, item, block, (feature, x) => {
    const row = rowOf(state.featureFactors, feature, state.k);
    for (let f = 0; f < sum.length; f++) sum[f] = sum[f]! + fround(x * row[f]!);
  });
  return sum;
}

/** Visits the item's features: the row of each in the copy of `block`, and its value. */
function eachFeature(
  state: SgdState,
  item: number,
  block: number,
  visit: (feature: number, x: number) => void,
): void {
  for (let p = state.featurePointers[item]!; p < state.featurePointers[item + 1]!; p++)
    visit(block * state.features + state.featureIndices[p]!, state.featureValues[p]!);
}

/** In eight running sums, as the SIMD kernel adds. */
function dot(a: Float32Array, b: Float32Array): number {
  const sums = new Float32Array(8);
  for (let f = 0; f < a.length; f++) sums[f % 8] = sums[f % 8]! + fround(a[f]! * b[f]!);
  let total = 0;
  for (let lane = 0; lane < 4; lane++) total = fround(total + fround(sums[lane]! + sums[lane + 4]!));
  return total;
}

/** The best scored of a number of drawn items that the user did not rate, or -1. */
function hardestNegative(
  state: SgdState,
  block: number,
  user: number,
  { drawn, tries, negatives }: { drawn: Int32Array; tries: number; negatives: number },
  random: SplitMix,
): number {
  const rated = state.indices.subarray(state.pointers[user], state.pointers[user + 1]);
  let hardest = -1;
  let highest = -Infinity;
  for (let n = 0; n < negatives; n++) {
    let candidate = -1;
    for (let n = 0; n < tries && candidate < 0; n++) {
      const item = drawn[below(random.next(), drawn.length)]!;
      if (!rated.includes(item)) candidate = item;
    }
    if (candidate < 0) continue;
    const own = score(state, user, candidate, block);
    if (hardest >= 0 && !(own > highest)) continue;
    hardest = candidate;
    highest = own;
  }
  return hardest;
}

/** The ratings of cell (block, block + step), the users of its block, and the items of its item block. */
function cellOf(state: SgdState, block: number, step: number) {
  const { blocks, blockUserPointers, blockItemPointers, cellPointers } = state;
  const itemBlock = (block + step) % blocks;
  const users = state.blockUsers.subarray(blockUserPointers[block], blockUserPointers[block + 1]);
  const cell = (blockUserPointers[block]! + block) * blocks + itemBlock * (users.length + 1);
  const first = cellPointers[cell]!;
  return {
    first,
    count: cellPointers[cell + users.length]! - first,
    users,
    candidates: state.blockItems.subarray(blockItemPointers[itemBlock], blockItemPointers[itemBlock + 1]),
  };
}

/** splitmix64 (Steele, Lea and Flood 2014) from the two words of a block's state, low word first. */
class SplitMix {
  #state: bigint;

  constructor(words: Int32Array, block: number) {
    this.#state = BigInt.asUintN(32, BigInt(words[2 * block]!)) | (BigInt(words[2 * block + 1]!) << 32n);
  }

  next(): bigint {
    this.#state = BigInt.asUintN(64, this.#state + GOLDEN);
    let z = this.#state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  }
}

/** Uniform integer below n from 64 random bits. */
function below(bits: bigint, n: number): number {
  return Number(((bits >> 32n) * BigInt(n)) >> 32n);
}

function rowOf(matrix: Float32Array, row: number, k: number): Float32Array {
  return matrix.subarray(row * k, (row + 1) * k);
}
