import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/onnx/gradients.ts';
import { concat, notDifferentiable, sizeOf, type Graph, type Op, type Tensor } from '../../src/onnx/graph.ts';
import { createGraph, rules } from '../../src/onnx/ops/index.ts';
import { createSession, disabledOptimizers, type Feeds } from '../../src/onnx/session.ts';
import { Rng } from '../../src/util/rng.ts';

const session = { target: 'cpu', threads: 2 } as const;

/** An operation between inputs of these shapes, and what is fed besides them. */
interface Case {
  inputs: number[][];
  apply: (inputs: Tensor[], graph: Graph) => Tensor;
  others?: Record<string, BigInt64Array | Uint8Array>;
  /** Entries are drawn from this interval; default -1 to 1. */
  between?: [number, number];
}

/** An operation without a case does not compile. */
const cases: Record<Op, Case> = {
  add: { inputs: [[2, 3], [3]], apply: ([a, b]) => a!.add(b!) },
  sub: {
    inputs: [
      [2, 3],
      [2, 1],
    ],
    apply: ([a, b]) => a!.sub(b!),
  },
  mul: { inputs: [[2, 3], [3]], apply: ([a, b]) => a!.mul(b!) },
  div: {
    inputs: [
      [2, 3],
      [1, 3],
    ],
    apply: ([a, b]) => a!.div(b!),
    between: [1, 2],
  },
  min: { inputs: [[2, 3], []], apply: ([a, b]) => a!.min(b!) },
  sqrt: { inputs: [[2, 3]], apply: ([x]) => x!.sqrt(), between: [1, 2] },
  sigmoid: { inputs: [[2, 3]], apply: ([x]) => x!.sigmoid() },
  crossEntropyOfFirst: {
    inputs: [
      [3, 4],
      [3, 1],
    ],
    apply: ([x, weights]) => x!.crossEntropyOfFirst(weights!),
    between: [0.5, 2],
  },
  erf: { inputs: [[4, 5]], apply: ([x]) => x!.erf(), between: [-2, 2] },
  exp: { inputs: [[2, 3]], apply: ([x]) => x!.exp() },
  // Both sides of 0, where it has no slope.
  relu: { inputs: [[2, 3]], apply: ([x]) => concat([x!.relu(), x!.mul(-1).relu()]), between: [0.5, 2] },
  positive: { inputs: [[2, 3]], apply: ([x]) => x!.positive() },
  gelu: {
    inputs: [[4, 5]],
    apply: ([x]) => concat([x!.gelu(), x!.gelu('none')]),
    between: [-3, 3],
  },
  dropout: {
    inputs: [[2, 3]],
    apply: ([x], graph) => x!.dropout(graph.input('keep', [2, 3], 'bool'), 0.25),
    others: { keep: Uint8Array.of(1, 0, 1, 1, 0, 1) },
  },
  reshape: { inputs: [[2, 3]], apply: ([x]) => x!.reshape([3, 2]) },
  expand: { inputs: [[2, 1]], apply: ([x]) => x!.expand([4, 2, 3]) },
  zeros: { inputs: [[2]], apply: ([x], graph) => x!.add(graph.zeros([3, 2])) },
  transpose: { inputs: [[2, 3, 4]], apply: ([x]) => x!.transpose([2, 0, 1]) },
  // The middle part is used nowhere.
  split: { inputs: [[2, 6]], apply: ([x]) => concat([x!.split([1, 2, 3])[0]!, x!.split([1, 2, 3])[2]!]) },
  concat: {
    inputs: [
      [2, 2],
      [2, 3],
    ],
    apply: (parts) => concat(parts),
  },
  sum: { inputs: [[2, 3, 2]], apply: ([x]) => x!.sum([0, 2]) },
  mean: { inputs: [[2, 3, 2]], apply: ([x]) => x!.mean([1]) },
  sumSquares: { inputs: [[2, 3]], apply: ([x]) => x!.sumSquares() },
  matmul: {
    inputs: [
      [2, 3, 4],
      [2, 4, 2],
    ],
    apply: ([a, b]) => a!.matmul(b!, { scale: 0.5 }),
  },
  linear: { inputs: [[2, 3], [3, 4], [4]], apply: ([x, weight, bias]) => x!.linear(weight!, bias!) },
  softmax: { inputs: [[3, 4]], apply: ([x]) => x!.softmax() },
  layerNorm: {
    inputs: [[2, 3, 5], [5], [5]],
    apply: ([x, weight, bias]) => x!.layerNorm(weight!, bias!, 1e-5),
  },
  gather: {
    inputs: [[4, 3]],
    apply: ([table], graph) => table!.gather(graph.input('ids', [2, 3], 'int64')),
    others: { ids: BigInt64Array.of(0n, 3n, 3n, 1n, 3n, 0n) },
  },
  addRows: {
    inputs: [
      [4, 2],
      [5, 2],
    ],
    apply: ([table, rows], graph) => table!.addRows({ ids: graph.input('ids', [5], 'int64'), rows: rows! }),
    others: { ids: BigInt64Array.of(0n, 3n, 3n, 1n, 3n) },
  },
  linearCrossEntropy: {
    inputs: [
      [3, 4],
      [5, 4],
      [3, 1],
    ],
    apply: ([h, table, weights], graph) =>
      h!.linearCrossEntropy(table!, graph.input('targets', [3, 1], 'int64'), weights!),
    others: { targets: BigInt64Array.of(4n, 0n, 4n) },
  },
  linearSoftCrossEntropy: {
    inputs: [
      [3, 4],
      [5, 4],
      [3, 5],
      [3, 5],
    ],
    apply: ([h, table, targets, offsets]) => h!.linearSoftCrossEntropy(table!, targets!, offsets!),
  },
  minusOneHot: {
    inputs: [[2, 3]],
    apply: ([x], graph) => graph.apply('minusOneHot', [x!, graph.input('targets', [2, 1], 'int64')], {})[0]!,
    others: { targets: BigInt64Array.of(2n, 0n) },
  },
};

