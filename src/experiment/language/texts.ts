/** What the records of language models hold beyond those of other models: texts, match classes, shares. */
import { computeMatchShares } from '../../language/grounding.ts';
import type { LanguageFitted } from '../../models/language-model.ts';
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
