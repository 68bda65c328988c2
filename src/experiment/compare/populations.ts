/** Which users models are compared on: those that all but the small samples share, and the samples apart. */
import type { Id } from '../../data/dataset.ts';
import { byId } from '../../data/ids.ts';
import { DataError } from '../../util/errors.ts';
import type { PerUser } from '../record.ts';
import { perUserOfSeeds } from '../seeds/combine.ts';
import type { RecordedModel } from './recorded-models.ts';

/** A model that was evaluated on less than this share of the largest record's users counts as evaluated on a sample. */
const MIN_SHARE_OF_LARGEST = 0.5;

/** Models and the users that all of them were evaluated on. */
export interface Population {
  /** Released ids, ascending. */
  users: Id[];
  recorded: RecordedModel[];
}

/**
 * The main population, and one for each sample of users on which some models were evaluated: those models, and all of
 * the main ones beside them. A record of five users thus leaves the comparison of the others as it is. Throws DataError
 * naming the files when models of the main population, or a sample and it, share no user.
 */
export function populationsOf(recorded: readonly RecordedModel[]): {
  main: Population;
  samples: Population[];
} {
  const largest = recorded.reduce((a, b) => (usersOf(b).length > usersOf(a).length ? b : a));
  const isMain = (model: RecordedModel) =>
    commonUsers([largest, model].flatMap(({ result }) => perUserOfSeeds(result))).length >=
    MIN_SHARE_OF_LARGEST * usersOf(largest).length;
  const main = populationOf(recorded.filter(isMain));
  const samples = new Map<string, RecordedModel[]>();
  for (const model of recorded) {
    if (isMain(model)) continue;
    const key = usersOf(model).toSorted(byId).join();
    samples.set(key, [...(samples.get(key) ?? []), model]);
  }
  return {
    main,
    samples: [...samples.values()].map((own) => populationOf([...main.recorded, ...own])),
  };
}

function populationOf(recorded: RecordedModel[]): Population {
  const users = commonUsers(recorded.flatMap(({ result }) => perUserOfSeeds(result)));
  if (users.length > 0) return { users, recorded };
  throw new DataError({
    place: [...new Set(recorded.map(({ file }) => file))].join(', '),
    found: 'no user that every model was evaluated on',
    remedy: 'Name fewer files: `recsys compare FILE FILE`.',
  });
}

function usersOf({ result }: RecordedModel): Id[] {
  return result.perUser.userIds;
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
