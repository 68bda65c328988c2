/** Products of matrices, and what networks are made of. */
import { float, int, ints, type Emitter, type OnnxAttribute } from '../emitter.ts';
import { same, sizeOf, type Node, type Rules, type Shape } from '../graph.ts';
import { shapeError } from './elementwise.ts';

type Layer = 'matmul' | 'linear' | 'softmax' | 'layerNorm';

export const layers: Pick<Rules, Layer> = {
  matmul: {
    infer([a, b], { transposeA, transposeB }) {
      const [rows, inner] = swapIf(a!.shape.slice(-2), transposeA);
      const [inner2, columns] = swapIf(b!.shape.slice(-2), transposeB);
      const leading = a!.shape.slice(0, -2);
      if (inner !== inner2 || !same(leading, b!.shape.slice(0, -2))) throw shapeError('matmul', [a!, b!]);
      return [{ shape: [...leading, rows!, columns!], type: 'float32' }];
    },
    emit(to, inputs, [output], node) {
      const { transposeA, transposeB, scale } = node.attributes;
      const [transA, transB] = [int(Number(transposeA)), int(Number(transposeB))];
      const alpha = float(scale);
      const rank = node.inputs[0]!.shape.length;
      if (emitsTransposedProduct(node)) {
        const flipped = { transA: int(Number(!transposeB)), transB: int(Number(!transposeA)), alpha };
        const product = to.node('Gemm', inputs.toReversed(), undefined, flipped);
        to.node('Transpose', [product], output, { perm: ints([1, 0]) });
      } else if (to.target === 'cpu' && isLargeTransposedLeft(node)) {
        productOfTransposedLeft(to, inputs, output!, node.outputs[0]!.shape, alpha);
      } else if (rank === 2) to.node('Gemm', inputs, output, { transA, transB, alpha });
      else if (to.target === 'webgpu') batched(to, inputs, output!, rank, transposeA, transposeB, scale);
      else to.node('FusedMatMul', inputs, output, { transA, transB, alpha }, 'com.microsoft');
    },
    gradient: ({ inputs: [a, b], attributes: { transposeA, transposeB, scale } }, [g]) => [
      transposeA
        ? b!.matmul(g!, { transposeA: transposeB, transposeB: true, scale })
        : g!.matmul(b!, { transposeB: !transposeB, scale }),
      transposeB
        ? g!.matmul(a!, { transposeA: true, transposeB: transposeA, scale })
        : a!.matmul(g!, { transposeA: !transposeA, scale }),
    ],
    disabledOptimizers: (node) =>
      emitsTransposedProduct(node) || isLargeTransposedLeft(node) ? ['GemmTransposeFusion'] : [],
  },
  linear: {
    infer([x, weight, bias]) {
      const [inputs, outputs] = weight!.shape;
      if (x!.shape[1] !== inputs || !same(bias!.shape, [outputs!])) {
        throw shapeError('linear', [x!, weight!, bias!]);
      }
      return [{ shape: [x!.shape[0]!, outputs!], type: 'float32' }];
    },
    emit: (to, inputs, [output]) => to.node('Gemm', inputs, output),
    gradient: ({ inputs: [x, weight, bias] }, [g]) => [
      g!.matmul(weight!, { transposeB: true }),
      x!.matmul(g!, { transposeA: true }),
      g!.sum([0]).reshape(bias!.shape),
    ],
  },
  softmax: {
    infer: ([x]) => [{ shape: x!.shape, type: 'float32' }],
    emit: (to, inputs, [output]) => to.node('Softmax', inputs, output, { axis: int(-1) }),
    gradient: ({ outputs: [p] }, [g]) => [g!.sub(g!.mul(p!).sum([p!.shape.length - 1])).mul(p!)],
  },
  // Also gives the mean and 1 / standard deviation of each row, for the gradient.
  layerNorm: {
    infer([x, weight, bias]) {
      const width = [x!.shape.at(-1)!];
      if (!same(weight!.shape, width) || !same(bias!.shape, width)) {
        throw shapeError('layerNorm', [x!, weight!, bias!]);
      }
      const perRow = { shape: [...x!.shape.slice(0, -1), 1], type: 'float32' } as const;
      return [{ shape: x!.shape, type: 'float32' }, perRow, perRow];
    },
    emit: (to, inputs, outputs, { attributes: { epsilon } }) =>
      to.node('LayerNormalization', inputs, outputs, { axis: int(-1), epsilon: float(epsilon) }),
    gradient({ inputs: [x, weight], outputs: [, mean, inverse] }, [g]) {
      const last = x!.shape.length - 1;
      const unit = x!.sub(mean!).mul(inverse!);
      const scaled = g!.mul(weight!);
      const along = scaled.mul(unit).mean([last]);
      const rows = [sizeOf(x!.shape) / weight!.shape[0]!, weight!.shape[0]!];
      return [
        scaled
          .sub(scaled.mean([last]))
          .sub(unit.mul(along))
          .mul(inverse!),
        g!.mul(unit).reshape(rows).sum([0]).reshape(weight!.shape),
        g!.reshape(rows).sum([0]).reshape(weight!.shape),
      ];
    },
  },
};

