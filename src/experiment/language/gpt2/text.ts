/** GPT-2 under the protocol: fine-tuned, saved, asked for lists. */
import { join } from 'node:path';
import type { Engine } from '../../../models/gpt2/engine/engine.ts';
import { createGpt2, type Gpt2Fitted } from '../../../models/gpt2/index.ts';
import { saveModel } from '../../../models/gpt2/network/base.ts';
import { removeCheckpoint } from '../../../models/gpt2/network/checkpoint.ts';
import { writeAdapter } from '../../../models/gpt2/network/peft.ts';
import { completeGpt2Options, gpt2Options, type Gpt2Options } from '../../../models/gpt2/options.ts';
import { optionsAffectingResult } from '../../../util/options.ts';
import type { LanguageRecord } from '../../record.ts';
import type { RunContext, RunnableModel } from '../../run.ts';
import { MERGED } from './base-kept.ts';
import { runFineTuned, type FineTuningPlace, type FineTuningSpec } from './fine-tune.ts';

export interface Gpt2Spec extends FineTuningSpec {
  options: Gpt2Options;
}

/**
 * Same spec, same numbers on the same machine. Throws RecsysError when the base model cannot be had, DataError for bad
 * data, AbortedError when the signal fires (the last checkpoint is kept; `options.resume` continues).
 */
export async function runGpt2(spec: Gpt2Spec, engine: Engine, context: RunContext): Promise<LanguageRecord> {
  const makeModel = (place: FineTuningPlace) => gpt2Model(spec, engine, place, context);
  return await runFineTuned(spec, engine, { makeModel, describeModel, needsTitles: true }, context);
}

/** GPT-2 for the runner. Writes checkpoints and the trained model to `place.output`. */
export function gpt2Model(
  { options: given, protocol }: Pick<Gpt2Spec, 'options'> & { protocol: { k: readonly number[] } },
  engine: Engine,
  place: FineTuningPlace,
  context: RunContext,
): RunnableModel<Gpt2Fitted> {
  const options = completeGpt2Options(given);
  const listLength = Math.max(...protocol.k);
  const { output } = place;
  const parts = { ...place, options, engine, listLength };
  return {
    name: 'gpt2',
    model: 'gpt2',
    hyperparameters: optionsAffectingResult(gpt2Options, options),
    create: () => Promise.resolve(createGpt2(parts)),
    async save(fitted) {
      await saveFitted(fitted, output, options.merge);
      context.progress.note(`saved ${output}`);
    },
  };
}

/**
 * A model that `from_pretrained` loads; with LoRA its adapters, and the merged model beside them when asked for. A merged
 * model of an earlier run goes first, so that none ever stands beside other adapters.
 */
async function saveFitted(
  { model, outcome: { adapter } }: Gpt2Fitted,
  output: string,
  merge: boolean,
): Promise<void> {
  const merged = join(output, MERGED);
  await removeCheckpoint(merged);
  if (adapter === undefined) return await saveModel(output, model);
  await model.tokenizer.save(output);
  await writeAdapter(output, adapter, model.name);
  if (merge) await saveModel(merged, model);
}

function describeModel({ exchanges, model: { name, config } }: Gpt2Fitted): Record<string, unknown> {
  const ranked = exchanges.filter(({ complete }) => complete !== undefined);
  const { n_layer, n_head, n_embd, n_positions, vocab_size } = config;
  return {
    base: name,
    architecture: { n_layer, n_head, n_embd, n_positions, vocab_size },
    ...(ranked.length > 0 && {
      exactRankings: ranked.filter(({ complete }) => complete).length / ranked.length,
    }),
  };
}
