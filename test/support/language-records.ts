/** Records of language models with texts that a test chooses. */
import type { LanguageRecord } from '../../src/experiment/record.ts';
import { recordOf, type RecordOptions } from './records.ts';

/** A record of one language model; every user gets the same `titles`, with a reason each. */
export function languageRecordOf(
  name: string,
  hitRanks: number[][],
  titles: string[],
  options: RecordOptions = {},
): LanguageRecord {
  const record = recordOf({ [name]: hitRanks }, { experiment: name, ...options });
  return {
    ...record,
    language: {
      template: 'a test, version 1',
      shares: { exact: 0.5, normalised: 0.3, 'out-of-catalogue': 0.1, 'already-seen': 0.05, repeated: 0.05 },
      truncatedHistories: 0,
      users: record.models[0]!.perUser.userIds.map((userId) => ({
        userId,
        history: `User ${userId} has watched ${titles[0]}, rated 5.0/5`,
        state: 'answered',
        reply: titles.join('\n'),
        recommendations: titles.map((title, n) => ({
          rank: n + 1,
          text: title,
          movieId: n + 1,
          title,
          reason: `because of ${title}`,
          match: 'exact',
        })),
      })),
      details: { costUsd: 0.25 },
    },
  };
}
