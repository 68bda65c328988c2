// The best n candidates for each user by x.q + bias. Candidates are packed in panels of eight, so that one vector
// holds the same factor of four of them; four users share each panel while it is in registers.
//
// Bound-based pruning, exact: candidates come in blocks, those with long vectors first, and |x| |q| + bias bounds a score
// (Cauchy and Schwarz). A block is skipped when its bound is below the n-th best score of each of the four users. On data
// with a long tail that is nearly all of it.
//
// Each candidate has an id. Equal scores: the smaller id wins. The plain form is in test/numeric/reference/top-n.ts, to
// the bit.

import { dot, madd } from './simd';

// Candidates of a panel, one factor of all after the other, and users scored together.
export const CANDIDATES_PER_PANEL: i32 = 8;
export const USERS_PER_TILE: i32 = 4;
// Candidates bounded together, and scored before their scores are compared: 256 x 4 users = 4 kB of scores.
export const CANDIDATES_PER_BLOCK: i32 = 256;
const PANELS_PER_BLOCK: i32 = CANDIDATES_PER_BLOCK / CANDIDATES_PER_PANEL;
// Score of a list's cell that is not filled.
const UNFILLED_SCORE: f32 = -f32.MAX_VALUE;

// Scores of 4 users (rows of k factors) for the 8 candidates of a panel; the four rows of `out` lie 1 kB apart.
function scorePanel(x: usize, panel: usize, bias: usize, stride: usize, out: usize): void {
  const x1 = x + stride;
  const x2 = x1 + stride;
  const x3 = x2 + stride;
  const bias0 = v128.load(bias);
  const bias1 = v128.load(bias, 16);
  let a0 = bias0;
  let b0 = bias1;
  let a1 = bias0;
  let b1 = bias1;
  let a2 = bias0;
  let b2 = bias1;
  let a3 = bias0;
  let b3 = bias1;
  for (let j: usize = 0; j < stride; j += 4) {
    const y0 = v128.load(panel);
    const y1 = v128.load(panel, 16);
    panel += 32;
    let s = v128.load32_splat(x + j);
    a0 = madd(s, y0, a0);
    b0 = madd(s, y1, b0);
    s = v128.load32_splat(x1 + j);
    a1 = madd(s, y0, a1);
    b1 = madd(s, y1, b1);
    s = v128.load32_splat(x2 + j);
    a2 = madd(s, y0, a2);
    b2 = madd(s, y1, b2);
    s = v128.load32_splat(x3 + j);
    a3 = madd(s, y0, a3);
    b3 = madd(s, y1, b3);
  }
  v128.store(out, a0);
  v128.store(out, b0, 16);
  v128.store(out, a1, 1024);
  v128.store(out, b1, 1040);
  v128.store(out, a2, 2048);
  v128.store(out, b2, 2064);
  v128.store(out, a3, 3072);
  v128.store(out, b3, 3088);
}

// Is `id` among the ascending `excluded` from `first` to `last`?
function isExcluded(excluded: usize, first: i32, last: i32, id: i32): bool {
  while (first < last) {
    const middle = (first + last) >> 1;
    const found = load<i32>(excluded + ((<usize>middle) << 2));
    if (found == id) return true;
    if (found < id) first = middle + 1;
    else last = middle;
  }
  return false;
}

// Does (score, id) come before the entry at byte `at` of the best?
function beats(score: f32, id: i32, bestIds: usize, bestScores: usize, at: usize): bool {
  const other = load<f32>(bestScores + at);
  return score > other || (score == other && id < load<i32>(bestIds + at));
}

// Inserts those of `count` scores that beat the last of the best n and are not excluded, kept sorted in (bestIds,
// bestScores). `ids` are those of the scores.
function keepBest(
  scores: usize,
  count: i32,
  ids: usize,
  excluded: usize,
  firstExcluded: i32,
  lastExcluded: i32,
  bestIds: usize,
  bestScores: usize,
  n: i32,
): void {
  const last = (<usize>(n - 1)) << 2;
  let threshold = v128.load32_splat(bestScores + last);
  for (let j = 0; j < count; j += 4) {
    if (!v128.any_true(f32x4.ge(v128.load(scores + ((<usize>j) << 2)), threshold))) continue;
    for (let z = j; z < min(j + 4, count); z++) {
      const score = load<f32>(scores + ((<usize>z) << 2));
      const id = load<i32>(ids + ((<usize>z) << 2));
      if (!beats(score, id, bestIds, bestScores, last)) continue;
      if (isExcluded(excluded, firstExcluded, lastExcluded, id)) continue;
      let at = last;
      for (; at > 0 && beats(score, id, bestIds, bestScores, at - 4); at -= 4) {
        store<f32>(bestScores + at, load<f32>(bestScores + at - 4));
        store<i32>(bestIds + at, load<i32>(bestIds + at - 4));
      }
      store<f32>(bestScores + at, score);
      store<i32>(bestIds + at, id);
    }
    threshold = v128.load32_splat(bestScores + last);
  }
}