/** For one row ONNX Runtime has a faster way; for more than so many, repacking a large operand costs little. */
const MAX_ROWS_OF_TRANSPOSED_PRODUCT = 64;

function emitsTransposedProduct({ inputs: [a], outputs: [y], attributes }: Node<'matmul'>): boolean {
  const [rows] = y!.shape as [number];
  return attributes.largeB && a!.shape.length === 2 && rows > 1 && rows <= MAX_ROWS_OF_TRANSPOSED_PRODUCT;
}

/**
 * Above so many rows, columns and terms ONNX Runtime's product of a transposed left operand is slow: it gathers that operand
 * again for every 128 columns. The bits are the same either way; with fewer columns it would sum in another order.
 */
const MIN_SIZE_OF_TRANSPOSED_LEFT = 128;

function isLargeTransposedLeft({ inputs: [a], outputs: [y], attributes }: Node<'matmul'>): boolean {
  const { transposeA, transposeB } = attributes;
  const sizes = [...a!.shape, ...y!.shape];
  const plain = transposeA && !transposeB && a!.shape.length === 2;
  return plain && sizes.every((size) => size >= MIN_SIZE_OF_TRANSPOSED_LEFT);
}

/** scale a' b, or (b' a)' where a is the wider one: a left operand with few rows stays in the cache, a right one is packed. */
function productOfTransposedLeft(
  to: Emitter,
  [a, b]: readonly string[],
  output: string,
  [rows, columns]: Shape,
  alpha: OnnxAttribute,
): void {
  const transposed = (x: string, output?: string) =>
    to.node('Transpose', [x], output, { perm: ints([1, 0]) });
  if (rows! <= columns!) to.node('Gemm', [transposed(a!), b!], output, { alpha });
  else transposed(to.node('Gemm', [transposed(b!), a!], undefined, { alpha }), output);
}

function swapIf([rows, columns]: readonly number[], swap: boolean): readonly (number | undefined)[] {
  return swap ? [columns, rows] : [rows, columns];
}

/** For providers without FusedMatMul. */
function batched(
  to: Emitter,
  [a, b]: readonly string[],
  output: string,
  rank: number,
  transposeA: boolean,
  transposeB: boolean,
  scale: number,
): void {
  const order = Array.from({ length: rank }, (_, axis) => axis);
  const perm = { type: 'INTS', ints: [...order.slice(0, -2), rank - 1, rank - 2] } as const;
  const left = transposeA ? to.node('Transpose', [a!], undefined, { perm }) : a!;
  const right = transposeB ? to.node('Transpose', [b!], undefined, { perm }) : b!;
  if (scale === 1) to.node('MatMul', [left, right], output);
  else to.node('Mul', [to.node('MatMul', [left, right]), to.scalar(scale)], output);
}