/** Ways of using an operation that have a gradient of their own. */
const variants: [string, Case][] = [
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB): [string, Case] => [
      `matmul transposeA=${transposeA} transposeB=${transposeB}`,
      {
        inputs: [transposeA ? [4, 3] : [3, 4], transposeB ? [2, 4] : [4, 2]],
        apply: ([a, b]) => a!.matmul(b!, { transposeA, transposeB, scale: 2 }),
      },
    ]),
  ),
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB): [string, Case] => [
      `matmul largeB transposeA=${transposeA} transposeB=${transposeB}`,
      {
        inputs: [transposeA ? [4, 3] : [3, 4], transposeB ? [2, 4] : [4, 2]],
        apply: ([a, b]) => a!.matmul(b!, { transposeA, transposeB, scale: 2, largeB: true }),
      },
    ]),
  ),
  [
    'attention',
    {
      inputs: [
        [2, 3, 4],
        [2, 5, 4],
        [2, 5, 2],
      ],
      apply: ([q, k, v]) => attention(q!, k!, v!),
    },
  ],
];

function attention(q: Tensor, k: Tensor, v: Tensor): Tensor {
  return q.matmul(k, { transposeB: true, scale: 0.5 }).softmax().matmul(v);
}

function draw(name: string, { inputs, between: [low, high] = [-1, 1] }: Case): Feeds {
  const rng = new Rng(name);
  const values = (size: number) =>
    Float32Array.from({ length: size }, () => low + (high - low) * rng.uniform());
  return Object.fromEntries(inputs.map((shape, i) => [`x${i}`, values(sizeOf(shape))]));
}

/** A random weight for each entry of the result makes a number of it, whose gradients tell all entries apart. */
async function build(name: string, operation: Case) {
  const graph = createGraph();
  const inputs = operation.inputs.map((shape, i) => graph.input(`x${i}`, shape));
  const result = operation.apply(inputs, graph);
  const rng = new Rng(`${name} weights`);
  const weights = Float32Array.from({ length: sizeOf(result.shape) }, () => rng.uniform());
  const weighted = result.mul(graph.constant('weights of the result', weights, result.shape));
  const loss = weighted.sum([...result.shape.keys()]).reshape([]);
  graph.output('loss', loss);
  // Weights and targets of a loss have no gradient: they are no parameters.
  const parameters = name.endsWith('CrossEntropy')
    ? inputs.slice(0, 2)
    : inputs.slice(0, name === 'crossEntropyOfFirst' ? 1 : undefined);
  for (const [i, gradient] of gradients(loss, parameters).entries()) graph.output(`dx${i}`, gradient);
  return { compiled: await createSession(graph, session), parameters };
}

