/** The lists that `--save-recommendations` wrote beside a record, for people to look at. */
import { existsSync } from 'node:fs';
import type { Id } from '../../data/dataset.ts';
import { DataError } from '../../util/errors.ts';
import { readTextFile } from '../../util/files.ts';
import { savedListsSchema, type SavedLists } from '../lists.ts';
import type { AnyRecord } from '../record.ts';

export type SavedUser = SavedLists['models'][number]['users'][number];
/** The lists of each model by its name, each by user. */
export type SavedByModel = ReadonlyMap<string, ReadonlyMap<Id, SavedUser>>;

/**
 * The lists saved beside the record at `path`, of the models that have the record's split and hyper-parameters: those
 * of another run are left out. Empty where none were saved. Throws DataError for a damaged file.
 */
export async function readSavedLists(path: string, { protocol, models }: AnyRecord): Promise<SavedByModel> {
  const beside = path.replace(/_metrics[.]json$/, '_recommendations.json');
  const saved = beside === path ? undefined : await readLists(beside);
  if (saved === undefined || saved.splitDigest !== protocol.splitDigest) return new Map();
  const own = saved.models.filter(({ name, hyperparameters }) => {
    const model = models.find((model) => model.name === name);
    return JSON.stringify(model?.hyperparameters) === JSON.stringify(hyperparameters);
  });
  return new Map(own.map(({ name, users }) => [name, new Map(users.map((user) => [user.userId, user]))]));
}

/** Undefined for a file that is not there or that another command or version wrote. */
async function readLists(path: string): Promise<SavedLists | undefined> {
  if (!existsSync(path)) return undefined;
  const wanted = 'the lists that --save-recommendations writes';
  const damagedError = (found: string) =>
    new DataError({
      place: path,
      found,
      wanted,
      remedy: 'Run the experiment again with --save-recommendations, or remove the file.',
    });
  let value: unknown;
  try {
    value = JSON.parse(await readTextFile(path, wanted));
  } catch (error) {
    if (error instanceof SyntaxError) throw damagedError('no JSON');
    throw error;
  }
  if (typeof value !== 'object' || value === null || !('splitDigest' in value)) return undefined;
  const parsed = savedListsSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw damagedError(`${issue!.path.join('.')}: ${issue!.message}`);
}
