/** A fitted model of the checkerboard, ready to be saved. */
import { specOf } from '../../src/models/registry.ts';
import type { ModelToSave } from '../../src/use/saved-model.ts';
import { checkerboard, fitContext } from '../support/datasets.ts';

export async function checkerboardModel(
  seed: number,
  name = 'mf',
  options: Record<string, unknown> = { factors: 8 },
): Promise<ModelToSave> {
  const { train } = checkerboard();
  const spec = specOf(name, options);
  const fitted = await (await spec.create()).fit(train, fitContext(seed));
  const dataset = { name: 'checkerboard', files: [] };
  const fittedOn = { split: 'none', seed, splitDigest: '', trainRatings: train.ratings.users.length };
  return { spec, state: fitted.save!(), facts: fitted.facts ?? {}, dataset, train, fittedOn };
}