// The scores of a block for a tile of users, and the length of each user's vector.
export function topNScratch(): usize {
  return (<usize>(USERS_PER_TILE * CANDIDATES_PER_BLOCK + USERS_PER_TILE)) << 2;
}

// The length of each user's vector.
function measureUsers(userFactors: usize, users: i32, stride: usize, userLengths: usize): void {
  for (let r: usize = 0; r < <usize>users; r++) {
    const row = userFactors + r * stride;
    store<f32>(userLengths + (r << 2), sqrt<f32>(dot(row, row, stride)));
  }
}

// Marks `cells` cells of lists as unfilled.
function clearLists(bestIds: usize, bestScores: usize, cells: i32): void {
  for (let z: usize = 0; z < <usize>cells; z++) {
    store<i32>(bestIds + (z << 2), -1);
    store<f32>(bestScores + (z << 2), UNFILLED_SCORE);
  }
}

// Does the Cauchy-Schwarz bound of a block reach the last score of any user's list? `lastScores` is that of the first
// user, `rowBytes` from the next one's.
function canImprove(
  userLengths: usize,
  users: i32,
  length: f32,
  bias: f32,
  lastScores: usize,
  rowBytes: usize,
): bool {
  for (let r: usize = 0; r < <usize>users; r++) {
    const bound = load<f32>(userLengths + (r << 2)) * length + bias;
    if (!(bound < load<f32>(lastScores + r * rowBytes))) return true;
  }
  return false;
}

// For users `begin` to `end` (`begin` a multiple of 4; user factors and both outputs padded to a multiple of 4 users):
// the ids of their best `listLength` of the candidates, leaving out the ids of row u of (excludedPointers, excludedIds),
// which ascend. Block b has vectors of at most length `blockLengths[b]` and biases of at most `blockBiases[b]`, both with
// slack for rounding. Unfilled cells hold id -1 and score UNFILLED_SCORE.
export function topN(
  begin: i32,
  end: i32,
  scratch: usize,
  userFactors: usize,
  candidatePanels: usize,
  candidateBiases: usize,
  candidateIds: usize,
  blockLengths: usize,
  blockBiases: usize,
  candidateCount: i32,
  k: i32,
  excludedPointers: usize,
  excludedIds: usize,
  bestIds: usize,
  bestScores: usize,
  listLength: i32,
): void {
  const stride = (<usize>k) << 2;
  const panelCount = (candidateCount + 7) >> 3;
  const userLengths = scratch + ((<usize>(USERS_PER_TILE * CANDIDATES_PER_BLOCK)) << 2);
  const lastCell = (<usize>(listLength - 1)) << 2;
  for (let u = begin; u < end; u += 4) {
    const users = min(4, end - u);
    const out = (<usize>(u * listLength)) << 2;
    const rowBytes = (<usize>listLength) << 2;
    measureUsers(userFactors + <usize>u * stride, users, stride, userLengths);
    clearLists(bestIds + out, bestScores + out, users * listLength);
    for (let first = 0; first < panelCount; first += PANELS_PER_BLOCK) {
      const block = (<usize>(first / PANELS_PER_BLOCK)) << 2;
      const length = load<f32>(blockLengths + block);
      const bias = load<f32>(blockBiases + block);
      if (!canImprove(userLengths, users, length, bias, bestScores + out + lastCell, rowBytes)) continue;
      const last = min(first + PANELS_PER_BLOCK, panelCount);
      for (let p = first; p < last; p++) {
        scorePanel(
          userFactors + <usize>u * stride,
          candidatePanels + ((<usize>p * stride) << 3),
          candidateBiases + ((<usize>p) << 5),
          stride,
          scratch + ((<usize>(p - first)) << 5),
        );
      }
      const count = min(last << 3, candidateCount) - (first << 3);
      for (let r: usize = 0; r < <usize>users; r++) {
        const row = excludedPointers + ((<usize>u + r) << 2);
        keepBest(
          scratch + (r << 10),
          count,
          candidateIds + ((<usize>first) << 5),
          excludedIds,
          load<i32>(row),
          load<i32>(row, 4),
          bestIds + out + r * rowBytes,
          bestScores + out + r * rowBytes,
          listLength,
        );
      }
    }
  }
}
