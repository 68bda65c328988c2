/** Which users models are compared on: those that all but the small samples share, and the samples apart. */
import type { Id } from '../../data/dataset.ts';
import { byId } from '../../data/ids.ts';
import { DataError } from '../../util/errors.ts';
import type { PerUser } from '../record.ts';
import { perUserOfSeeds } from '../seeds/combine.ts';
import type { RecordedModel } from './recorded-models.ts';

/** A model that was evaluated on less than this share of the users of the model with most counts as evaluated on a sample. */
const MIN_SHARE_OF_LARGEST = 0.5;

/** Models and the users that all of them were evaluated on. */
export interface Population {
  /** Released ids, ascending. */
  users: Id[];
  recorded: RecordedModel[];
}

export interface Populations {
  main: Population;
  samples: Population[];
  /** Evaluated on a sample that shares no user with the main population. */
  leftOut: RecordedModel[];
}

/**
 * The main population, and one for each sample of users on which some models were evaluated: those models, and all of
 * the main ones beside them. A record of five users thus leaves the comparison of the others as it is. Users of a record
 * over seeds are those that were evaluated with every seed. Throws DataError naming the files when models of the main
 * population share no user, and when none would be left to compare a model with.
 */
export function populationsOf(recorded: readonly RecordedModel[]): Populations {
  const evaluated = recorded.map((model) => ({ model, userIds: usersOf([model]) }));
  const largest = evaluated.reduce((a, b) => (b.userIds.length > a.userIds.length ? b : a)).userIds;
  const isMain = ({ userIds }: { userIds: Id[] }) =>
    commonUsers([{ userIds: largest }, { userIds }]).length >= MIN_SHARE_OF_LARGEST * largest.length;
  const main = populationOf(evaluated.filter(isMain).map(({ model }) => model));
  if (main.users.length === 0) throw noCommonUserError(main.recorded);

  const bySample = new Map<string, RecordedModel[]>();
  for (const { model, userIds } of evaluated.filter((own) => !isMain(own))) {
    const key = userIds.join();
    bySample.set(key, [...(bySample.get(key) ?? []), model]);
  }
  const samples: Population[] = [];
  const leftOut: RecordedModel[] = [];
  for (const own of bySample.values()) {
    const sample = populationOf([...main.recorded, ...own]);
    if (sample.users.length > 0) samples.push(sample);
    else leftOut.push(...own);
  }
  if (leftOut.length > 0 && recorded.length - leftOut.length === 1) throw noCommonUserError(recorded);
  return { main, samples, leftOut };
}

function populationOf(recorded: RecordedModel[]): Population {
  return { users: usersOf(recorded), recorded };
}

/** Released ids, ascending, of the users that every model was evaluated on with every seed. */
function usersOf(recorded: readonly RecordedModel[]): Id[] {
  return commonUsers(recorded.flatMap(({ result }) => perUserOfSeeds(result)));
}

function noCommonUserError(recorded: readonly RecordedModel[]): DataError {
  const files = [...new Set(recorded.map(({ file }) => file))];
  const overSeeds = recorded.some(({ result }) => result.seeds !== undefined);
  return new DataError({
    place: files.join(', '),
    found: `no user that every model was evaluated on${overSeeds ? ' with every seed' : ''}`,
    remedy:
      files.length > 1
        ? 'Name fewer files: `recsys compare FILE FILE`.'
        : 'Run it again on more users, or with one seed.',
  });
}

/** Released ids, ascending, of the users that every result has. */
export function commonUsers(results: readonly Pick<PerUser, 'userIds'>[]): Id[] {
  const [first = [], ...others] = results.map(({ userIds }) => userIds);
  const sets = others.filter((userIds) => !isSame(userIds, first)).map((userIds) => new Set(userIds));
  return first.filter((userId) => sets.every((set) => set.has(userId))).sort(byId);
}

/** As most results of a comparison are, on the same users in the same order. */
export function isSame(a: readonly Id[], b: readonly Id[]): boolean {
  return a.length === b.length && a.every((userId, n) => userId === b[n]);
}

/** Hits of the users `wanted`, in that order. */
export function restrict({ userIds, relevant, hitRanks }: PerUser, wanted: readonly Id[]): PerUser {
  if (isSame(userIds, wanted)) return { userIds, relevant, hitRanks };
  const rowOf = new Map(userIds.map((userId, row) => [userId, row]));
  const rows = wanted.map((userId) => rowOf.get(userId)!);
  return {
    userIds: [...wanted],
    relevant: rows.map((row) => relevant[row]!),
    hitRanks: rows.map((row) => hitRanks[row]!),
  };
}
