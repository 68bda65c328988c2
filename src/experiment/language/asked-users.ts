/** Which users a language model is asked for. */
import { idIndexer } from '../../data/ids.ts';
import { idOf } from '../../data/ratings/values.ts';
import { UsageError } from '../../util/errors.ts';
import { Rng } from '../../util/rng.ts';
import type { Prepared } from '../prepare.ts';

/** A sample of `count` of some users, drawn by the protocol's seed; all where there are no more. Ascending user indices. */
export function sampleUsers(users: Int32Array, count: number, { seed }: { seed: number }): Int32Array {
  return new Rng(seed).derive('users').shuffle(users.slice()).slice(0, count).sort();
}

/** The users of `ids`, where they are given; else a sample of `count` of those that can be evaluated, or all of them. */
export function chooseUsers(
  prepared: Prepared,
  ids: readonly (string | number)[] | undefined,
  count: number | undefined,
): Int32Array {
  if (ids !== undefined) return findUsers(prepared, ids);
  const { evaluable, protocol } = prepared;
  return count === undefined ? evaluable : sampleUsers(evaluable, count, protocol);
}

/** Released ids to ascending user indices, each once. Throws UsageError naming an id that the data set does not have. */
function findUsers({ dataset }: Pick<Prepared, 'dataset'>, ids: readonly (string | number)[]): Int32Array {
  const indexOf = idIndexer(dataset.userIds);
  const users = ids.map((id) => {
    const text = String(id).trim();
    const user = indexOf(idOf(text));
    if (text !== '' && user >= 0) return user;
    throw new UsageError({
      place: '--users',
      found: `user '${text}'`,
      wanted: `a user id of ${dataset.name}, such as ${dataset.userIds[0]}`,
    });
  });
  return Int32Array.from(new Set(users)).sort();
}