describe('gradients are those of central differences', () => {
  const differentiable = Object.entries(cases).filter(
    ([name]) => rules[name as Op].gradient !== notDifferentiable,
  );
  test.each([...differentiable, ...variants])('%s', async (name, operation) => {
    const { compiled, parameters } = await build(name, operation);
    const feeds = draw(name, operation);
    const run = (changed: Feeds) => compiled.run({ ...feeds, ...changed, ...operation.others });
    const found = await run({});
    const step = 1 / 64;
    for (const [i, parameter] of parameters.entries()) {
      const values = feeds[`x${i}`] as Float32Array;
      const analytic = found[`dx${i}`]!;
      expect(analytic.dims).toEqual(parameter.shape);
      const largest = Math.max(...(analytic.data as Float32Array).map(Math.abs));
      for (const at of values.keys()) {
        const moved = async (by: number) => {
          const { loss } = await run({ [`x${i}`]: values.with(at, values[at]! + by) });
          return loss!.data[0] as number;
        };
        const numeric = ((await moved(step)) - (await moved(-step))) / (2 * step);
        // Truncation is of order step squared, float32 leaves 1e-5.
        expect(Math.abs(numeric - (analytic.data[at] as number)), `x${i}[${at}]`).toBeLessThan(
          2e-3 * Math.max(1, largest),
        );
      }
    }
    await compiled.release();
  });
});

async function compute(name: Op, feeds: Feeds): Promise<number[]> {
  const graph = createGraph();
  const operation = cases[name];
  graph.output(
    'y',
    operation.apply(
      operation.inputs.map((shape, i) => graph.input(`x${i}`, shape)),
      graph,
    ),
  );
  const compiled = await createSession(graph, session);
  const { y } = await compiled.run({ ...feeds, ...operation.others });
  await compiled.release();
  return [...(y!.data as Float32Array)];
}

describe('values', () => {
  test('rows that are added to the same row of a table all count', async () => {
    const x0 = new Float32Array(8);
    const x1 = Float32Array.of(1, 2, 10, 20, 100, 200, 1000, 2000, 10000, 20000);
    expect(await compute('addRows', { x0, x1 })).toEqual([1, 2, 1000, 2000, 0, 0, 10110, 20220]);
  });

  test('thousands of additions to few rows are exact on two threads', async () => {
    const graph = createGraph();
    const [rows, width] = [4096, 64];
    const table = graph.input('table', [3, width]);
    const ids = graph.input('ids', [rows], 'int64');
    graph.output('y', table.addRows({ ids, rows: graph.input('rows', [rows, width]) }));
    const compiled = await createSession(graph, session);
    const { y } = await compiled.run({
      table: new Float32Array(3 * width),
      ids: BigInt64Array.from({ length: rows }, (_, i) => BigInt(i % 2)),
      rows: new Float32Array(rows * width).fill(1),
    });
    await compiled.release();
    expect([...new Set(y!.data.slice(0, 2 * width) as Float32Array)]).toEqual([2048]);
    expect([...new Set(y!.data.slice(2 * width) as Float32Array)]).toEqual([0]);
  });

  test('minusOneHot takes 1 from the column of each row’s target', async () => {
    const x0 = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect(await compute('minusOneHot', { x0 })).toEqual([1, 2, 2, 3, 5, 6]);
  });

  test('min is the smaller of both', async () => {
    const x0 = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect(await compute('min', { x0, x1: Float32Array.of(3) })).toEqual([1, 2, 3, 3, 3, 3]);
  });

  test('dropout with rate 1/4 makes what is kept 4/3 as large', async () => {
    const x0 = Float32Array.of(3, 3, 3, 6, 6, 6);
    expect(await compute('dropout', { x0 })).toEqual([4, 0, 4, 8, 0, 8]);
  });

  test('the cross-entropy of equal logits is the logarithm of the number of classes', async () => {
    const feeds = { x0: new Float32Array(12), x1: new Float32Array(20), x2: new Float32Array(3).fill(1) };
    const [loss] = await compute('linearCrossEntropy', feeds);
    expect(loss).toBeCloseTo(3 * Math.log(5), 5);
  });
});

