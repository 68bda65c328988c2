/** Rows of tables, and the loss over a table of classes. */
import { int, text } from '../emitter.ts';
import { notDifferentiable, same, sizeOf, type Rules } from '../graph.ts';
import { shapeError } from './elementwise.ts';

type Lookup =
  | 'gather'
  | 'addRows'
  | 'linearCrossEntropy'
  | 'linearSoftCrossEntropy'
  | 'crossEntropyOfFirst'
  | 'minusOneHot';

/** Below it a logarithm would be infinite. */
const SMALLEST_PROBABILITY = 1e-38;

export const lookup: Pick<Rules, Lookup> = {
  gather: {
    infer: ([table, ids]) => [{ shape: [...ids!.shape, table!.shape[1]!], type: table!.type }],
    emit: (to, inputs, [output]) => to.node('Gather', inputs, output, { axis: int(0) }),
    gradient({ inputs: [table, ids] }, [g]) {
      const count = sizeOf(ids!.shape);
      return [{ ids: ids!.reshape([count]), rows: g!.reshape([count, table!.shape[1]!]) }, undefined];
    },
  },
  addRows: {
    infer([table, ids, rows]) {
      if (!same(rows!.shape, [ids!.shape[0]!, table!.shape[1]!]))
        throw shapeError('addRows', [table!, rows!]);
      return [{ shape: table!.shape, type: 'float32' }];
    },
    // ScatterND would be shorter, but ONNX Runtime 1.30 runs it on several threads that lose additions to one row.
    emit(to, [table, ids, rows], [output], { inputs: [, , given] }) {
      const column = to.node('Reshape', [ids!, to.list([-1, 1])]);
      const reduction = text('add');
      if (to.target === 'webgpu') to.node('ScatterND', [table!, column, rows!], output, { reduction });
      else {
        const each = to.node('Expand', [column, to.list(given!.shape)]);
        to.node('ScatterElements', [table!, each, rows!], output, { axis: int(0), reduction });
      }
    },
    gradient: notDifferentiable,
  },
  // Also gives the probabilities, for the gradient.
  linearCrossEntropy: {
    infer([h, table, targets, weights]) {
      const column = [h!.shape[0]!, 1];
      if (h!.shape[1] !== table!.shape[1] || !same(targets!.shape, column) || !same(weights!.shape, column)) {
        throw shapeError('linearCrossEntropy', [h!, table!, targets!, weights!]);
      }
      return [
        { shape: [], type: 'float32' },
        { shape: [h!.shape[0]!, table!.shape[0]!], type: 'float32' },
      ];
    },
    emit(to, [h, table, targets, weights], [loss, probabilities]) {
      const logits = to.node('Gemm', [h!, table!], undefined, { transB: int(1) });
      to.node('Softmax', [logits], probabilities, { axis: int(-1) });
      const chosen = to.node('GatherElements', [probabilities!, targets!], undefined, { axis: int(1) });
      const crossEntropy = to.node('Neg', [
        to.node('Log', [to.node('Max', [chosen, to.scalar(SMALLEST_PROBABILITY)])]),
      ]);
      to.node('ReduceSum', [to.node('Mul', [crossEntropy, weights!])], loss, { keepdims: int(0) });
    },
    // d loss / d logits is (p - one-hot) w, a row's weight at a time; w goes to the narrow side.
    gradient({ inputs: [h, table, targets, weights], outputs: [, p] }, [g]) {
      const scale = weights!.mul(g!);
      const difference = p!.graph.apply('minusOneHot', [p!, targets!], {})[0]!;
      return [
        difference.matmul(table!).mul(scale),
        difference.matmul(h!.mul(scale), { transposeA: true }),
        undefined,
        undefined,
      ];
    },
  },
  // Also gives the probabilities, for the gradient.
  linearSoftCrossEntropy: {
    infer([h, table, targets, offsets]) {
      const classes = [h!.shape[0]!, table!.shape[0]!];
      const fitting = same(targets!.shape, classes) && same(offsets!.shape, classes);
      if (h!.shape[1] !== table!.shape[1] || !fitting) {
        throw shapeError('linearSoftCrossEntropy', [h!, table!, targets!, offsets!]);
      }
      return [
        { shape: [], type: 'float32' },
        { shape: classes, type: 'float32' },
      ];
    },
    emit(to, [h, table, targets, offsets], [loss, probabilities]) {
      const products = to.node('Gemm', [h!, table!], undefined, { transB: int(1) });
      const logits = to.node('Add', [products, offsets!]);
      to.node('Softmax', [logits], probabilities, { axis: int(-1) });
      const logarithms = to.node('LogSoftmax', [logits], undefined, { axis: int(-1) });
      const weighted = to.node('Mul', [logarithms, targets!]);
      to.node('Neg', [to.node('ReduceSum', [weighted], undefined, { keepdims: int(0) })], loss);
    },
    // d loss / d logits is p times the sum of a row's targets, less the targets.
    gradient({ inputs: [h, table, targets], outputs: [, p] }, [g]) {
      const difference = p!
        .mul(targets!.sum([1]))
        .sub(targets!)
        .mul(g!);
      return [difference.matmul(table!), difference.matmul(h!, { transposeA: true }), undefined, undefined];
    },
  },
  // Also gives the probabilities, for the gradient.
  crossEntropyOfFirst: {
    infer([x, weights]) {
      if (!same(weights!.shape, [x!.shape[0]!, 1])) throw shapeError('crossEntropyOfFirst', [x!, weights!]);
      return [
        { shape: [], type: 'float32' },
        { shape: x!.shape, type: 'float32' },
      ];
    },
    emit(to, [x, weights], [loss, probabilities]) {
      to.node('Softmax', [x!], probabilities, { axis: int(-1) });
      const logarithms = to.node('LogSoftmax', [x!], undefined, { axis: int(-1) });
      const first = to.node('Gather', [logarithms, to.list([0])], undefined, { axis: int(1) });
      const weighted = to.node('Mul', [first, weights!]);
      to.node('Neg', [to.node('ReduceSum', [weighted], undefined, { keepdims: int(0) })], loss);
    },
    gradient({ inputs: [x, weights], outputs: [, p] }, [g]) {
      const first = new Float32Array(x!.shape[1]!);
      first[0] = 1;
      const target = p!.graph.constant(`first of ${p!.name}`, first, [first.length]);
      return [p!.sub(target).mul(weights!.mul(g!)), undefined];
    },
  },
  // x (n, classes) with 1 subtracted at column targets (n, 1) of each row.
  minusOneHot: {
    infer: ([x]) => [{ shape: x!.shape, type: 'float32' }],
    emit(to, [x, targets], [output]) {
      const chosen = to.node('GatherElements', [x!, targets!], undefined, { axis: int(1) });
      const less = to.node('Sub', [chosen, to.scalar(1)]);
      to.node('ScatterElements', [x!, targets!, less], output, { axis: int(1) });
    },
    gradient: notDifferentiable,
  },
};
