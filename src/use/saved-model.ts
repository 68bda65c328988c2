/**
 * A saved model as a folder that needs nothing beside it:
 *
 * - `model.json`: what it is, what it was fitted on, and the other two files by name and SHA-256;
 * - `arrays-*.safetensors`: what the fit learned (`model.*`) and the ratings that it was fitted on (`data.*`);
 * - `movies-*.json`: ids, titles, years, genres and tags.
 *
 * `model.json` is written last and replaced in one step, and the other files are named after their content, so that a
 * folder holds the former model or the new one at any moment, whatever stops the process.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Dataset, Ids, Ratings, Tags } from '../data/dataset.ts';
import { trainingSet, type TrainingSet } from '../data/training-set.ts';
import {
  digestOf,
  readTensorFile,
  tensorFileChunks,
  writeTensorFile,
  type NamedTensor,
} from '../huggingface/named-tensors.ts';
import type { RunnableModel } from '../experiment/run.ts';
import type { SavedState } from '../models/recommender.ts';
import { isLoadable, isRegistered, loadModel, modelNames, recordedSpec } from '../models/registry.ts';
import { savedArray, type UsableModel } from '../models/saved.ts';
import { DataError } from '../util/errors.ts';
import { exists, readTextFile, readWholeFile, sha256, writeFileAtomic } from '../util/files.ts';
import { parseJson } from '../util/parse.ts';
import { ownVersion, versionsFit } from './versions.ts';

const FORMAT_VERSION = 1;
/** Said of a file that cannot be read. */
const FILE_WANTED = 'a file of a saved model';
/** The file that makes a folder a saved model. */
export const MANIFEST = 'model.json';
/** Of a folder that PEFT or `finetune-gpt2 --lora` wrote. */
const ADAPTER = 'adapter_config.json';
/** Files of this and of former models in the folder. */
const PARTS = /^(?:arrays|movies)-[0-9a-f]{16}[.](?:safetensors|json)$/;

const fileSchema = z.object({ name: z.string().regex(PARTS), sha256: z.string(), bytes: z.int() });

const manifestSchema = z.object({
  format: z.literal('recsys model'),
  formatVersion: z.int(),
  /** Version of recsys that saved it. */
  recsys: z.string(),
  name: z.string(),
  model: z.string(),
  hyperparameters: z.record(z.string(), z.unknown()),
  facts: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
  dataset: z.object({
    name: z.string(),
    files: z.array(z.object({ name: z.string(), sha256: z.string(), bytes: z.int() })),
    scale: z.object({ min: z.number(), max: z.number(), step: z.number() }),
  }),
  /** `split` "none": fitted on all ratings, for use; otherwise on the training part of that split. */
  fittedOn: z.object({
    split: z.string(),
    testShare: z.number().optional(),
    seed: z.int(),
    splitDigest: z.string(),
    trainRatings: z.int(),
  }),
  files: z.object({ arrays: fileSchema, movies: fileSchema }),
});
const signedSchema = manifestSchema.extend({
  /** SHA-256 of the rest of this file as compact JSON. */
  digest: z.string(),
});
export type Manifest = z.output<typeof manifestSchema>;

const idsSchema = z.union([z.array(z.int()), z.array(z.string())]);

const moviesSchema = z.object({
  userIds: idsSchema,
  itemIds: idsSchema,
  titles: z.array(z.string()),
  years: z.array(z.int()),
  genres: z.array(z.array(z.string())),
  tags: z
    .object({
      users: z.array(z.int()),
      items: z.array(z.int()),
      texts: z.array(z.string()),
      timestamps: z.array(z.int()),
    })
    .optional(),
});

export interface ModelToSave {
  spec: Pick<RunnableModel, 'name' | 'model' | 'hyperparameters'>;
  state: SavedState;
  facts: Manifest['facts'];
  dataset: Pick<Dataset, 'name' | 'files'>;
  train: TrainingSet;
  fittedOn: Manifest['fittedOn'];
}

/** A saved model, read and verified. */
export interface SavedModel {
  folder: string;
  manifest: Manifest;
  train: TrainingSet;
  model: UsableModel;
}

/**
 * Saves a model in `folder`, which is made; a model that was saved there is replaced. Throws RecsysError naming the file
 * that cannot be written; the former model is kept then.
 */
