/** GPT-2 over item tokens as a recommender: ranks all movies in one pass, reasons by the shared rule. */
import type { TrainingSet } from '../../../data/training-set.ts';
import { describeHistory } from '../../../language/history.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import { quantizeRate } from '../../../training/dropout.ts';
import type { WithTrainee } from '../../../training/trainable.ts';
import type { Exchange, LanguageFitted } from '../../language-model.ts';
import type { FitContext, Recommender, TopK } from '../../recommender.ts';
import { itemsOfRow } from '../../top-k.ts';
import {
  adaptersOf,
  itemNumbers,
  itemSizes,
  PROMPT_SHARE,
  type CompleteItemOptions,
} from '../item-options.ts';
import { contextLengthOf, loadBase, type BaseModel } from '../network/base.ts';
import { gpt2ConfigSchema, type Gpt2Config } from '../network/config.ts';
import { writeList } from '../prompt/listed.ts';
import type { ItemObjective } from './batches.ts';
import { fitItems, type ItemFitOptions } from './fitting/fit.ts';
import { itemHistories, type ItemVocabulary } from './histories.ts';
import { ItemPredictor } from './predictor.ts';
import { rankMovies } from './ranking.ts';
import { SPARE_COLUMNS } from './fitting/start.ts';
import { stateOfItems } from './usable.ts';

/** Name and version that records keep: history as item tokens, the list as titles with reasons by rule. */
const TEMPLATE_NAME = 'items@1';

export interface ItemGpt2Parts {
  options: CompleteItemOptions;
  withTrainee: WithTrainee;
  /** Factors of implicit ALS, (items, k) row-major by item index, for --item-init als. */
  fitFactors: (
    train: TrainingSet,
    factors: number,
    context: FitContext,
  ) => Promise<{ k: number; itemFactors: Float32Array }>;
  /** Ratings by time. */
  ordered: boolean;
  objective: ItemObjective;
  /** Entries of the lists that validation measures. */
  listLength: number;
  /** Stars from which a training rating counts as liked. */
  threshold: number;
  /** Movies from which on the softmax is sampled; by default 100,000. */
  sampledAbove?: number;
  /** Folder for checkpoints. */
  output: string;
  /** File for a line per update. */
  log: string;
  /** The only movies that a user may get, as item indices; by default all that the user has not rated. */
  candidates?: (user: number) => Int32Array;
}

export interface ItemGpt2Fitted extends LanguageFitted {
  /** Name of the GPT-2 of words that it started from. */
  base?: string;
  config: Gpt2Config;
  parameters: Parameters;
  vocabulary: ItemVocabulary;
  train: TrainingSet;
}

/** Untrained. `fit` throws as `loadBase` and `runTraining` do. */
export function createItemGpt2(parts: ItemGpt2Parts): Recommender<ItemGpt2Fitted> {
  return {
    name: 'gpt2-items',
    async fit(train, context) {
      const { model, preset } = parts.options;
      const base =
        model === undefined
          ? undefined
          : await loadBase({ model, preset, init: 'pretrained' }, context, context.rng);
      const config = configOf(parts, base);
      const { parameters, vocabulary, facts } = await fitItems(
        fitOptions(parts, config, base),
        parts.withTrainee,
        train,
        context,
      );
      const exchanges: Exchange[] = [];
      return {
        ...(base && { base: base.name }),
        config,
        parameters,
        vocabulary,
        train,
        facts,
        exchanges,
        template: TEMPLATE_NAME,
        save: () => {
          const { ordered, objective } = parts;
          return stateOfItems({ config, parameters, vocabulary, ordered, objective });
        },
        async recommend(users, k) {
          const { threshold, ordered, objective, options, candidates } = parts;
          const predictor = new ItemPredictor(config, context.threads);
          try {
            const histories = itemHistories(train, vocabulary, users, threshold);
            const { batchSize } = options;
            const sampling = { contextLength: config.n_positions, batchSize, ordered, objective };
            const drawn = { rng: context.rng.derive('prompts'), signal: context.signal };
            const states = await predictor.states(parameters, histories, sampling, drawn);
            const { threads, signal } = context;
            const lists = await rankMovies(parameters, vocabulary, states, train, {
              users,
              k,
              threads,
              signal,
              ...(candidates && { candidates }),
            });
            for (const [row, user] of users.entries()) {
              exchanges.push(describeList(train, user, lists, row, config.n_positions - 1));
            }
            return lists;
          } finally {
            await predictor.dispose();
          }
        },
      };
    },
  };
}

/**
 * Sizes of the preset, or of the base model with the context of a preset. Throws DataError for a longer context than the
 * base has.
 */
function configOf({ options, objective }: ItemGpt2Parts, base: BaseModel | undefined): Gpt2Config {
  const { preset, contextLength, dropout } = options;
  const size = itemSizes[objective][preset];
  const positions = base
    ? contextLengthOf(base.config, contextLength ?? Math.min(size.n_positions, base.config.n_positions))
    : (contextLength ?? size.n_positions);
  return gpt2ConfigSchema.parse({
    ...(base ? { ...base.config, tie_word_embeddings: true } : { model_type: 'gpt2', ...size }),
    n_positions: positions,
    embd_pdrop: quantizeRate(itemNumbers(options, objective).embeddingDropout),
    attn_pdrop: 0,
    resid_pdrop: quantizeRate(dropout),
  });
}

function fitOptions(parts: ItemGpt2Parts, config: Gpt2Config, base: BaseModel | undefined): ItemFitOptions {
  const { options, fitFactors, ordered, objective, threshold, listLength, output, log } = parts;
  const { logitDeviation, biasScale, targetExponent } = itemNumbers(options, objective);
  const spare = objective === 'set' ? SPARE_COLUMNS : 0;
  return {
    config,
    ordered,
    objective,
    threshold,
    listLength,
    output,
    log,
    ...(parts.sampledAbove !== undefined && { sampledAbove: parts.sampledAbove }),
    settings: { promptShare: PROMPT_SHARE, logitDeviation, biasScale, targetExponent },
    training: options,
    adapters: adaptersOf(options),
    ...(base && { base }),
    ...(base === undefined &&
      options.itemInit === 'als' && {
        factors: (train: TrainingSet, context: FitContext) =>
          fitFactors(train, config.n_embd - spare, context),
      }),
  };
}

/** A list as text: titles of the movies, each with a reason by the rule of the prompt template. */
function describeList(
  train: TrainingSet,
  user: number,
  lists: TopK,
  row: number,
  maxMovies: number,
): Exchange {
  const history = describeHistory(train, user, { maxMovies });
  const { reply, entries } = writeList(train, user, [...itemsOfRow(lists, row)], history.items);
  return { user, history, state: entries.length > 0 ? 'answered' : 'empty', reply, entries };
}