describe('operands that do not fit are refused by name and shape', () => {
  const graph = createGraph();
  const x = (...shape: number[]) => graph.input('x', shape);
  test.each([
    ['broadcasting of [2, 3] and [2]', () => x(2, 3).add(x(2))],
    ['matmul of [2, 3] and [2, 3]', () => x(2, 3).matmul(x(2, 3))],
    ['linear of [2, 3] and [3, 4] and [3]', () => x(2, 3).linear(x(3, 4), x(3))],
    ['layerNorm of [2, 3] and [2] and [3]', () => x(2, 3).layerNorm(x(2), x(3), 1e-5)],
    ['reshape of [2, 3] to [4]', () => x(2, 3).reshape([4])],
    ['split of [2, 3] into 1, 1', () => x(2, 3).split([1, 1])],
    ['concat of [2, 3] and [3, 3]', () => concat([x(2, 3), x(3, 3)])],
    [
      'min cannot be differentiated',
      () => gradients(x(2).min(1).sum([0]).reshape([]), [graph.inputs.at(-1)!]),
    ],
    ['the loss does not depend on x', () => gradients(x(), [x(2)])],
  ])('%s', (message, build) => {
    expect(build).toThrow(message);
  });
});

describe('a product with a large right operand', () => {
  /** x (rows, 3) times W' of W (5, 3), and what session options it asks for. */
  async function multiply(rows: number, largeB: boolean) {
    const graph = createGraph();
    const product = graph
      .input('x', [rows, 3])
      .matmul(graph.input('w', [5, 3]), { transposeB: true, largeB });
    graph.output('y', product);
    const x = Float32Array.from({ length: rows * 3 }, (_, i) => (i % 11) - 5);
    const w = Float32Array.from({ length: 15 }, (_, i) => (i % 7) - 3);
    const compiled = await createSession(graph, session);
    const { y } = await compiled.run({ x, w });
    await compiled.release();
    return { values: Array.from(y!.data as Float32Array), disabled: disabledOptimizers(graph) };
  }

  test.each([1, 2, 64, 65])('of %i rows is the plain product, whole numbers exactly', async (rows) => {
    const [plain, large] = [await multiply(rows, false), await multiply(rows, true)];
    expect(large.values).toEqual(plain.values);
    expect(plain.disabled).toEqual([]);
    // Only where the transposed product is emitted must ONNX Runtime not turn it into the plain one.
    expect(large.disabled).toEqual(rows === 2 || rows === 64 ? ['GemmTransposeFusion'] : []);
  });
});

describe('a large product of a transposed left operand', () => {
  const inner = 130;

  /** The transposed a (130, rows) times b (130, columns), as one operation or after a transposition of its own. */
  async function multiply(rows: number, columns: number, asOne: boolean) {
    const graph = createGraph();
    const [a, b] = [graph.input('a', [inner, rows]), graph.input('b', [inner, columns])];
    graph.output('y', asOne ? a.matmul(b, { transposeA: true }) : a.transpose([1, 0]).matmul(b));
    const rng = new Rng(1);
    const draw = (length: number) => Float32Array.from({ length }, () => rng.uniform() - 0.5);
    const compiled = await createSession(graph, session);
    const { y } = await compiled.run({ a: draw(inner * rows), b: draw(inner * columns) });
    await compiled.release();
    return { values: Array.from(y!.data as Float32Array), disabled: disabledOptimizers(graph) };
  }

  test.each([
    [160, 200, ['GemmTransposeFusion']],
    [200, 160, ['GemmTransposeFusion']],
    [200, 127, []],
  ])('of %i rows and %i columns has the bits of the plain one', async (rows, columns, disabled) => {
    // ONNX Runtime turns the transposition and the product of `plain` into one Gemm that transposes.
    const [plain, large] = [await multiply(rows, columns, false), await multiply(rows, columns, true)];
    expect(large.values).toEqual(plain.values);
    expect(large.disabled).toEqual(disabled);
  });
});
