/**
 * Chose the defaults of GPT-2 on item tokens (src/models/gpt2/item-options.ts): F1 of means at 10 on validation ratings carved
 * from train, one point at a time. `npx tsx scripts/tune/gpt2-items.ts '{"itemInit":"random","epochs":30}' ...`; a point may
 * set every option of `--tokens items` and every number of `itemDefaults`. SEEDS=1,2,3 says which splits.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alsData } from '../../src/models/factorization/problem.ts';
import {
  completeItemOptions,
  gpt2ItemOptions,
  itemNumbers,
  type ItemInit,
} from '../../src/models/gpt2/item-options.ts';
import { createItemGpt2 } from '../../src/models/gpt2/items/index.ts';
import { solverDefaults } from '../../src/models/mf/options.ts';
import type { Recommender } from '../../src/models/recommender.ts';
import { fitByAls } from '../../src/numeric/als/fit.ts';
import { OnnxTrainee } from '../../src/training/onnx-trainee.ts';
import { searchPoints, threads } from './search.ts';

const folder = await mkdtemp(join(tmpdir(), 'tune-items-'));

function create(point: Record<string, unknown>): Recommender {
  const options = gpt2ItemOptions.parse({ tokens: 'items', ...point });
  const init: ItemInit = options.itemInit;
  const objective = options.itemObjective === 'next' ? 'next' : 'set';
  const numbers = itemNumbers(init, objective);
  const given = Object.keys(numbers).filter((key) => point[key] !== undefined);
  Object.assign(numbers, Object.fromEntries(given.map((key) => [key, point[key]])));
  return createItemGpt2({
    options: completeItemOptions(options, objective),
    async withTrainee(model, use) {
      const trainee = await OnnxTrainee.create(model, threads);
      try {
        return await use(trainee);
      } finally {
        await trainee.dispose();
      }
    },
    fitFactors: (train, factors, context) =>
      fitByAls(alsData(train), { ...solverDefaults.ials, factors }, context),
    ordered: options.itemOrder === 'time' || objective === 'next',
    objective,
    listLength: 10,
    threshold: 4,
    output: join(folder, 'model'),
    log: join(folder, 'log.jsonl'),
  });
}

const points = process.argv.slice(2).map((text) => JSON.parse(text) as Record<string, unknown>);
const seeds = (process.env['SEEDS'] ?? '1,2,3').split(',').map(Number);
try {
  await searchPoints({ dataset: 'ml-latest-small-2016', points, create, seeds });
} finally {
  await rm(folder, { recursive: true });
}
