/** Operations that move, repeat or add up entries. */
import { int, ints } from '../emitter.ts';
import { concat, same, sizeOf, type Rules, type Tensor } from '../graph.ts';
import { shapeError, unbroadcast } from './elementwise.ts';

type Shaping =
  'reshape' | 'expand' | 'zeros' | 'transpose' | 'split' | 'concat' | 'sum' | 'mean' | 'sumSquares';

export const shaping: Pick<Rules, Shaping> = {
  reshape: {
    infer([x], { shape }) {
      if (sizeOf(x!.shape) !== sizeOf(shape))
        throw new RangeError(`reshape of [${x!.shape.join(', ')}] to [${shape.join(', ')}]`);
      return [{ shape, type: x!.type }];
    },
    emit: (to, [x], [output], { attributes: { shape } }) => to.node('Reshape', [x!, to.list(shape)], output),
    gradient: ({ inputs: [x] }, [g]) => [g!.reshape(x!.shape)],
  },
  expand: {
    infer: ([x], { shape }) => [{ shape, type: x!.type }],
    emit: (to, [x], [output], { attributes: { shape } }) => to.node('Expand', [x!, to.list(shape)], output),
    gradient: ({ inputs: [x] }, [g]) => [unbroadcast(g!, x!.shape)],
  },
  zeros: {
    infer: (_, { shape }) => [{ shape, type: 'float32' }],
    emit: (to, _, [output], { attributes: { shape } }) =>
      to.node('ConstantOfShape', [to.list(shape)], output),
    gradient: () => [],
  },
  transpose: {
    infer: ([x], { order }) => [{ shape: order.map((axis) => x!.shape[axis]!), type: x!.type }],
    emit: (to, inputs, [output], { attributes: { order } }) =>
      to.node('Transpose', inputs, output, { perm: ints(order) }),
    gradient: ({ attributes: { order } }, [g]) => [g!.transpose(order.map((_, axis) => order.indexOf(axis)))],
  },
  split: {
    infer([x], { sizes }) {
      if (sizes.reduce((sum, size) => sum + size) !== x!.shape.at(-1)) {
        throw new RangeError(`split of [${x!.shape.join(', ')}] into ${sizes.join(', ')}`);
      }
      return sizes.map((size) => ({ shape: [...x!.shape.slice(0, -1), size], type: x!.type }));
    },
    emit: (to, [x], outputs, { attributes: { sizes } }) =>
      to.node('Split', [x!, to.list(sizes)], outputs, { axis: int(-1) }),
    gradient: ({ outputs }, gs) => [concat(outputs.map((part, i) => gs[i] ?? part.graph.zeros(part.shape)))],
  },
  concat: {
    infer(parts) {
      const [{ shape, type }] = parts as [Tensor];
      const leading = shape.slice(0, -1);
      if (parts.some((part) => !same(part.shape.slice(0, -1), leading))) throw shapeError('concat', parts);
      return [{ shape: [...leading, parts.reduce((sum, part) => sum + part.shape.at(-1)!, 0)], type }];
    },
    emit: (to, inputs, [output]) => to.node('Concat', inputs, output, { axis: int(-1) }),
    gradient: ({ inputs }, [g]) => g!.split(inputs.map(({ shape }) => shape.at(-1)!)),
  },
  sum: {
    infer: reduced,
    emit: (to, [x], [output], { attributes: { axes } }) =>
      to.node('ReduceSum', [x!, to.list(axes)], output, { keepdims: int(1) }),
    gradient: ({ inputs: [x] }, [g]) => [g!.expand(x!.shape)],
  },
  mean: {
    infer: reduced,
    emit: (to, [x], [output], { attributes: { axes } }) =>
      to.node('ReduceMean', [x!, to.list(axes)], output, { keepdims: int(1) }),
    gradient: ({ inputs: [x], outputs: [y] }, [g]) => [
      g!.mul(sizeOf(y!.shape) / sizeOf(x!.shape)).expand(x!.shape),
    ],
  },
  sumSquares: {
    infer: () => [{ shape: [], type: 'float32' }],
    emit: (to, inputs, [output]) => to.node('ReduceSumSquare', inputs, output, { keepdims: int(0) }),
    gradient: ({ inputs: [x] }, [g]) => [x!.mul(g!).mul(2)],
  },
};

function reduced([x]: readonly Tensor[], { axes }: { axes: readonly number[] }) {
  return [{ shape: x!.shape.map((size, axis) => (axes.includes(axis) ? 1 : size)), type: x!.type }];
}
