import fc from 'fast-check';
import { expect, test } from 'vitest';
import { absorbItemPairs, collapse, type Machine } from '../../../src/models/fm/machine.ts';
import type { FeatureRows } from '../../../src/numeric/feature-prior.ts';
import { Rng } from '../../../src/util/rng.ts';
import { fmScore, inputOf, type SparseVector } from './score.ts';

/** The definition: every pair of columns once (Rendle 2010, eq. 1). */
function naiveScore({ k, bias, weights, factors }: Machine, { columns, values }: SparseVector): number {
  let score = bias;
  for (let a = 0; a < columns.length; a++) {
    score += weights[columns[a]!]! * values[a]!;
    for (let b = a + 1; b < columns.length; b++) {
      let dot = 0;
      for (let f = 0; f < k; f++) dot += factors[columns[a]! * k + f]! * factors[columns[b]! * k + f]!;
      score += dot * values[a]! * values[b]!;
    }
  }
  return score;
}

function randomMachine(rng: Rng, users: number, items: number, features: number, k: number): Machine {
  const columns = users + items + features;
  return {
    users,
    items,
    features,
    k,
    bias: rng.normal(),
    weights: Float64Array.from({ length: columns }, () => rng.normal()),
    factors: Float32Array.from({ length: columns * k }, () => rng.normal()),
  };
}

/** Item i has each of `columns` features with probability 1/2, at a value of its own. */
function randomFeatures(rng: Rng, items: number, columns: number): FeatureRows {
  const pointers = new Int32Array(items + 1);
  const indices: number[] = [];
  for (let item = 0; item < items; item++) {
    for (let f = 0; f < columns; f++) if (rng.uniform() < 0.5) indices.push(f);
    pointers[item + 1] = indices.length;
  }
  return {
    columns,
    pointers,
    indices: Int32Array.from(indices),
    values: Float32Array.from(indices, () => 2 * rng.uniform()),
  };
}

test('the linear-time score is the sum over all pairs, for any sparse input', () => {
  const machine = randomMachine(new Rng(1), 4, 5, 6, 7);
  const input = fc.uniqueArray(fc.integer({ min: 0, max: 14 })).chain((columns) =>
    fc.record({
      columns: fc.constant(columns),
      values: fc.array(fc.double({ min: -10, max: 10, noNaN: true }), {
        minLength: columns.length,
        maxLength: columns.length,
      }),
    }),
  );
  fc.assert(
    fc.property(input, (x) => {
      expect(fmScore(machine, x)).toBeCloseTo(naiveScore(machine, x), 8);
    }),
    { seed: 1 },
  );
});

test('an input without columns scores w0', () => {
  const machine = randomMachine(new Rng(2), 1, 1, 0, 3);
  expect(fmScore(machine, { columns: [], values: [] })).toBe(machine.bias);
});

test('for a user and an item the score collapses to two biases and one dot product', () => {
  const rng = new Rng(3);
  const machine = randomMachine(rng, 5, 8, 4, 6);
  const features = randomFeatures(rng, 8, 4);
  const { k, userFactors, itemFactors, userBias, itemBias } = collapse(machine, features);
  for (let user = 0; user < 5; user++) {
    for (let item = 0; item < 8; item++) {
      let score = userBias[user]! + itemBias[item]!;
      for (let f = 0; f < k; f++) score += userFactors[user * k + f]! * itemFactors[item * k + f]!;
      expect(score).toBeCloseTo(fmScore(machine, inputOf(machine, features, user, item)), 4);
    }
  }
});

test("an item's own weight takes up the pairs of the item side", () => {
  const rng = new Rng(4);
  const machine = randomMachine(rng, 3, 6, 4, 5);
  const features = randomFeatures(rng, 6, 4);
  const biases = Float32Array.from({ length: 6 }, () => rng.normal());
  absorbItemPairs(machine, features, biases);
  const { itemBias } = collapse(machine, features);
  for (let item = 0; item < 6; item++) {
    let expected = biases[item]!;
    for (let p = features.pointers[item]!; p < features.pointers[item + 1]!; p++)
      expected += features.values[p]! * machine.weights[3 + 6 + features.indices[p]!]!;
    expect(itemBias[item]).toBeCloseTo(expected, 5);
  }
});
