/**
 * What a person loses by not being in the training data, for every model that takes people up: a fifth of the users at a
 * time is left out of the fit and folded in from the training ratings.
 * `npx tsx scripts/fold-in/index.ts [--dataset NAME] [--threshold STARS] [--models mf,ease] [--output FILE]` prints the table, and
 * writes the record to FILE (that of the embedded data is results/fold_in.json).
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { environment, Stopwatch } from '../../src/experiment/environment.ts';
import { prepare } from '../../src/experiment/prepare.ts';
import { dataSchema, protocolSchema } from '../../src/experiment/protocol.ts';
import { describeDataset } from '../../src/experiment/record.ts';
import { jsonText } from '../../src/experiment/store.ts';
import { specOf } from '../../src/models/registry.ts';
import { writeFileAtomic } from '../../src/util/files.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { foldInQuality } from './held-out.ts';
import { foldInRows, type FoldInRecord } from './record.ts';

const GROUPS = 5;
const MODELS = ['popularity-count', 'mf', 'fm', 'ease'];

const text = { type: 'string' } as const;
const options = { dataset: text, threshold: text, models: text, output: text };
const { dataset, threshold, models: names = MODELS.join(), output } = parseArgs({ options }).values;
const context = { progress: silentProgress, signal: new AbortController().signal };
const data = dataSchema.parse({ dataset });
const protocol = protocolSchema.parse(threshold === undefined ? {} : { threshold: Number(threshold) });
const prepared = await prepare(data, protocol, context, new Stopwatch());
const models: FoldInRecord['models'] = [];
for (const name of names.split(',')) {
  models.push(
    await foldInQuality(prepared, specOf(name), { groups: GROUPS, threads: availableParallelism() }),
  );
  process.stderr.write(`${name}\n`);
}
const record: FoldInRecord = {
  schemaVersion: 1,
  dataset: describeDataset(prepared.dataset),
  protocol: prepared.protocol,
  users: prepared.evaluable.length,
  groups: GROUPS,
  models,
  environment: environment(),
};
if (output !== undefined) await writeFileAtomic(output, jsonText(record));
for (const row of foldInRows(record)) console.log(row.join('\t'));
