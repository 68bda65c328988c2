/**
 * A text GPT-2 of the liked template in use: saved and loaded with its calibration, asked about users of the data and about
 * people who are not in them.
 */
import { z } from 'zod';
import type { Csr } from '../../../data/csr.ts';
import type { TrainingSet } from '../../../data/training-set.ts';
import { loadTokenizer } from '../../../huggingface/tokenizer.ts';
import { DataError } from '../../../util/errors.ts';
import type { Rng } from '../../../util/rng.ts';
import { indicesOf } from '../../../util/sparse-rows.ts';
import type { SavedState } from '../../recommender.ts';
import { savedArray, savedSettings, settingsArray, type Selection, type UsableModel } from '../../saved.ts';
import { topKOf, type ScoredItem } from '../../top-k.ts';
import { rankByLikelihood, titleOffsets } from '../decoding/likelihood.ts';
import { OnnxDecoder } from '../decoding/onnx.ts';
import { AllowedTitles } from '../decoding/trie.ts';
import { gpt2ConfigSchema, parameterShapes } from '../network/config.ts';
import type { BaseModel } from '../network/base.ts';
import { savedParameters } from '../network/saved.ts';
import { genreReasons } from '../prompt/listed.ts';
import { offsetsOf, type Calibration } from './calibration.ts';
import { likedTemplateName, LikedTemplate, type Taste } from './template.ts';
import { choosePrompt, tasteOf } from './texts.ts';
import { choiceTitles, titleTrie } from './title-tree.ts';

/** Tokens of the context that are left for a title behind a prompt. */
export const TITLE_TOKENS = 48;

/** What ranking needs beside the network. */
export interface LikedRanking {
  /** See `priorOf`. */
  prior: Float32Array;
  weights: Calibration;
  /** Stars from which a rating counts as liked. */
  threshold: number;
  contextLength: number;
  /** Prefixes of titles kept per user and token. */
  width: number;
  /** The network was trained on choices between titles. */
  choosing: boolean;
}

/** Users whose prompts are computed together. */
const USERS_PER_BATCH = 16;
/** Names of arrays in the saved state, beside the network's. */
const [SETTINGS, PRIOR, VOCABULARY] = ['settings', 'prior', 'vocabulary'] as const;

const settingsSchema = z.object({
  /** Of the network that is cut to the tokens in use. */
  config: gpt2ConfigSchema,
  /** Of the tokenizer. */
  tokens: z.int(),
  template: z.literal(likedTemplateName),
  weights: z.object({ priorWeight: z.number(), popularityWeight: z.number() }),
  threshold: z.number(),
  contextLength: z.int(),
  width: z.int(),
  choosing: z.boolean().default(false),
});

/** What `loadLiked` makes the same model of; `model` is cut to the vocabulary of `template`. */
export function stateOfLiked(
  { config, parameters, tokenizer }: BaseModel,
  template: LikedTemplate,
  { prior, weights, threshold, contextLength, width, choosing }: LikedRanking,
): SavedState {
  const { priorWeight, popularityWeight } = weights;
  return {
    [SETTINGS]: settingsArray({
      config,
      tokens: tokenizer.vocabularySize,
      template: likedTemplateName,
      weights: { priorWeight, popularityWeight },
      threshold,
      contextLength,
      width,
      choosing,
    } satisfies z.input<typeof settingsSchema>),
    [PRIOR]: prior,
    [VOCABULARY]: template.vocabulary,
    ...Object.fromEntries([...parameters].map(([name, { data }]) => [name, data])),
  };
}

interface UseContext {
  threads: number;
  /** The generator of the prompts. */
  rng: Rng;
}

/**
 * The model from what `save` gave and the tokenizer of `folder`. Throws DataError when the arrays do not fit each other or
 * the tokens of the titles.
 */
export async function loadLiked(
  state: SavedState,
  folder: string,
  train: TrainingSet,
  { threads, rng }: UseContext,
): Promise<UsableModel> {
  const { config, tokens, ...settings } = savedSettings(state, SETTINGS, settingsSchema);
  const tokenizer = await loadTokenizer(folder, tokens);
  const template = new LikedTemplate(tokenizer, train);
  const { vocabulary } = template;
  if (
    savedArray(state, VOCABULARY, Int32Array, vocabulary.length).some((token, n) => token !== vocabulary[n])
  ) {
    throw new DataError({
      place: `tokenizer of ${folder}`,
      found: 'other tokens of the titles than those that the model was trained on',
      remedy: 'Fit the model again.',
    });
  }
  const prior = savedArray(state, PRIOR, Float32Array, train.itemCount);
  const parameters = savedParameters(state, parameterShapes(config));
  const decoder = new OnnxDecoder(config, parameters, threads);
  const ranker = { ...settings, prior, decoder, template, rng };
  const forReaders = (own: TrainingSet, labelOf: (user: number) => number | string): UsableModel => ({
    recommend: (users, k, selection = { candidates: train.catalogue }) =>
      rankAll(ranker, own, users, k, selection, labelOf),
    explain: (user, items, count) => {
      const rated = [...indicesOf(own.byUser, user)];
      return genreReasons(own, user, items, rated, count);
    },
    foldIn: (histories: Csr) =>
      Promise.resolve(forReaders({ ...train, byUser: histories }, () => 'somebody new')),
    dispose: () => decoder.dispose(),
  });
  return forReaders(train, (user) => train.userIds[user]!);
}

interface Ranker extends LikedRanking {
  decoder: OnnxDecoder;
  template: LikedTemplate;
  rng: Rng;
}

async function rankAll(
  { decoder, template, prior, weights, threshold, contextLength, width, choosing, rng }: Ranker,
  train: TrainingSet,
  users: Int32Array,
  k: number,
  { candidates, includeSeen = false }: Selection,
  labelOf: (user: number) => number | string,
) {
  const titled = candidates.filter((item) => train.movies.titles[item] !== '');
  const trie = titleTrie(template, choosing ? template.items : titled);
  const offsets = titleOffsets(trie, offsetsOf(prior, train, weights));
  const known = new Set(template.items);
  const { signal } = new AbortController(); // never fires
  const lists: ScoredItem[][] = [];
  for (let at = 0; at < users.length; at += USERS_PER_BATCH) {
    const requests = Array.from(users.subarray(at, at + USERS_PER_BATCH), (user) => {
      const taste = knownTaste(tasteOf(train, user, threshold, choosing), known);
      const drawn = rng.derive(`user ${labelOf(user)}`);
      const { tokens: prompt } = choosePrompt(taste, template, contextLength - TITLE_TOKENS, drawn);
      const seen = includeSeen ? [] : indicesOf(train.byUser, user);
      return choosing
        ? { prompt, ...choiceTitles(trie, template, seen, titled), offsets }
        : { prompt, titles: new AllowedTitles(trie, seen), offsets };
    });
    const rankings = await rankByLikelihood(decoder, requests, { k, width }, signal);
    lists.push(...rankings.map(({ best }) => best));
  }
  return topKOf(lists, k);
}

/** Without movies that have no title in the template: those without a training rating. */
function knownTaste(taste: Taste, known: ReadonlySet<number>): Taste {
  const only = (section: keyof Taste) => taste[section].filter((item) => known.has(item));
  return { disliked: only('disliked'), watched: only('watched'), liked: only('liked') };
}
