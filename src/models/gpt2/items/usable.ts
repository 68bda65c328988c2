/** Item GPT-2 in use: a trained one, saved and loaded, asked about its users and about people it has not seen. */
import { z } from 'zod';
import type { Csr } from '../../../data/csr.ts';
import type { TrainingSet } from '../../../data/training-set.ts';
import type { Parameters } from '../../../huggingface/tensors.ts';
import { recommendByDotProduct } from '../../../numeric/top-n.ts';
import type { Rng } from '../../../util/rng.ts';
import { entriesOf, indicesOf } from '../../../util/sparse-rows.ts';
import type { SavedState } from '../../recommender.ts';
import { emptyRows, savedSettings, settingsArray, type UsableModel } from '../../saved.ts';
import { gpt2ConfigSchema, parameterShapes, type Gpt2Config } from '../network/config.ts';
import { savedParameters } from '../network/saved.ts';
import { genreReasons } from '../prompt/listed.ts';
import type { ItemObjective } from './batches.ts';
import { itemHistories, itemVocabulary, type ItemHistory, type ItemVocabulary } from './histories.ts';
import { MARKS, MOVIES, POSITIONS } from './network.ts';
import { ItemPredictor } from './predictor.ts';
import { movieRows } from './ranking.ts';

/** A trained item GPT-2 and how it reads a history. */
interface ItemModel {
  config: Gpt2Config;
  parameters: Parameters;
  vocabulary: ItemVocabulary;
  /** Ratings by time. */
  ordered: boolean;
  objective: ItemObjective;
}

/** Array of the saved state that holds what is no array. */
const SETTINGS = 'settings';

const settingsSchema = z.object({
  config: gpt2ConfigSchema,
  ordered: z.boolean(),
  objective: z.enum(['set', 'next']),
});

/** What `modelOfState` makes the same model of, with the training set. */
export function stateOfItems({ config, parameters, ordered, objective }: ItemModel): SavedState {
  return {
    [SETTINGS]: settingsArray({ config, ordered, objective } satisfies z.input<typeof settingsSchema>),
    ...Object.fromEntries([...parameters].map(([name, { data }]) => [name, data])),
  };
}

/** Throws DataError when the arrays do not fit each other or the training set. */
function modelOfState(state: SavedState, train: TrainingSet): ItemModel {
  const settings = savedSettings(state, SETTINGS, settingsSchema);
  const { config } = settings;
  const vocabulary = itemVocabulary(train);
  const shapes = parameterShapes(config);
  shapes.delete('transformer.wte.weight');
  if (state[POSITIONS] === undefined) shapes.delete(POSITIONS);
  shapes.set(MOVIES, [vocabulary.catalogue.length, config.n_embd]);
  shapes.set(MARKS, [vocabulary.stars.length + 1, config.n_embd]);
  return { ...settings, vocabulary, parameters: savedParameters(state, shapes) };
}

/** The model from what `save` gave. Throws DataError when it does not fit the training set. */
export function loadItems(state: SavedState, train: TrainingSet, context: UseContext): UsableModel {
  return usableItems(modelOfState(state, train), train, context);
}

/** Who is asked about: users of the training set or other people. */
interface Readers {
  byUser: Csr;
  historiesOf: (users: Int32Array) => ItemHistory[];
  /** The name of a user's generator, which draws from a history that is too long. */
  labelOf: (user: number) => number;
}

interface UseContext {
  threads: number;
  /** The generator of the prompts. */
  rng: Rng;
}

/** The model for the users of `train`. Each history is read by itself, so that a user's numbers do not depend on the others'. */
function usableItems(model: ItemModel, train: TrainingSet, context: UseContext): UsableModel {
  const predictor = new ItemPredictor(model.config, context.threads);
  const itemFactors = movieRows(model.parameters, model.vocabulary, train.itemCount);
  const forReaders = (readers: Readers): UsableModel => ({
    async recommend(users, k, selection = { candidates: train.catalogue }) {
      const userFactors = await statesOf(model, predictor, readers, users, context.rng);
      const { candidates, includeSeen = false } = selection;
      return await recommendByDotProduct({
        factors: model.config.n_embd,
        userFactors,
        itemFactors,
        catalogue: candidates,
        seen: includeSeen ? emptyRows(readers.byUser.rows) : readers.byUser,
        users,
        k,
        threads: context.threads,
      });
    },
    explain: (user, items, count) => {
      const { byUser } = readers;
      const rated = [...indicesOf(byUser, user)];
      return genreReasons({ movies: train.movies, byUser }, user, items, rated, count);
    },
    foldIn: (histories) => Promise.resolve(forReaders(peopleOf(histories, model.vocabulary))),
    dispose: () => predictor.dispose(),
  });
  return forReaders({
    byUser: train.byUser,
    historiesOf: (users) => itemHistories(train, model.vocabulary, users, 0),
    labelOf: (user) => user,
  });
}

/** (all users, C): the states of `users`, the others' rows 0. */
async function statesOf(
  { config, parameters, ordered, objective }: ItemModel,
  predictor: ItemPredictor,
  { byUser, historiesOf, labelOf }: Readers,
  users: Int32Array,
  rng: Rng,
): Promise<Float32Array> {
  const C = config.n_embd;
  const states = new Float32Array(byUser.rows * C);
  const options = { contextLength: config.n_positions, batchSize: 1, ordered, objective };
  const { signal } = new AbortController(); // never fires: a block of users takes a moment
  for (const history of historiesOf(users)) {
    const user = labelOf(history.user);
    const found = await predictor.states(parameters, [{ ...history, user }], options, { rng, signal });
    states.set(found.get(user)!, history.user * C);
  }
  return states;
}

/**
 * People by their ratings: movies without a token are left out, and a rating value that train does not have counts as the
 * nearest one. Their ratings have no times, so a model that reads by time reads them in the order of the items.
 */
function peopleOf(histories: Csr, { catalogue, stars }: ItemVocabulary): Readers {
  const tokenOf = new Map(Array.from(catalogue, (item, token) => [item, token]));
  const levelOf = (given: number) => {
    const distances = stars.map((value) => Math.abs(value - given));
    return distances.indexOf(Math.min(...distances));
  };
  return {
    byUser: histories,
    labelOf: () => 0,
    historiesOf: (users) =>
      Array.from(users, (user) => {
        const known = [...entriesOf(histories, user)].filter(([item]) => tokenOf.has(item));
        return {
          user,
          tokens: Int32Array.from(known, ([item]) => tokenOf.get(item)!),
          levels: Uint8Array.from(known, ([, given]) => levelOf(given)),
          liked: new Uint8Array(known.length),
        };
      }),
  };
}
