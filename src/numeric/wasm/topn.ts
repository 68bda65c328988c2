// The best n candidates for each user by x.q + bias. Candidates are packed in panels of eight, so that one vector
// holds the same factor of four of them; four users share each panel while it is in registers. Candidates come in
// blocks, those with long vectors first: |x| |q| + bias bounds a score (Cauchy and Schwarz), and a block whose bound is
// under all that four users have found already is passed over. On data with a long tail that is nearly all of it.
//
// Each candidate has an id. Equal scores: the smaller id wins. The plain form is in test/numeric/reference/top-n.ts, to
// the bit.

import { dot, madd } from './simd';

// Panels scored before their scores are looked at: 256 candidates x 4 users = 4 kB.
const BLOCK: i32 = 32;
const LOWEST: f32 = -f32.MAX_VALUE;

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

// Does (score, id) come before what place `at` holds?
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

// For users `begin` to `end` (`begin` a multiple of 4; X and both outputs padded to a multiple of 4 users): the ids of
// their best n of `candidates`, leaving out the ids of row u of (pointers, excluded), which ascend. Block b has vectors of
// at most length `lengths[b]` and biases of at most `highest[b]`, both with room for rounding. Unfilled places hold id -1
// and score LOWEST. Scratch: 4,112 bytes.
export function topN(
  begin: i32,
  end: i32,
  scratch: usize,
  x: usize,
  panels: usize,
  biases: usize,
  ids: usize,
  lengths: usize,
  highest: usize,
  candidates: i32,
  k: i32,
  pointers: usize,
  excluded: usize,
  bestIds: usize,
  bestScores: usize,
  n: i32,
): void {
  const stride = (<usize>k) << 2;
  const panelCount = (candidates + 7) >> 3;
  const userLengths = scratch + 4096;
  const lastPlace = (<usize>(n - 1)) << 2;
  for (let u = begin; u < end; u += 4) {
    const users = min(4, end - u);
    const out = (<usize>(u * n)) << 2;
    const rowBytes = (<usize>n) << 2;
    for (let r: usize = 0; r < <usize>users; r++) {
      const row = x + (<usize>u + r) * stride;
      store<f32>(userLengths + (r << 2), sqrt<f32>(dot(row, row, stride)));
    }
    for (let z = u * n; z < (u + users) * n; z++) {
      store<i32>(bestIds + ((<usize>z) << 2), -1);
      store<f32>(bestScores + ((<usize>z) << 2), LOWEST);
    }
    for (let first = 0; first < panelCount; first += BLOCK) {
      const block = (<usize>(first / BLOCK)) << 2;
      const length = load<f32>(lengths + block);
      const bias = load<f32>(highest + block);
      let wanted = false;
      for (let r: usize = 0; r < <usize>users; r++) {
        const bound = load<f32>(userLengths + (r << 2)) * length + bias;
        wanted = wanted || !(bound < load<f32>(bestScores + out + r * rowBytes + lastPlace));
      }
      if (!wanted) continue;
      const last = min(first + BLOCK, panelCount);
      for (let p = first; p < last; p++) {
        scorePanel(
          x + <usize>u * stride,
          panels + ((<usize>p * stride) << 3),
          biases + ((<usize>p) << 5),
          stride,
          scratch + ((<usize>(p - first)) << 5),
        );
      }
      const count = min(last << 3, candidates) - (first << 3);
      for (let r: usize = 0; r < <usize>users; r++) {
        const row = pointers + ((<usize>u + r) << 2);
        keepBest(
          scratch + (r << 10),
          count,
          ids + ((<usize>first) << 5),
          excluded,
          load<i32>(row),
          load<i32>(row, 4),
          bestIds + out + r * rowBytes,
          bestScores + out + r * rowBytes,
          n,
        );
      }
    }
  }
}
