/** `finetune-gpt2`: fine-tune, save the model, recommend for a sample of users, score, compare with baselines. */
import { join } from 'node:path';
import { saveModel } from '../../models/gpt2/network/base.ts';
import type { Engine } from '../../models/gpt2/engine/engine.ts';
import { createGpt2, type Gpt2Fitted } from '../../models/gpt2/index.ts';
import type { Gpt2GenerateOptions, Gpt2ModelOptions, Gpt2TrainOptions } from '../../models/gpt2/options.ts';
import { writeAdapter } from '../../models/gpt2/network/peft.ts';
import { templateName } from '../../models/gpt2/prompt/template.ts';
import { createModel, specOf } from '../../models/registry.ts';
import { UsageError } from '../../util/errors.ts';
import { Rng } from '../../util/rng.ts';
import { Stopwatch } from '../environment.ts';
import { chooseUsers, languagePart } from './texts.ts';
import { prepare, type Prepared } from '../prepare.ts';
import type { DataOptions, Protocol } from '../protocol.ts';
import type { LanguageRecord, ModelResult } from '../record.ts';
import type { RunContext } from '../run.ts';
import { buildRecord, scoreLists } from '../score.ts';

export interface Gpt2Spec {
  options: Gpt2ModelOptions & Gpt2TrainOptions & Gpt2GenerateOptions;
  data: DataOptions;
  protocol: Protocol;
  /** Names of models to evaluate on the same users. */
  compareWith: string[];
  resultsDir: string;
}

/**
 * Same spec, same numbers on the same machine. Throws RecsysError when the base model cannot be had, DataError for bad
 * data, AbortedError when the signal fires (the last checkpoint is kept; `options.resume` continues).
 */
export async function runGpt2(spec: Gpt2Spec, engine: Engine, context: RunContext): Promise<LanguageRecord> {
  const { options, protocol, resultsDir } = spec;
  const watch = new Stopwatch();
  const prepared = await prepare(spec.data, protocol, context, watch);
  if (prepared.dataset.movies.titles.every((title) => title === '')) {
    throw new UsageError({
      place: '--train',
      found: 'ratings without titles',
      wanted: 'titles to write histories and lists with',
      remedy: 'Add --dataset NAME|DIR, whose movies.csv has them.',
    });
  }
  const count = options.numUsers ?? prepared.evaluable.length;
  const users = chooseUsers(prepared, { count });
  const listLength = protocol.k.at(-1)!;
  const output = options.output ?? join(resultsDir, 'gpt2');
  const log = join(resultsDir, 'gpt2_training.jsonl');
  context.progress.note(`engine: ${engine.description}`);
  const recommender = createGpt2({ options, engine, listLength, threshold: protocol.threshold, output, log });
  const rng = new Rng(protocol.seed).derive('model:gpt2');
  const fitted = await watch.time('gpt2.fit', () => recommender.fit(prepared.train, { ...context, rng }));
  await watch.time('gpt2.save', () => save(fitted, output, options.merge));
  context.progress.note(`saved ${output}`);
  const topK = await watch.time('gpt2.recommend', () => fitted.recommend(users, listLength));
  const model = { name: 'gpt2', model: 'gpt2', hyperparameters: shapingOptions(options) };
  const result = scoreLists(prepared, model, { users, ...topK }, { fitted, asked: users });
  const models = [result, ...(await company(spec, prepared, users, context, watch))];
  return {
    ...buildRecord('gpt2', prepared, models, watch),
    language: languagePart(prepared, templateName, fitted.exchanges, details(fitted)),
  };
}

/** A model that `from_pretrained` loads; with LoRA its adapters, and the merged model beside them when asked for. */
async function save(
  { model, outcome: { adapter } }: Gpt2Fitted,
  output: string,
  merge: boolean,
): Promise<void> {
  if (adapter === undefined) return await saveModel(output, model);
  await writeAdapter(output, adapter, model.name);
  await model.tokenizer.save(output);
  if (merge) await saveModel(join(output, 'merged'), model);
}

/** Options that do not shape the numbers: where files go, how often, and how much memory or time is taken. */
const practical = new Set([
  'output',
  'resume',
  'merge',
  'checkpointEvery',
  'checkpointing',
  'generationBatch',
  'gpu',
]);

function shapingOptions(options: Gpt2Spec['options']): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !practical.has(name)));
}

function details({ exchanges, model: { name, config } }: Gpt2Fitted): Record<string, unknown> {
  const ranked = exchanges.filter(({ exact }) => exact !== undefined);
  const { n_layer, n_head, n_embd, n_positions, vocab_size } = config;
  return {
    base: name,
    architecture: { n_layer, n_head, n_embd, n_positions, vocab_size },
    ...(ranked.length > 0 && { exactRankings: ranked.filter(({ exact }) => exact).length / ranked.length }),
  };
}

/** The baselines on the same users. */
async function company(
  { compareWith }: Gpt2Spec,
  prepared: Prepared,
  users: Int32Array,
  context: RunContext,
  watch: Stopwatch,
): Promise<ModelResult[]> {
  const results: ModelResult[] = [];
  for (const name of compareWith) {
    const spec = specOf(name);
    const rng = new Rng(prepared.protocol.seed).derive(`model:${name}`);
    await watch.time(name, async () => {
      const model = await createModel(spec);
      const fitted = await model.fit(prepared.train, { ...context, rng });
      const lists = await fitted.recommend(users, prepared.protocol.k.at(-1)!);
      await fitted.dispose?.();
      results.push(scoreLists(prepared, spec, { users, ...lists }, { asked: users }));
    });
  }
  return results;
}
