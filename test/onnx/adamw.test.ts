import { expect, it } from 'vitest';
import { HostOptimizer } from '../../src/onnx/host-optimizer.ts';

/** torch.optim.AdamW's documentation, with its defaults: betas 0.9 and 0.999, epsilon 1e-8. Numbers in float64. */
function referenceUpdates(gradients: number[], rate: number, decay: number, start: number): number {
  let [weight, first, second] = [start, 0, 0];
  for (const [n, gradient] of gradients.entries()) {
    weight -= rate * decay * weight;
    first = 0.9 * first + 0.1 * gradient;
    second = 0.999 * second + 0.001 * gradient ** 2;
    const [m, v] = [first / (1 - 0.9 ** (n + 1)), second / (1 - 0.999 ** (n + 1))];
    weight -= (rate * m) / (Math.sqrt(v) + 1e-8);
  }
  return weight;
}

it('AdamW on the host is PyTorch’s: constants, bias correction, decay of matrices and not of vectors', async () => {
  const tensors = new Map([
    ['matrix', { shape: [1, 1], decay: true }],
    ['vector', { shape: [1], decay: false }],
  ]);
  const optimizer = await HostOptimizer.create(tensors, 1);
  const gradients = [0.5, -0.25, 0.125, 0.5];
  for (const name of tensors.keys()) optimizer.values('weight', name)[0] = 2;
  for (const gradient of gradients) {
    for (const name of tensors.keys()) optimizer.values('gradient', name)[0] = gradient;
    const norm = await optimizer.gradientNorm();
    expect(norm).toBeCloseTo(Math.abs(gradient) * Math.SQRT2, 6);
    await optimizer.update(norm, { learningRate: 0.1, weightDecay: 0.5, clipNorm: 10 });
  }
  const [matrix, vector] = ['matrix', 'vector'].map((name) => optimizer.values('weight', name)[0]!);
  await optimizer.dispose();
  expect(matrix).toBeCloseTo(referenceUpdates(gradients, 0.1, 0.5, 2), 5);
  expect(vector).toBeCloseTo(referenceUpdates(gradients, 0.1, 0, 2), 5);
});
