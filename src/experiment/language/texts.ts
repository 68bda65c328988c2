/** What the records of GPT-2 and GPT-4o share beyond those of other models: texts, match classes, shares. */
import { computeMatchShares } from '../../language/grounding.ts';
import type { Exchange } from '../../models/language-model.ts';
import { UsageError } from '../../util/errors.ts';
import { Rng } from '../../util/rng.ts';
import type { Prepared } from '../prepare.ts';
import type { LanguageRecord } from '../record.ts';

/** The `language` part of a record. */
export function languagePart(
  { dataset }: Pick<Prepared, 'dataset'>,
  template: string,
  exchanges: readonly Exchange[],
  details: Record<string, unknown>,
): LanguageRecord['language'] {
  return {
    template,
    shares: computeMatchShares(exchanges.flatMap(({ entries }) => entries)),
    historiesCut: exchanges.filter(({ history }) => history.truncatedRatings > 0).length,
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

/**
 * Who is asked: the released ids in `ids` ("425,12"), or a sample of `count` evaluable users, drawn by the protocol's
 * seed. Ascending user indices. Throws UsageError naming an id that the data set does not have.
 */
export function chooseUsers(prepared: Prepared, { ids, count }: { ids?: string; count: number }): Int32Array {
  const { dataset, evaluable, protocol } = prepared;
  if (ids === undefined) {
    return new Rng(protocol.seed).derive('users').shuffle(evaluable.slice()).slice(0, count).sort();
  }
  const users = ids.split(',').map((text) => {
    const user = dataset.userIds.indexOf(Number(text.trim()));
    if (text.trim() !== '' && user >= 0) return user;
    throw new UsageError({
      place: '--users',
      found: `user '${text.trim()}'`,
      wanted: `a user id of ${dataset.name}, such as ${dataset.userIds[0]}`,
    });
  });
  return Int32Array.from(new Set(users)).sort();
}
