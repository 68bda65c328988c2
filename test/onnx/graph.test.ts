import { expect, test } from 'vitest';
import { gradients } from '../../src/onnx/gradients.ts';
import type { Graph } from '../../src/onnx/graph.ts';
import { createGraph } from '../../src/onnx/ops/index.ts';
import { createSession } from '../../src/onnx/session.ts';
import { printGraph } from './print-graph.ts';

/** Embedding, one layer, loss over the same table: every way in which gradients meet. */
function tinyNetwork(checkpointing: boolean): Graph {
  const graph = createGraph();
  const table = graph.input('table', [5, 4]);
  const weight = graph.input('weight', [4, 4]);
  const bias = graph.input('bias', [4]);
  const x = table.gather(graph.input('tokens', [3], 'int64'));
  const block = (h: typeof x) => h.add(h.linear(weight, bias).sigmoid());
  const y = checkpointing ? graph.checkpoint(block, x) : block(x);
  const loss = y.linearCrossEntropy(
    table,
    graph.input('targets', [3, 1], 'int64'),
    graph.input('weights', [3, 1]),
  );
  graph.output('loss', loss);
  const found = gradients(loss, [table, weight]);
  graph.output('table gradient', found[0]!);
  graph.output('weight gradient', found[1]!);
  return graph;
}

test('a network with its gradients prints as text, without the nodes that no output needs', () => {
  expect(printGraph(tinyNetwork(false))).toMatchInlineSnapshot(`
    "input table: f32[5, 4]
    input weight: f32[4, 4]
    input bias: f32[4]
    input tokens: i64[3]
    input targets: i64[3, 1]
    input weights: f32[3, 1]
    %0: f32[3, 4] = gather(table, tokens)
    %1: f32[3, 4] = linear(%0, weight, bias)
    %2: f32[3, 4] = sigmoid(%1)
    %3: f32[3, 4] = add(%0, %2)
    %4: f32[], %5: f32[3, 5] = linearCrossEntropy(%3, table, targets, weights)
    %6: f32[3, 1] = mul(weights, 1)
    %7: f32[3, 5] = minusOneHot(%5, targets)
    %8: f32[3, 4] = matmul(%7, table, transposeA=false, transposeB=false, scale=1, largeB=false)
    %9: f32[3, 4] = mul(%8, %6)
    %10: f32[3, 4] = mul(%3, %6)
    %11: f32[5, 4] = matmul(%7, %10, transposeA=true, transposeB=false, scale=1, largeB=false)
    %12: f32[3, 4] = mul(%9, %2)
    %13: f32[3, 4] = sub(1, %2)
    %14: f32[3, 4] = mul(%12, %13)
    %15: f32[3, 4] = matmul(%14, weight, transposeA=false, transposeB=true, scale=1, largeB=false)
    %16: f32[4, 4] = matmul(%0, %14, transposeA=true, transposeB=false, scale=1, largeB=false)
    %17: f32[3, 4] = add(%9, %15)
    %18: f32[5, 4] = addRows(%11, tokens, %17)
    output loss = %4
    output table gradient = %18
    output weight gradient = %16
    "
  `);
});

async function run(graph: Graph): Promise<number[][]> {
  const session = await createSession(graph, { target: 'cpu', threads: 2 });
  const values = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i + 1));
  const results = await session.run({
    table: values(20),
    weight: values(16),
    bias: values(4),
    tokens: BigInt64Array.of(1n, 4n, 1n),
    targets: BigInt64Array.of(0n, 4n, 1n),
    weights: new Float32Array(3).fill(1 / 3),
  });
  await session.release();
  return Object.values(results).map(({ data }) => [...(data as Float32Array)]);
}

test('a checkpointed block is computed twice and gives the same gradients to the bit', async () => {
  const [plain, checkpointed] = [tinyNetwork(false), tinyNetwork(true)];
  const linears = (graph: Graph) => printGraph(graph).match(/linear\(/g)!.length;
  expect([linears(plain), linears(checkpointed)]).toEqual([1, 2]);
  expect(await run(checkpointed)).toEqual(await run(plain));
});
