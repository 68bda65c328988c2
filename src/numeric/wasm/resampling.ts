// Sums over resampled users, for bootstrap intervals. The random numbers are those of
// src/util/rng.ts (xoshiro128**), and each sum adds in the order of the draws, so results have the bits of plain loops.
// A call takes `count` of the `resamples` from `first` on; a job of few calls would stay in the compiler's first, slow
// tier. A row of these jobs is a table of its own with a generator of its own, whose four words go on from call to call.

import { word } from './memory';

// Columns of a table, side by side: a drawn row is looked up once for all of them, and is one cache line.
export const RESAMPLED_COLUMNS: i32 = 8;

// sums[r] = the sums of the 8 columns over `rows` rows of the table, drawn with replacement; (resamples, 8) doubles.
// Draws are those of `Rng.int(rows)`, rows at most 2^21.
export function resampledSums(
  begin: i32,
  end: i32,
  scratch: usize,
  tables: usize,
  rows: i32,
  resamples: i32,
  first: i32,
  count: i32,
  randomStates: usize,
  sums: usize,
): void {
  for (let n = begin; n < end; n++) {
    const table = tables + ((<usize>(n * rows)) << 6);
    const state = randomStates + ((<usize>n) << 4);
    const biased: u32 = <u32>((0x100000000 - <u64>rows) % <u64>rows);
    let a = <u32>word(state, 0);
    let b = <u32>word(state, 1);
    let c = <u32>word(state, 2);
    let d = <u32>word(state, 3);
    let sum = sums + ((<usize>(n * resamples + first)) << 6);
    for (let resample = 0; resample < count; resample++, sum += 64) {
      let s0 = f64x2.splat(0);
      let s1 = s0;
      let s2 = s0;
      let s3 = s0;
      for (let draw = 0; draw < rows;) {
        const product = <u64>(rotl<u32>(b * 5, 7) * 9) * <u64>rows;
        const t = b << 9;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= t;
        d = rotl<u32>(d, 11);
        if (<u32>product < biased) continue;
        draw++;
        const at = table + ((<usize>(product >> 32)) << 6);
        s0 = f64x2.add(s0, v128.load(at));
        s1 = f64x2.add(s1, v128.load(at, 16));
        s2 = f64x2.add(s2, v128.load(at, 32));
        s3 = f64x2.add(s3, v128.load(at, 48));
      }
      v128.store(sum, s0);
      v128.store(sum, s1, 16);
      v128.store(sum, s2, 32);
      v128.store(sum, s3, 48);
    }
    store<u32>(state, a);
    store<u32>(state, b, 4);
    store<u32>(state, c, 8);
    store<u32>(state, d, 12);
  }
}
