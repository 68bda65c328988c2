/** Item GPT-2 on ONNX Runtime with factors of a small implicit ALS. */
import { join } from 'node:path';
import { alsData } from '../../../../src/models/factorization/problem.ts';
import { completeItemOptions, gpt2ItemOptions } from '../../../../src/models/gpt2/item-options.ts';
import { createItemGpt2, type ItemGpt2Parts } from '../../../../src/models/gpt2/items/index.ts';
import { solverDefaults } from '../../../../src/models/mf/options.ts';
import { fitByAls } from '../../../../src/numeric/als/fit.ts';
import { OnnxTrainee } from '../../../../src/training/onnx-trainee.ts';
import type { WithTrainee } from '../../../../src/training/trainable.ts';

export function withTraineeOn(threads: number): WithTrainee {
  return async (model, use) => {
    const trainee = await OnnxTrainee.create(model, threads);
    try {
      return await use(trainee);
    } finally {
      await trainee.dispose();
    }
  };
}

/** The model with checkpoints in `folder`; its lists are validated at 5 entries. */
export function itemModelIn(
  folder: string,
  typed: Record<string, unknown>,
  parts: Partial<ItemGpt2Parts> = {},
) {
  return createItemGpt2({
    options: completeItemOptions(
      gpt2ItemOptions.parse({ tokens: 'items', ...typed }),
      parts.objective ?? 'set',
    ),
    withTrainee: withTraineeOn(1),
    fitFactors: (train, _, context) =>
      fitByAls(alsData(train), { ...solverDefaults.ials, factors: 8, iterations: 4 }, context),
    ordered: parts.objective === 'next',
    objective: 'set',
    listLength: 5,
    threshold: 4,
    output: folder,
    log: join(folder, 'log.jsonl'),
    ...parts,
  });
}
