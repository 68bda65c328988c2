/** What is served: saved models and recorded answers about one data set, read once at the start. */
import { basename, join } from 'node:path';
import type { Id } from '../data/dataset.ts';
import { loadDataset } from '../data/loader.ts';
import { REFERENCE_STARS } from '../data/rating-levels.ts';
import { trainingSet, type TrainingSet } from '../data/training-set.ts';
import type { AnyRecord, LanguageRecord } from '../experiment/record.ts';
import { loadSavedModel, MANIFEST, type SavedModel } from '../use/saved-model.ts';
import { TitleSearch } from '../use/search.ts';
import { DataError, RecsysError, UsageError } from '../util/errors.ts';
import { entriesIn, exists } from '../util/files.ts';
import { entriesOf, indicesOf } from '../util/sparse-rows.ts';
import type { RecordFolder, StoredRecord } from './records.ts';

export interface Sources {
  /** Folders of saved models, or folders of such folders. */
  models: readonly string[];
  records: RecordFolder;
  /** Name or path of the data, where the models' own is not a release. */
  dataset?: string | undefined;
}

export interface ServedModel {
  /** Name of its folder; unique. */
  id: string;
  saved: SavedModel;
}

/** A language model's recorded list for one user. */
export interface Answer {
  file: string;
  model: string;
  state: string;
  recommendations: LanguageRecord['language']['users'][number]['recommendations'];
  /** Ranks of the hits among the entries that count, from 1; undefined for a user who was not evaluated. */
  hitRanks: readonly number[] | undefined;
}

export interface RatedMovie {
  item: number;
  stars: number;
}

export interface Contents {
  dataset: string;
  models: ServedModel[];
  /** Models that are not served, and why. */
  refused: { folder: string; reason: string }[];
  /** All ratings where the data could be loaded; else those of the first model. */
  ratings: TrainingSet;
  /** False where only the training ratings of a model are known: nothing can be marked as a hit then. */
  isWhole: boolean;
  search: TitleSearch;
  /** What a reader should know, as sentences. */
  notes: string[];
}

/**
 * Loads everything; only what was refused where there is no saved model: nothing but runs can be shown then. Throws UsageError
 * where `dataset` names the data of no model, and DataError where it names other data than the models'.
 */
export async function openContents(
  { models: folders, dataset }: Sources,
  context: { threads: number },
): Promise<Contents | { refused: Contents['refused'] }> {
  const refused: Contents['refused'] = [];
  const loaded: ServedModel[] = [];
  for (const folder of await modelFolders(folders)) {
    try {
      const saved = await loadSavedModel(folder, context);
      const name = basename(folder);
      const isTaken = loaded.some(({ id }) => id === name);
      loaded.push({ id: isTaken ? folder : name, saved });
    } catch (error) {
      if (!(error instanceof RecsysError)) throw error;
      refused.push({ folder, reason: error.message });
    }
  }
  const [first] = loaded;
  if (first === undefined) {
    if (dataset !== undefined) throw noModelError(dataset, folders, refused);
    return { refused };
  }
  const models = loaded.filter(({ saved }) =>
    isOfSameData(saved.manifest.dataset, first.saved.manifest.dataset),
  );
  for (const { saved } of loaded.filter((model) => !models.includes(model))) {
    const { folder, manifest } = saved;
    refused.push({
      folder,
      reason: `fitted on ${manifest.dataset.name}; one server shows models of one data set`,
    });
  }
  const { name } = first.saved.manifest.dataset;
  const { whole, note } = await wholeData(dataset ?? name, first.saved).catch((error: unknown) => {
    // Of data that were not asked for, only the hits are missed.
    if (dataset !== undefined || !(error instanceof RecsysError)) throw error;
    return { whole: undefined, note: `${error.message} Hits cannot be marked; --dataset names the data.` };
  });
  const ratings = whole ?? first.saved.train;
  return {
    dataset: name,
    models,
    refused,
    ratings,
    isWhole: whole !== undefined,
    search: new TitleSearch(ratings),
    notes: note === undefined ? [] : [note],
  };
}