export async function saveModel(folder: string, saved: ModelToSave): Promise<void> {
  const { spec, state, facts, dataset, train, fittedOn } = saved;
  const arrays = arraysOf(state, train);
  const movies = moviesJson(train);
  const arraysDigest = digestOf(tensorFileChunks(arrays));
  const moviesDigest = digestOf([Buffer.from(movies)]);
  const files = {
    arrays: { name: `arrays-${arraysDigest.sha256.slice(0, 16)}.safetensors`, ...arraysDigest },
    movies: { name: `movies-${moviesDigest.sha256.slice(0, 16)}.json`, ...moviesDigest },
  };
  await writeTensorFile(join(folder, files.arrays.name), arrays);
  await writeFileAtomic(join(folder, files.movies.name), movies);
  const { name, files: sources } = dataset;
  const manifest = manifestSchema.parse({
    format: 'recsys model',
    formatVersion: FORMAT_VERSION,
    recsys: ownVersion,
    ...spec,
    facts,
    dataset: { name, files: sources, scale: train.scale }, // in stars, as the ratings of a training set
    fittedOn,
    files,
  });
  const signed = { ...manifest, digest: digestOfManifest(manifest) };
  await writeFileAtomic(join(folder, MANIFEST), `${JSON.stringify(signed, null, 2)}\n`);
  await removeParts(folder, [files.arrays.name, files.movies.name]);
}

/** Removes the saved model of `folder`, if there is one, and no other file. */
export async function removeSavedModel(folder: string): Promise<void> {
  if (!(await exists(join(folder, MANIFEST)))) return;
  await rm(join(folder, MANIFEST));
  await removeParts(folder, []);
}

async function removeParts(folder: string, kept: readonly string[]): Promise<void> {
  for (const name of await readdir(folder)) {
    if (PARTS.test(name) && !kept.includes(name)) await rm(join(folder, name), { force: true });
  }
}

function arraysOf(state: SavedState, train: TrainingSet): Map<string, NamedTensor> {
  const { users, items, values, timestamps } = train.ratings;
  const data: SavedState = { users, items, values, timestamps };
  const named = (prefix: string, arrays: SavedState) =>
    Object.entries(arrays).map(([name, array]): [string, NamedTensor] => [
      `${prefix}.${name}`,
      { shape: [array.length], data: array },
    ]);
  return new Map([...named('model', state), ...named('data', data)]);
}

function moviesJson({ userIds, itemIds, movies: { titles, years, genres }, tags }: TrainingSet): string {
  const ids = { userIds: [...userIds], itemIds: [...itemIds] };
  const plainTags = tags && {
    users: [...tags.users],
    items: [...tags.items],
    texts: tags.texts,
    timestamps: [...tags.timestamps],
  };
  return JSON.stringify({ ...ids, titles, years: [...years], genres, ...(plainTags && { tags: plainTags }) });
}

/**
 * Reads `folder`, verifies every file and builds the model. Throws DataError for no model, another version, a changed or
 * missing file, or arrays that do not fit the options.
 */
export async function loadSavedModel(folder: string, context: { threads: number }): Promise<SavedModel> {
  const manifest = await readManifest(folder);
  const { name, model, hyperparameters, files } = manifest;
  if (model !== 'gpt2' && !(isRegistered(model) && isLoadable(model))) {
    throw new DataError({
      place: join(folder, MANIFEST),
      found: `model '${model}'`,
      wanted: `one of ${modelNames.join(', ')}, gpt2`,
    });
  }
  const [arrays, movies] = await Promise.all([
    readTensorFile(join(folder, files.arrays.name), files.arrays.sha256),
    readMovies(join(folder, files.movies.name), files.movies.sha256),
  ]);
  const part = (prefix: string): SavedState =>
    Object.fromEntries(
      [...arrays]
        .filter(([name]) => name.startsWith(`${prefix}.`))
        .map(([name, { data }]) => [name.slice(prefix.length + 1), data]),
    );
  const train = trainOf(part('data'), movies, manifest);
  const state = part('model');
  const load = async () => {
    if (model !== 'gpt2') {
      return await loadModel(recordedSpec(name, model, hyperparameters), state, train, context);
    }
    const { loadGpt2 } = await import('../models/gpt2/saved.ts');
    const { modelRng } = await import('../experiment/run.ts');
    const rng = modelRng({ protocol: manifest.fittedOn }, name);
    return await loadGpt2({ folder, hyperparameters, state, train }, { ...context, rng });
  };
  return { folder, manifest, train, model: await load() };
}

