// recsys as a library: `node examples/library.mjs`, after `npm ci`. The numbers are those of `recsys baseline`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluate, fit, loadDataset, loadModel, saveModel, split } from 'recsys';

const data = split(await loadDataset('ml-latest-small-2016'), { seed: 42, k: [10] });
for (const name of ['popularity-count', 'mf']) {
  const model = await fit(name, data); // a third argument gives options: { factors: 32 }
  const { metrics } = await evaluate(model, data);
  console.log(`${name}: NDCG@10 ${metrics[10].ndcg.mean.toFixed(4)}`);

  // The five best movies for the first user, from the model as it was saved.
  const folder = await mkdtemp(join(tmpdir(), 'recsys-example-'));
  await saveModel(model, data, folder);
  await model.dispose?.();
  const saved = await loadModel(folder);
  const { items } = await saved.model.recommend(Int32Array.of(0), 5);
  console.log(`  ${Array.from(items, (item) => data.dataset.movies.titles[item]).join(', ')}`);
  await rm(folder, { recursive: true });
}
