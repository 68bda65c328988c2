/** What the records of language models hold beyond those of other models: texts, match classes, shares. */
import { computeMatchShares } from '../../language/grounding.ts';
import type { LanguageFitted } from '../../models/language-model.ts';
import { idIndexer } from '../../data/ids.ts';
import { idOf } from '../../data/ratings/values.ts';
import { UsageError } from '../../util/errors.ts';
import { Rng } from '../../util/rng.ts';
import type { Prepared } from '../prepare.ts';
import type { LanguageRecord } from '../record.ts';

/** The `language` part of a record. */
export function describeExchanges(
  { dataset }: Pick<Prepared, 'dataset'>,
  { template, exchanges }: LanguageFitted,
  details: Record<string, unknown>,
): LanguageRecord['language'] {
  return {
    template,
    shares: computeMatchShares(exchanges.flatMap(({ entries }) => entries)),
    truncatedHistories: exchanges.filter(({ history }) => history.truncatedRatings > 0).length,
    users: exchanges.map(({ user, history, state, reply, entries }) => ({
      userId: dataset.userIds[user]!,
      history: history.text,
      state,
      reply,
      recommendations: entries.map(({ title, reason, item, match }, n) => ({
        rank: n + 1,
        text: title,
        movieId: item < 0 ? null : dataset.itemIds[item]!,
        title: item < 0 ? null : dataset.movies.titles[item]!,
        reason,
        match,
      })),
    })),
    details,
  };
}

/** A sample of `count` evaluable users, drawn by the protocol's seed. Ascending user indices. */
export function sampleUsers({ evaluable, protocol }: Prepared, count: number): Int32Array {
  return new Rng(protocol.seed).derive('users').shuffle(evaluable.slice()).slice(0, count).sort();
}

/** The users of `ids`, where they are given; else a sample of `count`, or all that can be evaluated. */
export function chooseUsers(
  prepared: Prepared,
  ids: readonly (string | number)[] | undefined,
  count: number | undefined,
): Int32Array {
  return ids === undefined
    ? sampleUsers(prepared, count ?? prepared.evaluable.length)
    : findUsers(prepared, ids);
}

/** Released ids to ascending user indices, each once. Throws UsageError naming an id that the data set does not have. */
export function findUsers({ dataset }: Prepared, ids: readonly (string | number)[]): Int32Array {
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
