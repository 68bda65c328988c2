/** Operations on each entry; two operands broadcast as in NumPy. */
import { text, type Emitter } from '../emitter.ts';
import { notDifferentiable, same, type Rules, type Shape, type Tensor } from '../graph.ts';

type Elementwise =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'min'
  | 'sqrt'
  | 'sigmoid'
  | 'erf'
  | 'exp'
  | 'relu'
  | 'positive'
  | 'gelu'
  | 'dropout';

/** sqrt(2/pi) and the cubic term's factor of GPT-2's GELU. */
const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;

export const elementwise: Pick<Rules, Elementwise> = {
  add: {
    infer: binary,
    emit: emitNode('Add'),
    gradient: ({ inputs: [a, b] }, [g]) => [unbroadcast(g!, a!.shape), unbroadcast(g!, b!.shape)],
  },
  sub: {
    infer: binary,
    emit: emitNode('Sub'),
    gradient: ({ inputs: [a, b] }, [g]) => [unbroadcast(g!, a!.shape), unbroadcast(g!.mul(-1), b!.shape)],
  },
  mul: {
    infer: binary,
    emit: emitNode('Mul'),
    gradient: ({ inputs: [a, b] }, [g]) => [
      unbroadcast(g!.mul(b!), a!.shape),
      unbroadcast(g!.mul(a!), b!.shape),
    ],
  },
  div: {
    infer: binary,
    emit: emitNode('Div'),
    gradient: ({ inputs: [a, b], outputs: [y] }, [g]) => {
      const ga = g!.div(b!);
      return [unbroadcast(ga, a!.shape), unbroadcast(ga.mul(y!).mul(-1), b!.shape)];
    },
  },
  min: { infer: binary, emit: emitNode('Min'), gradient: notDifferentiable },
  sqrt: {
    infer: unary,
    emit: emitNode('Sqrt'),
    gradient: ({ outputs: [y] }, [g]) => [g!.div(y!).mul(0.5)],
  },
  sigmoid: {
    infer: unary,
    emit: emitNode('Sigmoid'),
    gradient: ({ outputs: [y] }, [g]) => [g!.mul(y!).mul(y!.graph.scalar(1).sub(y!))],
  },
  erf: {
    infer: unary,
    emit: emitNode('Erf'),
    gradient: ({ inputs: [x] }, [g]) => [
      x!
        .mul(x!)
        .mul(-1)
        .exp()
        .mul(2 / Math.sqrt(Math.PI))
        .mul(g!),
    ],
  },
  exp: { infer: unary, emit: emitNode('Exp'), gradient: ({ outputs: [y] }, [g]) => [g!.mul(y!)] },
  relu: {
    infer: unary,
    emit: emitNode('Relu'),
    gradient: ({ inputs: [x] }, [g]) => [g!.mul(x!.positive())],
  },
  positive: {
    infer: unary,
    emit: (to, [x], [output]) =>
      to.node('Where', [to.node('Greater', [x!, to.scalar(0)]), to.scalar(1), to.scalar(0)], output),
    gradient: notDifferentiable,
  },
  gelu: {
    infer: unary,
    emit: (to, inputs, [output], { attributes: { approximate } }) =>
      to.node('Gelu', inputs, output, { approximate: text(approximate) }),
    gradient: ({ inputs: [x], attributes: { approximate } }, [g]) => [
      (approximate === 'tanh' ? slopeOfTanhGelu(x!) : slopeOfGelu(x!)).mul(g!),
    ],
  },
  dropout: {
    infer([x, keep]) {
      if (!same(x!.shape, keep!.shape)) throw shapeError('dropout', [x!, keep!]);
      return [x!];
    },
    emit(to, [x, keep], [output], { attributes: { rate } }) {
      to.node('Where', [keep!, to.node('Mul', [x!, to.scalar(1 / (1 - rate))]), to.scalar(0)], output);
    },
    gradient: ({ inputs: [, keep], attributes: { rate } }, [g]) => [g!.dropout(keep!, rate), undefined],
  },
};

/** With s = sigmoid(2u), u = c (x + a x^3): gelu = x s, and its slope is s (1 + x (1 - s) 2u'). */
function slopeOfTanhGelu(x: Tensor): Tensor {
  const square = x.mul(x);
  const s = square
    .mul(2 * GELU_SCALE * GELU_CUBIC)
    .add(2 * GELU_SCALE)
    .mul(x)
    .sigmoid();
  const inner = square
    .mul(6 * GELU_SCALE * GELU_CUBIC)
    .add(2 * GELU_SCALE)
    .mul(x);
  return s.graph.scalar(1).sub(s).mul(inner).add(1).mul(s);
}

/** The normal distribution function plus x times its density. */
function slopeOfGelu(x: Tensor): Tensor {
  const below = x.mul(Math.SQRT1_2).erf().add(1).mul(0.5);
  const density = x
    .mul(x)
    .mul(-0.5)
    .exp()
    .mul(1 / Math.sqrt(2 * Math.PI));
  return below.add(x.mul(density));
}

function emitNode(opType: string) {
  return (to: Emitter, inputs: readonly string[], [output]: readonly string[]): void => {
    to.node(opType, inputs, output);
  };
}

function unary([x]: readonly Tensor[]) {
  return [{ shape: x!.shape, type: x!.type }];
}

function binary([a, b]: readonly Tensor[]) {
  const rank = Math.max(a!.shape.length, b!.shape.length);
  const size = ({ shape }: Tensor, axis: number) => shape[shape.length - rank + axis] ?? 1;
  const shape = Array.from({ length: rank }, (_, axis) => {
    const [left, right] = [size(a!, axis), size(b!, axis)];
    if (left !== right && left !== 1 && right !== 1) throw shapeError('broadcasting', [a!, b!]);
    return left === 1 ? right : left;
  });
  return [{ shape, type: a!.type }];
}

/** The gradient of what was broadcast from `shape`: sums over the axes along which it was repeated. */
export function unbroadcast(gradient: Tensor, shape: Shape): Tensor {
  const added = gradient.shape.length - shape.length;
  const axes = [...gradient.shape.keys()].filter(
    (axis) => axis < added || (shape[axis - added] === 1 && gradient.shape[axis] !== 1),
  );
  return gradient.sum(axes).reshape(shape);
}

/** The error of a rule whose inputs' shapes do not go together. */
export function shapeError(op: string, inputs: readonly Tensor[]): RangeError {
  return new RangeError(`${op} of ${inputs.map(({ shape }) => `[${shape.join(', ')}]`).join(' and ')}`);
}
