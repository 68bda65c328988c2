/** GPT-2 over item tokens under the protocol: trained, saved, asked for lists. */
import { alsData } from '../../../models/factorization/problem.ts';
import type { Engine } from '../../../models/gpt2/engine/engine.ts';
import {
  completeItemOptions,
  gpt2ItemOptions,
  itemTask,
  type Gpt2ItemOptions,
} from '../../../models/gpt2/item-options.ts';
import { saveItems } from '../../../models/gpt2/items/folder.ts';
import { createItemGpt2, type ItemGpt2Fitted, type ItemGpt2Parts } from '../../../models/gpt2/items/index.ts';
import { solverDefaults } from '../../../models/mf/options.ts';
import { fitByAls } from '../../../numeric/als/fit.ts';
import { UsageError } from '../../../util/errors.ts';
import { optionsAffectingResult } from '../../../util/options.ts';
import type { LanguageRecord } from '../../record.ts';
import type { RunContext, RunnableModel } from '../../run.ts';
import { runFineTuned, type FineTuningPlace, type FineTuningSpec } from './fine-tune.ts';
import type { Gpt2Setting } from './token-kinds.ts';

export interface ItemGpt2Spec extends FineTuningSpec {
  options: Gpt2ItemOptions;
}

/**
 * Same spec, same numbers on the same machine. Throws UsageError for an engine that cannot train it, DataError for bad
 * data, AbortedError when the signal fires (the last checkpoint is kept; `options.resume` continues).
 */
export function runItemGpt2(
  spec: ItemGpt2Spec,
  engine: Engine,
  context: RunContext,
): Promise<LanguageRecord> {
  const makeModel = (place: FineTuningPlace) => itemModel(spec, engine, place, context);
  return runFineTuned(spec, engine, { makeModel, describeModel, needsTitles: false }, context);
}

/** Item GPT-2 for the runner, and for a fit for use, whose `split` may be "none". */
export function itemModel(
  { options: given, data, protocol }: Pick<ItemGpt2Spec, 'options'> & Gpt2Setting,
  { withTrainee }: Engine,
  place: FineTuningPlace,
  context: RunContext,
): RunnableModel<ItemGpt2Fitted> {
  const { ordered, objective } = itemTask(given, { data, protocol });
  const options = completeItemOptions(given, objective);
  if (withTrainee === undefined) {
    throw new UsageError({
      place: '--tokens items',
      found: `--engine ${options.engine}`,
      wanted: '--engine onnx, which alone has it',
    });
  }
  const parts: ItemGpt2Parts = {
    ...place,
    options,
    withTrainee,
    fitFactors: (train, factors, context) =>
      fitByAls(alsData(train), { ...solverDefaults.ials, factors }, context),
    ordered,
    objective,
    listLength: Math.max(...protocol.k),
  };
  return {
    name: 'gpt2-items',
    model: 'gpt2',
    hyperparameters: optionsAffectingResult(gpt2ItemOptions, options),
    create: () => Promise.resolve(createItemGpt2(parts)),
    async save({ config, parameters, vocabulary, train }) {
      await saveItems(place.output, config, parameters, vocabulary, train);
      context.progress.note(`saved ${place.output}`);
    },
  };
}

function describeModel({ base, config, vocabulary }: ItemGpt2Fitted): Record<string, unknown> {
  const { n_layer, n_head, n_embd, n_positions } = config;
  return {
    ...(base !== undefined && { base }),
    architecture: { n_layer, n_head, n_embd, n_positions },
    movieTokens: vocabulary.catalogue.length,
  };
}
