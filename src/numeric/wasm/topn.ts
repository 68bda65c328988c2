// The best n candidates for each user by x.q + bias. Candidates are packed in panels of eight, so that one vector
// holds the same factor of four of them; four users share each panel while it is in registers.
//
// Equal scores: the candidate that comes first wins, because a later one must beat it. The plain form is in
// src/numeric/reference/top-n.ts, to the bit.

import { madd } from './simd';

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

// Inserts those of `count` scores that beat the last of the best n, kept sorted in (bestItems, bestScores).
function keepBest(
  scores: usize,
  count: i32,
  firstItem: i32,
  bestItems: usize,
  bestScores: usize,
  n: i32,
): void {
  const last = (<usize>(n - 1)) << 2;
  let threshold = v128.load32_splat(bestScores + last);
  for (let j = 0; j < count; j += 4) {
    if (!v128.any_true(f32x4.gt(v128.load(scores + ((<usize>j) << 2)), threshold))) continue;
    for (let z = j; z < min(j + 4, count); z++) {
      const score = load<f32>(scores + ((<usize>z) << 2));
      if (!(score > load<f32>(bestScores + last))) continue;
      let at = last;
      for (; at > 0 && load<f32>(bestScores + at - 4) < score; at -= 4) {
        store<f32>(bestScores + at, load<f32>(bestScores + at - 4));
        store<i32>(bestItems + at, load<i32>(bestItems + at - 4));
      }
      store<f32>(bestScores + at, score);
      store<i32>(bestItems + at, firstItem + z);
    }
    threshold = v128.load32_splat(bestScores + last);
  }
}

// For users `begin` to `end` (`begin` a multiple of 4; X and both outputs padded to a multiple of 4 users): their
// best n of `candidates`, leaving out the candidates of row u of (pointers, excluded), which ascend. Unfilled places
// hold candidate -1 and score LOWEST. Scratch: 4,112 bytes.
export function topN(
  begin: i32,
  end: i32,
  scratch: usize,
  x: usize,
  panels: usize,
  biases: usize,
  candidates: i32,
  k: i32,
  pointers: usize,
  excluded: usize,
  bestItems: usize,
  bestScores: usize,
  n: i32,
): void {
  const stride = (<usize>k) << 2;
  const panelCount = (candidates + 7) >> 3;
  const cursors = scratch + 4096;
  for (let u = begin; u < end; u += 4) {
    const users = min(4, end - u);
    for (let r = 0; r < users; r++) {
      store<i32>(cursors + ((<usize>r) << 2), load<i32>(pointers + ((<usize>(u + r)) << 2)));
      for (let z = (u + r) * n; z < (u + r + 1) * n; z++) {
        store<i32>(bestItems + ((<usize>z) << 2), -1);
        store<f32>(bestScores + ((<usize>z) << 2), LOWEST);
      }
    }
    for (let block = 0; block < panelCount; block += BLOCK) {
      const blockEnd = min(block + BLOCK, panelCount);
      for (let p = block; p < blockEnd; p++) {
        scorePanel(
          x + <usize>u * stride,
          panels + ((<usize>p * stride) << 3),
          biases + ((<usize>p) << 5),
          stride,
          scratch + ((<usize>(p - block)) << 5),
        );
      }
      const firstItem = block << 3;
      const endItem = min(blockEnd << 3, candidates);
      for (let r = 0; r < users; r++) {
        const scores = scratch + ((<usize>r) << 10);
        const cursor = cursors + ((<usize>r) << 2);
        const rowEnd = load<i32>(pointers + ((<usize>(u + r)) << 2), 4);
        let p = load<i32>(cursor);
        for (; p < rowEnd; p++) {
          const item = load<i32>(excluded + ((<usize>p) << 2));
          if (item >= endItem) break;
          store<f32>(scores + ((<usize>(item - firstItem)) << 2), LOWEST);
        }
        store<i32>(cursor, p);
        const out = (<usize>((u + r) * n)) << 2;
        keepBest(scores, endItem - firstItem, firstItem, bestItems + out, bestScores + out, n);
      }
    }
  }
}
