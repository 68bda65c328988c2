/** The best k of one row of scores. For many rows of dot products, see top-n.ts. */

/** Positions of the k highest scores, best first, equal ones by ascending position; NaN is left out. */
export function bestOf(scores: Float64Array, k: number): Int32Array {
  const best = new Int32Array(k);
  let count = 0;
  for (let position = 0; position < scores.length; position++) {
    const score = scores[position]!;
    if (Number.isNaN(score) || (count === k && !(score > scores[best[k - 1]!]!))) continue;
    let at = count < k ? count++ : k - 1;
    for (; at > 0 && scores[best[at - 1]!]! < score; at--) best[at] = best[at - 1]!;
    best[at] = position;
  }
  return best.subarray(0, count);
}