/** `model.json` of a folder, verified. Throws DataError as `loadSavedModel` does. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST);
  const text = await readTextFile(path, 'a saved model').catch(async (cause: unknown) => {
    if (cause instanceof DataError && cause.facts.found !== 'no such file') throw cause;
    const isNetwork = (await exists(join(folder, 'config.json'))) || (await exists(join(folder, ADAPTER)));
    throw new DataError({
      place: folder,
      found: isNetwork ? `the weights of a GPT-2 without ${MANIFEST}` : 'no saved model',
      wanted: `a folder with ${MANIFEST}`,
      remedy: isNetwork
        ? `\`recsys fit gpt2 --model ${folder} --save DIR\` trains it for use; \`recsys finetune-gpt2\` writes ${MANIFEST} too, but for --template original.`
        : `\`recsys fit mf --save ${folder}\` makes one.`,
      cause,
    });
  });
  const value = parseJson(text, { place: path, wanted: FILE_WANTED });
  refuseOtherVersion(value, path);
  const result = signedSchema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new DataError({
      place: `${path}: ${issue!.path.join('.')}`,
      found: issue!.message,
      remedy: 'Fit the model again.',
    });
  }
  const { digest, ...manifest } = result.data;
  if (digest !== digestOfManifest(manifest)) throw changedError(path);
  return manifest;
}

function refuseOtherVersion(value: unknown, path: string): void {
  const { format, formatVersion, recsys } = (value ?? {}) as Record<string, unknown>;
  if (format !== 'recsys model') {
    throw new DataError({ place: path, found: 'not a model that recsys saved' });
  }
  if (formatVersion === FORMAT_VERSION && typeof recsys === 'string' && versionsFit(recsys)) return;
  throw new DataError({
    place: path,
    found: `saved by recsys ${String(recsys)} in format ${String(formatVersion)}`,
    wanted: `a model of recsys ${ownVersion}, format ${FORMAT_VERSION}`,
    remedy: 'Fit the model again with this version, or use the version that saved it.',
  });
}

/** The same for any order in which the fields were written. */
function digestOfManifest(manifest: Manifest): string {
  return sha256(JSON.stringify(manifestSchema.parse(manifest)));
}

async function readMovies(path: string, expected: string): Promise<z.output<typeof moviesSchema>> {
  const bytes = await readWholeFile(path, 'a file of a saved model');
  if (sha256(bytes) !== expected) throw changedError(path);
  return moviesSchema.parse(parseJson(bytes.toString(), { place: path, wanted: FILE_WANTED }));
}

function trainOf(
  data: SavedState,
  { userIds, itemIds, titles, years, genres, tags }: z.output<typeof moviesSchema>,
  { dataset: { scale }, fittedOn: { trainRatings } }: Manifest,
): TrainingSet {
  const column = (name: string) => savedArray(data, name, Int32Array, trainRatings);
  const ratings: Ratings = {
    users: column('users'),
    items: column('items'),
    values: savedArray(data, 'values', Float32Array, trainRatings),
    timestamps: column('timestamps'),
  };
  const source = {
    userIds: typedIds(userIds),
    itemIds: typedIds(itemIds),
    movies: { titles, years: Int16Array.from(years), genres },
    ...(tags && { tags: typedTags(tags) }),
    scale,
  };
  return trainingSet(source, ratings);
}

/** Ids that are numbers in an array of their own type. */
function typedIds(ids: z.output<typeof idsSchema>): Ids {
  return ids.every((id) => typeof id === 'number') ? Int32Array.from(ids) : ids.map(String);
}

function typedTags(tags: NonNullable<z.output<typeof moviesSchema>['tags']>): Tags {
  return {
    users: Int32Array.from(tags.users),
    items: Int32Array.from(tags.items),
    texts: tags.texts,
    timestamps: Int32Array.from(tags.timestamps),
  };
}

function changedError(path: string): DataError {
  return new DataError({
    place: path,
    found: 'changed since the model was saved',
    remedy: 'Copy the folder again, or fit the model again.',
  });
}

/**
 * Refuses a model that was not fitted on these files. Throws DataError naming the model and both data sets.
 */
export function requireDataset(
  { folder, manifest }: Pick<SavedModel, 'folder' | 'manifest'>,
  { name, files }: Pick<Dataset, 'name' | 'files'>,
): void {
  const digests = (list: Dataset['files']) => list.map((file) => `${file.name} ${file.sha256}`).sort();
  const [own, other] = [digests(manifest.dataset.files), digests(files)];
  if (own.join() === other.join()) return;
  const different = files.filter((file) => !own.includes(`${file.name} ${file.sha256}`));
  throw new DataError({
    place: folder,
    found: `fitted on ${manifest.dataset.name}, of which ${different.map((file) => file.name).join(', ') || 'a file'} differs`,
    wanted: `a model of ${name}`,
    remedy: 'Fit the model on this data set, or leave --dataset out.',
  });
}
