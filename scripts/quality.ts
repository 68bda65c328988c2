/**
 * Every model on one data set over split seeds 1, 2 and 3: means of the metrics at 10, and RMSE where stars are
 * predicted. `npx tsx scripts/quality.ts DATASET [model,model,...]` prints a Markdown table.
 */
import { availableParallelism } from 'node:os';
import { dataSchema, protocolSchema } from '../src/experiment/protocol.ts';
import type { ModelResult } from '../src/experiment/record.ts';
import { runExperiment } from '../src/experiment/run.ts';
import { modelNames, specOf } from '../src/models/registry.ts';
import { mean } from '../src/util/arrays.ts';
import { silentProgress } from '../src/util/progress.ts';

const [dataset = 'ml-latest-small-2016', list] = process.argv.slice(2);
const names = list?.split(',') ?? modelNames;
const seeds = [1, 2, 3];
const results = new Map<string, ModelResult[]>(names.map((name) => [name, []]));
for (const seed of seeds) {
  const { record } = await runExperiment(
    {
      experiment: 'quality',
      data: dataSchema.parse({ dataset }),
      protocol: protocolSchema.parse({ seed }),
      models: names.map((name) => specOf(name)),
    },
    { progress: silentProgress, signal: new AbortController().signal, threads: availableParallelism() },
  );
  for (const model of record.models) results.get(model.name)!.push(model);
}

const columns = ['precision', 'recall', 'f1', 'f1OfMeans', 'ndcg'] as const;
console.log(`| ${dataset}, seeds 1 to 3 | P@10 | R@10 | F1@10 | F1 of means@10 | NDCG@10 | RMSE |`);
console.log('| --- | --: | --: | --: | --: | --: | --: |');
for (const [name, models] of results) {
  const meanOf = (value: (model: ModelResult) => number) => mean(models.map(value)).toFixed(4);
  const cells = columns.map((column) => meanOf(({ metrics }) => metrics['10']![column].mean));
  const rmse = models[0]!.ratingPrediction ? meanOf(({ ratingPrediction }) => ratingPrediction!.rmse) : '';
  console.log(`| ${name} | ${cells.join(' | ')} | ${rmse} |`);
}