/** The folders themselves, or those in them that hold a model. Throws DataError for a file. */
async function modelFolders(folders: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    if (await exists(join(folder, MANIFEST))) {
      found.push(folder);
      continue;
    }
    for (const entry of (await entriesIn(folder)).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = join(folder, entry.name);
      if (entry.isDirectory() && (await exists(join(inner, MANIFEST)))) found.push(inner);
    }
  }
  return [...new Set(found)];
}

type Files = Pick<AnyRecord['dataset'], 'files'>;

export function isOfSameData(a: Files, b: Files): boolean {
  const digests = ({ files }: Files) => files.map(({ name, sha256 }) => `${name} ${sha256}`).sort();
  return digests(a).join() === digests(b).join();
}

/** Throws DataError for data that are not there, and for others than those that the model was fitted on. */
async function wholeData(
  nameOrPath: string,
  { manifest }: SavedModel,
): Promise<{ whole: TrainingSet; note?: undefined }> {
  const dataset = await loadDataset(nameOrPath);
  if (!isOfSameData(dataset, manifest.dataset)) {
    throw new DataError({
      place: nameOrPath,
      found: 'not the data that the models were fitted on',
      wanted: `${manifest.dataset.name} with the same files`,
    });
  }
  return { whole: trainingSet(dataset, dataset.ratings) };
}

function noModelError(dataset: string, folders: readonly string[], refused: Contents['refused']): UsageError {
  const [first] = refused;
  return new UsageError({
    place: '--dataset',
    found: first ? `no model that can be read: ${first.reason}` : `no saved model in ${folders.join(', ')}`,
    wanted: 'a saved model, whose data it names',
    remedy: `\`recsys fit mf --dataset ${dataset} --save models/mf\` makes one.`,
  });
}

/** What a user has rated, best first; with equal stars, movies that more people rated come first. */
export function ratingsOf({ ratings }: Pick<Contents, 'ratings'>, user: number): RatedMovie[] {
  const counts = ratings.ratingCounts;
  return [...entriesOf(ratings.byUser, user)]
    .map(([item, stars]) => ({ item, stars }))
    .sort((a, b) => b.stars - a.stars || counts[b.item]! - counts[a.item]!);
}

/**
 * The movies that a model could not know and that the user rated 4 stars or more, or at all where all ratings are equal: a list
 * that holds one has a hit. Undefined where nothing was held out, or where it is not known.
 */
export function heldOutHits(
  { ratings, isWhole }: Pick<Contents, 'ratings' | 'isWhole'>,
  { saved: { manifest, train } }: ServedModel,
  user: number,
): Set<Id> | undefined {
  if (manifest.fittedOn.split === 'none' || !isWhole) return undefined;
  const known = new Set(indicesOf(train.byUser, user));
  const hits = [...entriesOf(ratings.byUser, user)].filter(
    ([item, stars]) => stars >= REFERENCE_STARS && !known.has(item),
  );
  return new Set(hits.map(([item]) => ratings.itemIds[item]!));
}

/** What the models that were fitted on a training part could not know of a user; those of another split may differ. */
export function heldOutItems({ ratings, isWhole, models }: Contents, user: number): Set<number> {
  const own = models.find(({ saved }) => saved.manifest.fittedOn.split !== 'none');
  if (own === undefined || !isWhole) return new Set();
  const known = new Set(indicesOf(own.saved.train.byUser, user));
  return new Set(indicesOf(ratings.byUser, user).filter((item) => !known.has(item)));
}

/** The recorded answers of language models about a user, in the order of the files. */
export function answersTo(
  { models: [first] }: Pick<Contents, 'models'>,
  records: readonly StoredRecord[],
  userId: Id,
): Answer[] {
  return records.flatMap(({ file, record }) => {
    const { language, models, dataset } = record;
    if (language === undefined || !first || !isOfSameData(dataset, first.saved.manifest.dataset)) return [];
    const answer = language.users.find((own) => String(own.userId) === String(userId));
    if (answer === undefined) return [];
    const { perUser, name } = models[0]!;
    const row = perUser.userIds.findIndex((id) => String(id) === String(userId));
    const { state, recommendations } = answer;
    return [{ file, model: name, state, recommendations, hitRanks: perUser.hitRanks[row] }];
  });
}
